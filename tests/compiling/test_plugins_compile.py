"""`priorlab plugins compile`: every prior is prepared once, so that later nothing is compiled."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from priorlab import api, plugins
from priorlab.cli import main, plugin_kit
from priorlab.ground import process_tree

PLUGIN = """
import logging, os, time
from pathlib import Path
from priorlab import Denoiser, hookimpl
from priorlab.errors import Unsupported, UsageError

class Writes(Denoiser):
    "Writes the number of its process."
    name = "writes"
    def denoise(self, v, sigma):
        return v
    def prepare(self, device, channels):
        Path(__file__).with_name(self.name).write_text(str(os.getpid()))

class OnlyNamed(Writes):
    "Is not compared when none is named."
    name = "only-named"
    by_default = False

class Noted(Writes):
    "Says that it compiles."
    name = "noted"
    def prepare(self, device, channels):
        print("printed by a plugin")
        logging.getLogger("priorlab.compiling").warning("compiling something, once")

class NotedToo(Noted):
    "Says it again."
    name = "noted-too"

class Raises(Writes):
    "Fails."
    name = "raises"
    def prepare(self, device, channels):
        raise RuntimeError("there is no disk")

class Exits(Writes):
    "Ends its process."
    name = "exits"
    def prepare(self, device, channels):
        os._exit(7)

class NeedsFile(Writes):
    "Cannot be prepared without a file."
    name = "needs-file"
    def prepare(self, device, channels):
        raise UsageError("it needs file=")

class NoColour(Writes):
    "Cannot be prepared for colour."
    name = "no-colour"
    def prepare(self, device, channels):
        raise Unsupported("gray pictures only")

class Sleeps(Writes):
    "Takes for ever."
    name = "sleeps"
    def prepare(self, device, channels):
        super().prepare(device, channels)
        time.sleep(600)

@hookimpl
def priorlab_priors():
    return [{classes}]
"""


@pytest.fixture
def compile_these(tmp_path, monkeypatch):
    """Returns a function that runs the command as if these priors were all that there are."""

    def run(*classes):
        file = tmp_path / "these.py"
        file.write_text(PLUGIN.replace("{classes}", ", ".join(classes)))
        modules = [one.module for one in plugins.load([file]).plugins if one.name == "these.py"]
        registry = plugins.load([file], only=modules)
        monkeypatch.setattr(plugin_kit, "known", lambda options: registry)
        return main(["plugins", "compile"])

    return run


@pytest.mark.slow
def test_the_priors_that_run_by_default_are_prepared_elsewhere(compile_these, tmp_path, capfd):
    assert compile_these("Writes", "OnlyNamed", "NeedsFile", "NoColour") == 0
    assert int((tmp_path / "writes").read_text()) != os.getpid()
    assert not (tmp_path / "only-named").exists()
    out, err = capfd.readouterr()
    assert out.startswith("preparing 3 priors: ")
    assert out.splitlines()[1].startswith("every loop was there, after ")
    assert err == ""


@pytest.mark.slow
def test_what_fails_is_said_in_a_line_and_the_others_are_prepared(compile_these, tmp_path, capfd):
    assert compile_these("Raises", "Exits", "Noted", "NotedToo", "Writes") == 1
    assert (tmp_path / "writes").exists()
    out, err = capfd.readouterr()
    assert out.splitlines()[-1].startswith("done, after ")
    assert sorted(line for line in err.splitlines() if not line.startswith("printed")) == [
        "compiling something, once",
        "exits cannot be prepared: the process exited with status 7",
        "raises cannot be prepared: RuntimeError: there is no disk",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("python_handles_sigint")
def test_an_interrupt_ends_it_and_its_processes(compile_these, tmp_path, capfd):
    file = tmp_path / "sleeps"

    def interrupt():
        while not (file.exists() and file.read_text()):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    assert compile_these("Sleeps", "Writes") == 3
    assert capfd.readouterr().err == "priorlab: interrupted\n"
    assert not process_tree.running([int(file.read_text())])


RESTORE = """
import torch
from priorlab import plugins
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity

(prior,) = plugins.load().build_priors("dct")
for channels in (1, 3):
    y = torch.rand(1, channels, 24, 24)
    prior.prepare(torch.device("cpu"), channels)
    prior.restore(Measurement(y, Identity(), Gaussian(0.1), y.shape))
"""


@pytest.mark.slow
def test_afterwards_another_process_compiles_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    notes = []
    assert list(api.compile_loops(["dct"], plugins.load(), on_note=notes.append)) == [("dct", "")]
    assert notes == ["compiling loops for this processor, once; it takes some seconds"]
    kept = set(tmp_path.rglob("*.nbc"))
    command = [sys.executable, "-c", RESTORE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert kept and set(tmp_path.rglob("*.nbc")) == kept
    assert "compiling" not in done.stderr
