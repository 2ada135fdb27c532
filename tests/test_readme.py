"""The README is true: its example works as printed, its figures are those of the tables."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
import readme_figures
from sample_pictures import picture, save

import priorlab
from priorlab import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_plugin_works_as_printed(tmp_path):
    (example,) = (block for block in blocks("python") if "@hookimpl" in block)
    plugin = tmp_path / "my_prior.py"
    plugin.write_text(example)
    save(tmp_path / "photos" / "a.png", picture(24, 32, 3))
    rows = priorlab.bench(
        priors=["blur", "blur:width=2", "degraded"],
        tasks=["denoise:sigma=25", "inpaint"],
        dataset=tmp_path / "photos",
        out=tmp_path / "results",
        plugin_files=[plugin],
        slots=1,
    )
    assert list(rows.status) == ["ok"] * 6
    scores = rows.set_index(["task", "prior"]).psnr
    assert scores["denoise:sigma=25", "blur"] > scores["denoise:sigma=25", "degraded"]


def commands():
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line.startswith("priorlab ")]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_understood(command):
    cli._parser().parse_args(shlex.split(command)[1:])


def test_every_linked_file_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_ci_calls_the_test_command():
    assert "make test" in README
    assert re.search(r"^make test$", (ROOT / ".ci/run").read_text(), flags=re.MULTILINE)


def test_it_is_short():
    assert README.count("\n") <= 100


def test_the_example_in_python_works_as_printed(tmp_path, monkeypatch, capsys):
    (example,) = (block for block in blocks("python") if "@hookimpl" not in block)
    save(tmp_path / "photo.jpg", picture(24, 32, 3))
    save(tmp_path / "my_photos" / "a.png", picture(24, 32, 3))
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    out = capsys.readouterr().out
    assert "denoise:sigma=25  inpaint:missing=0.5" in out and "wavelet" in out


def test_nothing_is_left_to_fill_in():
    assert not re.search(r"@[A-Z]+@", README)


def test_the_figures_are_those_of_the_table():
    assert readme_figures.readme(README) == README


def test_the_minutes_are_those_of_a_run_that_computed_everything():
    rows = pd.read_csv(ROOT / "results" / "photos" / "images.csv")
    assert not rows["cached"].any()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"It took \d+ minutes", "It took 1000 minutes"),
        (r"(\| \**)\d\d\.\d\d", r"\g<1>99.99"),  # the first mean
        (r"\*\*(\d\d\.\d\d)\*\*", r"\1"),  # bold no more
        (r"(\d\d\.\d\d\** \|) [\d.]+", r"\1 1000"),  # the first time
        (r"(\| `.*\n)(\| `.*\n)", r"\2\1"),  # another order
    ],
)
def test_a_figure_that_differs_is_noticed(right, wrong):
    stale, count = re.subn(right, wrong, README, count=1)
    assert count == 1
    assert readme_figures.readme(stale) == README


def test_a_prior_without_its_words_is_named():
    stale = README.replace("| `tgv` |", "| `another` |")
    with pytest.raises(ValueError, match="what an image is to \\['tgv'\\]"):
        readme_figures.readme(stale)
