"""A run that is stopped or killed keeps what it has, leaves no process behind, and goes on."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from priorlab.errors import UsageError
from priorlab.ground import temporary
from priorlab.harness.results import runs
from priorlab.harness.run.interrupts import interruptible

DRIVER = """
import sys
from priorlab import plugins
from priorlab.harness.run import bench
from priorlab.harness.run.settings import settle
fakes, folder, out = sys.argv[1:]
grid = {"priors": "limited", "tasks": "denoise", "dataset": folder, "seeds": range(4)}
bench.run(settle({**grid, "out": out, "name": "run", "slots": 1}), plugins.load([fakes]))
"""
FAKES = Path(__file__).parents[1] / "fakes.py"


def wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.usefixtures("python_handles_sigint")
@pytest.mark.timeout(300)  # it starts five processes that load torch
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_stopped_then_killed_then_finished(compare, dataset, calls, tmp_path, monkeypatch):
    def stop():
        wait_for(lambda: len(calls()) == 6)
        os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setenv("FAKES_LIMIT", "4")
    threading.Thread(target=stop).start()
    first = compare("limited", tmp_path, seeds=range(4), name="run", slots=2)
    assert first.interrupted
    assert len(first.rows) == 4
    assert len(calls()) == 6
    assert signal.getsignal(signal.SIGINT) == handler
    children = {pid for _, pid in calls()}
    assert len(children) == 6, "each cell has its own process"
    assert not any(alive(pid) for pid in children)
    again = runs.load("run", tmp_path)
    assert again.interrupted
    assert "stopped before" in (again.folder / "table.md").read_text()

    # Temporary files cannot lie where they usually do: above the results.
    usual = tmp_path.parent
    monkeypatch.setattr(tempfile, "tempdir", str(usual))
    folder = str(dataset.images[0].path.parent)
    path = os.pathsep.join(filter(None, sys.path))
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(FAKES), folder, str(tmp_path)],
        env=dict(os.environ)
        | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "FAKES_LIMIT": "8", "TMPDIR": str(usual)},
        start_new_session=True,
    )
    wait_for(lambda: len(calls()) == 9)
    driver.kill()
    driver.wait()
    children = {pid for _, pid in calls()[6:]}
    assert len(children) == 3
    wait_for(lambda: not any(alive(pid) for pid in children))
    with pytest.raises(UsageError, match="was cut short; run its command again"):
        runs.load("run", tmp_path)
    left = list(usual.glob(f"{temporary.PREFIX}*"))
    assert left, "a process that is killed cannot remove it"

    monkeypatch.setenv("FAKES_LIMIT", "1000")
    last = compare("limited", tmp_path, seeds=range(4), name="run", slots=1)
    assert len(last.rows) == 12
    assert not last.interrupted
    assert (last.rows["status"] == "ok").all()
    assert last.rows["cached"].sum() == 6, "only the cells in flight are lost"
    assert len(calls()) == 9 + 6
    assert not any(folder.exists() for folder in left)


@pytest.mark.usefixtures("python_handles_sigint")
def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible() as stopped:
        os.kill(os.getpid(), signal.SIGINT)
        assert not stopped()
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
