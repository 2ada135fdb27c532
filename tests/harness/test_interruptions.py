"""A run that is stopped or killed keeps what it has, leaves no process behind, and goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from priorlab.harness import results

DRIVER = """
import sys
from pathlib import Path
from priorlab import datasets, plugins
from priorlab.harness import bench
fakes, folder, out, slots = sys.argv[1:]
registry = plugins.load([fakes])
run = bench.run(
    registry.build_priors("slow"), registry.build_tasks("denoise"), datasets.load(folder),
    range(4), registry=registry, out=Path(out), name="run", slots=int(slots), plugin_files=[fakes],
)
print(len(run.rows), run.interrupted)
"""
FAKES = Path(__file__).with_name("fakes.py")


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_stopped_then_killed_then_finished(compare, dataset, calls, tmp_path):
    folder = str(dataset.images[0].path.parent)
    command = [sys.executable, "-c", DRIVER, str(FAKES), folder, str(tmp_path / "out")]
    path = os.pathsep.join(filter(None, sys.path))
    environment = dict(os.environ) | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}

    def start(slots):
        return subprocess.Popen(
            [*command, str(slots)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    first = start(2)
    wait_for(lambda: len(calls()) >= 4)
    first.send_signal(signal.SIGINT)
    since = time.monotonic()
    said, _ = first.communicate(timeout=20)
    assert time.monotonic() - since < 10
    finished, interrupted = said.split()
    assert interrupted == "True"
    assert 2 <= int(finished) <= len(calls())
    assert len(results.load("run", tmp_path / "out").rows) == int(finished)
    assert results.load("run", tmp_path / "out").interrupted

    before = len(calls())
    second = start(1)
    wait_for(lambda: len(calls()) >= before + 3)
    second.kill()
    second.communicate()
    children = {pid for _, pid in calls()}
    assert len(children) == 3
    wait_for(lambda: not any(alive(pid) for pid in children), 5)

    started = len(calls())
    last = compare("slow", tmp_path / "out", seeds=range(4), name="run", slots=1)
    assert len(last.rows) == 12
    assert not last.interrupted
    assert (last.rows["status"] == "ok").all()
    assert last.rows["cached"].sum() >= started - 3, "only the cells in flight are lost"
    assert len(calls()) == started + (~last.rows["cached"]).sum()
