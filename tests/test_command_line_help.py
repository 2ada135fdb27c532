"""How the command line helps: the first words, other ways to start it, completion, suggestions."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run
from sample_pictures import picture, save

import priorlab
from priorlab import api
from priorlab.cli import completing, main
from priorlab.cli.completing import SHELLS
from priorlab.hookspecs import KINDS


def test_without_arguments_it_says_how_to_start(capsys):
    code, out, error = run(capsys)
    assert code == 0 and not error
    starts = [line.split()[1] for line in out.splitlines() if line.startswith("  priorlab ")]
    assert starts == ["bench", "restore", "list"]


def test_as_a_module_it_is_the_same_program():
    command = [sys.executable, "-m", "priorlab", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith(f"priorlab {priorlab.__version__} (Python ")


def test_list_shows_one_kind_where_it_is_named(capsys):
    _, everything, _ = run(capsys, "list")
    code, tasks, _ = run(capsys, "list", "tasks")
    assert code == 0
    assert tasks.startswith("tasks:\n") and tasks in everything
    assert "  denoise " in tasks and "  tv " not in tasks


def test_the_first_lines_name_all_that_there_is(capsys):
    def helped(*command):
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        text = capsys.readouterr().out
        return " ".join(text.split()), re.findall(r"^    (\w+) ", text, flags=re.MULTILINE)

    text, _ = helped()
    assert f"list {', '.join(KINDS)}" in text
    verbs = [verb for verb in helped("runs")[1] if verb != "gc"]
    assert len(verbs) == 6 and f"{', '.join(verbs)} or clear earlier runs" in text
    assert helped("plugins")[1] == ["new", "test", "compile"]
    assert "list the plugins and what is wrong with them; make, test or compile one" in text


RESTORE = ["restore", "a.png", "-o", "b.png"]


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["bench", "--sigma", "25"], "--tasks denoise:sigma=25"),
        (["bench", "--sigma=15"], "--tasks denoise:sigma=15"),
        (["bench", "--sigma"], "--tasks denoise:sigma=VALUE"),
        (["bench", "--tasks", "deblur", "--sigma", "5"], "--tasks deblur:sigma=5"),
        (["bench", "--missing", "0.5"], "--tasks inpaint:missing=0.5"),
        (["bench", "--tasks", "denoise,deblur", "--width", "3"], "--tasks deblur:width=3"),
        (["bench", "--kind", "text"], "--tasks inpaint:kind=text or --tasks deblur:kind=text"),
        (["degrade", "a.png", "--factor", "2", "-o", "b.png"], "--task superres:factor=2"),
        ([*RESTORE, "--quality", "10", "--prior", "tv"], "--task dejpeg:quality=10"),
        ([*RESTORE, "--sigma", "25"], "--task denoise:sigma=25"),
        (
            [*RESTORE, "--task", "inpaint:kind=box", "--sigma", "5"],
            "--task inpaint:kind=box,sigma=5",
        ),
        ([*RESTORE, "--task", "denoise:sigma=15", "--sigma", "5"], "--task denoise:sigma=5"),
        ([*RESTORE, "--prior", "tv", "--weight", "2"], "--prior tv:weight=2"),
    ],
)
def test_a_parameter_that_is_typed_as_an_option_is_answered_with_its_spec(arguments, meant, capsys):
    code, _, error = run(capsys, *arguments)
    assert code == 2
    assert error.count("\n") == 1 and error.endswith(f": type {meant}\n")


def test_every_parameter_of_every_task_is_answered(capsys):
    for task, kind in api.load_plugins().tasks.items():
        for field in dataclasses.fields(kind):
            option = f"--{field.name.replace('_', '-')}"
            code, _, error = run(capsys, "degrade", "a.png", "-o", "b", "--task", task, option, "1")
            assert code == 2 and f"--task {task}:{field.name}=1" in error


def test_a_parameter_of_a_plugins_task_is_answered(capsys):
    typed = ["--tasks", "demosaick", "--sigma", "4"]
    plugin = Path(__file__).parent / "any_data" / "bayer.py"
    code, _, error = run(capsys, "bench", "--plugin", plugin, *typed)
    assert code == 2 and "type --tasks demosaick:sigma=4" in error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([*RESTORE, "--priors", "tv"], "--priors tv; did you mean --prior?"),
        (
            [*RESTORE, "--tasks", "denoise", "--prior", "tv"],
            "--tasks denoise; did you mean --task?",
        ),
        (["bench", "--datset", "x"], "--datset x; did you mean --dataset?"),
        (["bench", "--colour", "red"], "unrecognized arguments: --colour red"),
    ],
)
def test_another_option_that_does_not_exist(arguments, says, capsys):
    code, _, error = run(capsys, *arguments)
    assert code == 2 and says in error and error.count("\n") == 1


def test_bench_takes_the_names_that_restore_has(tmp_path, capsys):
    save(tmp_path / "photos" / "a.png", picture(24, 32, 3))
    plan = ["bench", "--dry-run", "--dataset", tmp_path / "photos", "--out", tmp_path / "out"]
    short = run(capsys, *plan, "--prior", "tv", "--task", "denoise")
    assert short[0] == 0
    assert short == run(capsys, *plan, "--priors", "tv", "--tasks", "denoise")


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_prints_what_a_shell_sources(shell, capsys):
    code, out, _ = run(capsys, "completion", shell)
    assert code == 0
    assert "priorlab" in out and "_ARGCOMPLETE" in out


def completed(line, tmp_path):
    """Return what the shell is offered at the end of a line."""
    answer = tmp_path / "answer"
    environment = os.environ | {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    code = "import sys; from priorlab.cli import main; sys.exit(main(['x']))"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    return [word.strip() for word in answer.read_text().splitlines()]


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("priorlab ben", ["bench"]),
        ("priorlab list ta", ["tasks"]),
        ("priorlab bench --dry", ["--dry-run"]),
        ("priorlab bench --tasks denoise,dej", ["denoise,dejpeg"]),
        ("priorlab restore --prior tgv,wav", ["tgv,wavelet"]),
        ("priorlab restore --task denoise:s", ["denoise:sigma="]),
        ("priorlab restore --prior unet:steps=8,so", ["unet:steps=8,solver="]),
    ],
)
def test_a_word_is_completed(line, offers, tmp_path):
    api.load_plugins()  # what they declare is kept from now on
    assert completed(line, tmp_path) == offers


def test_after_a_parameter_come_the_remaining_ones_and_other_specs():
    api.load_plugins()
    tasks = sorted(api.declarations().tasks)
    fields = [field.name for field in dataclasses.fields(api.declarations().tasks["inpaint"])]
    assert len(fields) > 2
    for typed in (["missing=0.5"], ["missing=0.5", "kind=text"], ['mask="a,b.png"']):
        before = f"denoise,inpaint:{','.join(typed)},"
        left = [name for name in fields if not any(one.startswith(f"{name}=") for one in typed)]
        ways = [f"{name}=" for name in left] + tasks
        assert completing.specs_after(before, "tasks") == [before + way for way in ways]
    assert completing.specs_after("denoise,", "tasks") == [f"denoise,{name}" for name in tasks]
    assert completing.specs_after('inpaint:mask="a,', "tasks") == []
    assert completing.specs_after("priorlab/denoise:si", "tasks") == ["priorlab/denoise:sigma="]
