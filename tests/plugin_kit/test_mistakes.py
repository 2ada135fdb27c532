"""Typical mistakes in a plugin: what is said names the place and what to write instead."""

import pytest
from mostly_slow import slow_where

from priorlab.cli import main

PRIOR = """
from dataclasses import dataclass
from priorlab import Denoiser, Regularizer, hookimpl, parameter

class Mine(Denoiser):
    "Mine."
    name = "mine"
    def denoise(self, v, sigma):
        return {answer}

{mark}
def priorlab_priors():
    return [Mine]
"""

ENERGY = """
from priorlab import Regularizer, hookimpl

class Mine(Regularizer):
    "Mine."
    name = "mine"
    def energy(self, x):
        return float(x.square().sum())

@hookimpl
def priorlab_priors():
    return [Mine]
"""


@pytest.mark.parametrize(
    ("text", "says"),
    slow_where(
        lambda text, says: says in ("SystemExit", "returned NaN or infinity") or text == ENERGY,
        [
            (
                PRIOR.format(answer="v.numpy()", mark="@hookimpl"),
                "torch.from_numpy makes one of an",
            ),
            (
                PRIOR.format(answer="v.mean()", mark="@hookimpl"),
                "expected a tensor of shape (1, 3, ",
            ),
            (PRIOR.format(answer="v * float('nan')", mark="@hookimpl"), "returned NaN or infinity"),
            (PRIOR.format(answer="exit(3)", mark="@hookimpl"), "SystemExit"),
            (ENERGY, "energy returned float; expected a tensor of shape (1,), one value for each"),
            (
                PRIOR.format(answer="v", mark=""),
                "write @hookimpl in the line above 'def priorlab_pri",
            ),
            ("import no_such_module", "No module named 'no_such_module'"),
        ],
    ),
)
def test_a_mistake_is_said_in_one_sentence(text, says, tmp_path, photo, capsys):
    file = tmp_path / "mine.py"
    file.write_text(text)
    given = ["restore", str(photo), "--task", "denoise:sigma=25", "--prior", "mine"]
    code = main([*given, "--plugin", str(file), "-o", str(tmp_path / "clean.png")])
    told = capsys.readouterr()
    assert code != 0
    if says not in told.err:  # what does not load is named with the unknown name
        assert "plugins with problems, see 'priorlab plugins': mine.py: " in told.err
        assert main(["plugins", "--plugin", str(file)]) == 1
        assert says in capsys.readouterr().out


def test_debug_shows_the_traceback_of_a_plugin(tmp_path, photo, capsys, monkeypatch):
    file = tmp_path / "mine.py"
    file.write_text(PRIOR.format(answer="v / undefined", mark="@hookimpl"))
    given = ["restore", str(photo), "--task", "denoise:sigma=25", "--prior", "mine"]
    given += ["--plugin", str(file), "-o", str(tmp_path / "clean.png")]
    assert main(given) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "NameError: name 'undefined' is not defined (--debug shows where)" in told
    for typed in (["--debug", *given], [*given, "--debug"]):
        assert main(typed) == 2
        told = capsys.readouterr().err
        assert "return v / undefined" in told and "mine.py" in told
    for value, shown in (("1", True), ("0", False)):
        monkeypatch.setenv("PRIORLAB_DEBUG", value)
        assert main(given) == 2
        assert ("return v / undefined" in capsys.readouterr().err) == shown


@pytest.mark.parametrize(
    "given", [["show", "mine", "--plugin"], ["plugins", "test"]], ids=["show", "test"]
)
def test_debug_shows_the_traceback_of_a_plugin_that_does_not_load(given, tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("import priorlab\n1 / 0\n")
    assert main([*given, str(file)]) == 2
    assert "ZeroDivisionError: division by zero (--debug shows where)" in capsys.readouterr().err
    assert main(["--debug", *given, str(file)]) == 2
    assert 'mine.py", line 2' in capsys.readouterr().err


@pytest.mark.slow
def test_bench_names_the_file_of_its_failures(tmp_path, photo, capsys):
    file = tmp_path / "mine.py"
    file.write_text(PRIOR.format(answer="v / undefined", mark="@hookimpl"))
    out = tmp_path / "results"
    given = ["bench", "--priors", "mine", "--tasks", "denoise", "--dataset", str(photo)]
    assert main([*given, "--plugin", str(file), "--out", str(out), "--slots", "1"]) == 1
    (place,) = out.glob("*/failures.txt")
    assert f"1 cell failed; see {place}" in capsys.readouterr().err
    assert "undefined" in place.read_text()
