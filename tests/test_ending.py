"""A command that is asked to end ends in order: nothing half written stays, and the code is 3."""

import os
import signal
import subprocess
import sys
import time

import pytest
from mostly_slow import mostly_slow
from sample_pictures import picture, save

INTERRUPTED = 3
# Many short sleeps: one that just begins when a signal comes goes on to its end.
SLOW = """
import sys, tempfile, time
from pathlib import Path

from priorlab import cli
from priorlab.ground import files
from priorlab.cli import COMMAND as module

def slow(options):
    with tempfile.TemporaryDirectory(), files.written_atomically(Path("clean.png")) as file:
        file.write(b"half")
        file.flush()
        WAIT
        for _ in range(600):
            time.sleep(0.1)

module.FUNCTION = slow
sys.argv[0] = "priorlab"
sys.exit(cli.main())
"""
SAID = 'print("writing", flush=True)'
SWALLOWED = """
        class Ending:
            def __del__(self):
                print("writing", flush=True)
                for _ in range(600):
                    time.sleep(0.1)
        Ending()
"""
IMPORTING = """
        class Finder:  # numpy's compiled part imports this, and torch imports numpy
            def find_spec(self, name, *given):
                if name == "numpy.exceptions":
                    print("writing", flush=True)
                    for _ in range(TIMES):
                        signal.raise_signal(signal.SIGINT)
        import signal
        sys.meta_path.insert(0, Finder())
        assert not {"numpy", "torch"} & {*sys.modules}
        import torch
"""
COMMANDS = {
    "restore": ("restoring", "_restore", ["photo.png", "--prior", "tv", "-o", "clean.png"]),
    "bench": ("comparing", "_bench", []),
    "tune": ("tuning", "_tune", ["tv", "--tasks", "denoise", "--dataset", "."]),
    "train": ("training", "_train", ["unet", "--dataset", ".", "-o", "net.safetensors"]),
}


def as_typed():
    """Undo what a shell does that starts the tests with `&`: it has SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(name, tmp_path, *, before=(), wait=SAID, first=as_typed):
    """Start a command whose work is to write a file for a minute; it is at that now."""
    module, function, typed = COMMANDS[name]
    code = SLOW.replace("COMMAND", module).replace("FUNCTION", function)
    code = code.replace("WAIT", wait.strip())
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [*before, sys.executable, "-c", code, name, *typed],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=first,
    )
    assert process.stdout.readline() == "writing\n", process.stderr.read()
    return process


@pytest.mark.parametrize(
    "number",
    mostly_slow([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], signal.SIGINT, signal.SIGTERM),
)
@pytest.mark.parametrize("name", COMMANDS)
def test_what_asks_a_command_to_end_leaves_nothing_half_done(name, number, tmp_path):
    save(tmp_path / "photo.png", picture(32, 40))
    process = started(name, tmp_path)
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (INTERRUPTED, "priorlab: interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "tmp"]
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_interruption_is_lost_where_python_ignores_errors(number, tmp_path):
    process = started("restore", tmp_path, wait=SWALLOWED)
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (INTERRUPTED, "priorlab: interrupted\n")


def ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.slow
@pytest.mark.parametrize("wait", [SWALLOWED, IMPORTING.replace("SIGINT", "SIGTERM")])
def test_what_ends_a_command_in_the_background_is_not_lost_either(wait, tmp_path):
    process = started("restore", tmp_path, wait=wait.replace("TIMES", "1"), first=ignored)
    if wait == SWALLOWED:
        process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (INTERRUPTED, "priorlab: interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize("times", mostly_slow(["1", "3"], "3"))
def test_no_interruption_is_lost_while_torch_is_imported(times, tmp_path):
    process = started("restore", tmp_path, wait=IMPORTING.replace("TIMES", times))
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (INTERRUPTED, "priorlab: interrupted\n")


def test_what_nohup_ignores_stays_ignored(tmp_path):
    process = started("restore", tmp_path, before=["nohup"])
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED


ENDED = """
import atexit, os, sys
from priorlab.cli import run

class Kept:
    def __del__(self, write=os.write):
        write(1, b"freed")

sys.kept = Kept()
atexit.register(print, "registered")
WATCH
sys.argv = ["priorlab", *sys.argv[1:]]
run()
"""


@pytest.mark.parametrize(
    ("watch", "last"),
    [("", ["registered"]), ("sys.setprofile(lambda *_: None)", ["registered", "freed"])],
)
def test_what_is_registered_for_the_end_is_called_and_nothing_else_is_waited_for(watch, last):
    code = ENDED.replace("WATCH", watch)
    done = subprocess.run([sys.executable, "-c", code, "nonsense"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (2, last)
    assert "unknown command 'nonsense'" in done.stderr
