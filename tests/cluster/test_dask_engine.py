"""The engine `dask` on workers of this machine: the same rows as here, whatever happens."""

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="pip install 'priorlab[dask]'")

from distributed import Client, LocalCluster

import priorlab
from priorlab.engines import Local
from priorlab.errors import UsageError
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run import bench, introduction
from priorlab.harness.run.progress import Progress
from priorlab_dask import connection
from priorlab_dask.driving import capacity
from priorlab_dask.engine import Dask


class Notes(Progress):
    def __init__(self):
        self.notes = []
        self.done = 0

    def note(self, text):
        self.notes.append(text)

    def finished(self, row, done, seconds_left):
        self.done = done


def test_a_cell_is_computed_by_a_worker_and_its_pictures_come_back(run, monkeypatch):
    # A worker in this process, and nothing to compare: one process is started, for the cells.
    monkeypatch.setattr(introduction, "ask", lambda *asked: {"credentials": {}})
    with LocalCluster(1, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster:
        there = run(Dask(scheduler=cluster.scheduler_address), "good,raises")
    rows = there.rows.set_index(["prior", "image"])
    assert list(rows["status"]) == ["ok", "ok", "failed", "failed"]
    assert rows["psnr"].between(18, 23).sum() == 2
    assert rows["machine"].all()
    shown = {path.name for path in (there.folder / "images").rglob("*.png")}
    assert any("good" in name for name in shown), shown


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "where is the cluster"),
        ({"scheduler": "tcp://a:1", "cluster": "b.C"}, "both given"),
        ({"scheduler": "tcp://a:1", "workers": 2}, "workers= is for a cluster that is started"),
        ({"cluster": "no_such_module.Cluster"}, "is no class here"),
        ({"cluster": "missing.yaml"}, "cannot read cluster=missing.yaml"),
        ({"cluster": "vague.yaml"}, "does not say which class"),
        ({"scheduler": "tcp://127.0.0.1:9"}, "no scheduler answers at tcp://127.0.0.1:9"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_explained(run, tmp_path, monkeypatch, given, says):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(connection, "TRY", 0.2)
    monkeypatch.setattr(introduction, "ask", lambda *asked: {})
    Path("vague.yaml").write_text("jobqueue: {slurm: {cores: 1}}")
    with pytest.raises(UsageError, match=says):
        run(Dask(**given), "good")


def test_exclusive_timing_is_for_one_machine(run):
    with pytest.raises(UsageError, match="does not go with engine=dask"):
        run(Dask(scheduler="tcp://a:1"), "good", timing="exclusive")


def test_without_distributed_one_sentence_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'priorlab\[dask\]'"):
        run(Dask(scheduler="tcp://a:1"), "good")


@pytest.mark.parametrize(
    ("device", "threads", "resources", "cells"),
    [
        ("cpu", 1, {}, 8),
        ("cpu", 3, {}, 2),
        ("cpu", 16, {}, 1),
        ("cuda", 1, {}, 0),
        ("cuda", 1, {"GPU": 2.0}, 2),
    ],
)
def test_a_worker_computes_as_many_cells_as_it_has_threads_or_gpus(
    device, threads, resources, cells
):
    facts = {"nthreads": 8, "resources": resources}
    assert capacity(facts, Setup(device=device, threads=threads)) == cells


# From here on with processes of their own, which load torch: too slow for every day.


@contextlib.contextmanager
def process_of(*command, path=(), **env):
    place = os.pathsep.join([*map(str, path), *filter(None, sys.path)])
    started = subprocess.Popen(
        [sys.executable, "-P", "-m", *command],
        env=dict(os.environ) | {"PYTHONPATH": place} | env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def scheduler(port):
    options = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    return process_of("distributed.cli.dask_scheduler", *options)


def worker(port, folder, *options, **given):
    common = ("--no-dashboard", "--nthreads", "2", "--local-directory", str(folder))
    return process_of(
        "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}", *common, *options, **given
    )


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settled(process):
    """Return what a worker has started by itself, once it is ready for cells."""
    wait_for(lambda: len(below(process)) >= 2)
    time.sleep(5)
    return below(process)


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def stat(pid):
    """Return state and parent of a process; a dead one has the state X."""
    try:
        state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", 0
    return state, int(parent)


def below(*processes):
    """Return the processes that some have started, and those that these have, and so on."""
    parents = {int(path.name): stat(path.name)[1] for path in Path("/proc").glob("[0-9]*")}
    found, new = set(), {process.pid for process in processes}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def alive(pids):
    return [pid for pid in pids if stat(pid)[0] not in "XZ"]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_rows_are_those_of_the_local_engine(run, same):
    there = run(Dask(cluster="distributed.LocalCluster", workers=2), "good,raises,dies", "there")
    here = run(Local(), "good,raises,dies", "here")
    assert same(there.rows, here.rows)
    assert set(there.rows["status"]) == {"ok", "failed", "crashed"}
    assert there.rows["machine"].equals(here.rows["machine"])
    shown = [sorted(p.name for p in (r.folder / "images").rglob("*.png")) for r in (there, here)]
    assert shown[0] == shown[1] != []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_workers_killed_at_random_lose_no_row_and_blame_no_cell(run, port, tmp_path):
    stop = threading.Event()
    kills, started, progress = [], set(), Notes()

    def kill(*workers):
        with Client(f"tcp://127.0.0.1:{port}", set_as_default=False) as client:
            chance = random.Random(0)
            while not stop.wait(0.1):
                if progress.done < 10 * (len(kills) + 1):
                    continue
                pids = list(client.run(os.getpid, on_error="ignore").values())
                if pids:  # none while both are starting again
                    started.update(below(*workers))
                    os.kill(chance.choice(pids), signal.SIGKILL)
                    kills.append(progress.done)

    with (
        scheduler(port),
        worker(port, tmp_path / "a") as one,
        worker(port, tmp_path / "b") as other,
    ):
        threading.Thread(target=kill, args=(one, other), daemon=True).start()
        engine = Dask(scheduler=f"tcp://127.0.0.1:{port}")
        there = run(engine, "slow", progress=progress, seeds=range(25))
        stop.set()
    assert len(kills) >= 3
    assert len(there.rows) == 50
    assert set(there.rows["status"]) == {"ok"}
    assert len(started) > 4
    wait_for(lambda: not alive(started))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_cell_that_kills_its_worker_is_named_and_its_neighbours_are_not(run, port, tmp_path):
    with scheduler(port), worker(port, tmp_path / "a"), worker(port, tmp_path / "b"):
        engine = Dask(scheduler=f"tcp://127.0.0.1:{port}")
        there = run(engine, "slow,assassin", seeds=range(2))
    rows = there.rows.set_index(["prior", "image"]).sort_index()
    assert set(rows.loc["slow"]["status"]) == {"ok"}
    assert set(rows.loc[("assassin", "tiny1")]["status"]) == {"ok"}
    assert set(rows.loc[("assassin", "tiny0")]["status"]) == {"crashed"}
    assert rows.loc[("assassin", "tiny0")]["message"].str.startswith("lost 4 workers").all()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_run_outlives_its_scheduler(run, port, tmp_path):
    progress = Notes()
    engine = Dask(scheduler=f"tcp://127.0.0.1:{port}")
    ended = threading.Event()

    def restart():
        with scheduler(port), worker(port, tmp_path / "a"):
            wait_for(lambda: progress.done >= 3, 120)
        with scheduler(port), worker(port, tmp_path / "b"):
            ended.wait(200)

    cluster = threading.Thread(target=restart)
    cluster.start()
    found = run(engine, "slow", progress=progress, seeds=range(20))
    ended.set()
    cluster.join()
    assert len(found.rows) == 40
    assert set(found.rows["status"]) == {"ok"}
    assert any("lost the scheduler" in note for note in progress.notes), progress.notes


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_scheduler_that_stays_away_ends_the_run_with_what_is_known(
    run, port, tmp_path, monkeypatch
):
    monkeypatch.setattr(connection, "PATIENCE", 3.0)
    progress = Notes()

    def end():
        with scheduler(port), worker(port, tmp_path / "a"):
            wait_for(lambda: progress.done >= 3, 120)

    cluster = threading.Thread(target=end)
    cluster.start()
    with pytest.raises(bench.CutShort, match="goes on from here") as caught:
        run(Dask(scheduler=f"tcp://127.0.0.1:{port}"), "slow", progress=progress, seeds=range(50))
    cluster.join()
    assert 3 <= len(caught.value.run.rows) < 100


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_worker_with_another_version_is_refused_by_name(run, port, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(Path(priorlab.__file__).parent, other / "priorlab")
    with (other / "priorlab" / "restoration.py").open("a") as code:
        code.write("\nCHANGED = True\n")
    progress = Notes()
    engine = Dask(scheduler=f"tcp://127.0.0.1:{port}")
    with scheduler(port), worker(port, tmp_path / "a", "--name", "stale", path=[other]):
        with pytest.raises(UsageError, match=r"no worker .* can be used: worker stale .* is not"):
            run(engine, "good")
        with worker(port, tmp_path / "b"):
            there = run(engine, "good", progress=progress)
    assert set(there.rows["status"]) == {"ok"}
    assert any("worker stale" in note and "priorlab" in note for note in progress.notes)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.usefixtures("python_handles_sigint")
def test_ctrl_c_ends_what_runs_on_the_workers(run, port, tmp_path):
    begun, started = tmp_path / "begun", set()

    def stop(process):
        wait_for(begun.exists, 120)
        started.update(below(process) - service)
        os.kill(os.getpid(), signal.SIGINT)

    with scheduler(port), worker(port, tmp_path / "a", CLUSTER_BEGUN=str(begun)) as process:
        service = settled(process)
        threading.Thread(target=stop, args=(process,), daemon=True).start()
        found = run(Dask(scheduler=f"tcp://127.0.0.1:{port}"), "hangs")
        assert found.interrupted
        assert started
        wait_for(lambda: not alive(started), 10)
        assert alive(service)


DRIVER = """
import sys
from priorlab import plugins
from priorlab.harness.run import bench
from priorlab.harness.run.settings import settle
if __name__ == "__main__":
    plugin, folder, out, engine = sys.argv[1:]
    grid = {"priors": "hangs", "tasks": "denoise", "dataset": folder, "out": out}
    bench.run(settle({**grid, "engine": engine, "name": "run"}), plugins.load([plugin]))
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_when_the_driver_is_killed_its_cells_end(port, pictures, tmp_path):
    (tmp_path / "driver.py").write_text(DRIVER)
    begun = tmp_path / "begun"
    plugin = Path(__file__).with_name("cluster_plugin.py")
    engine = f"dask:scheduler=tcp://127.0.0.1:{port}"
    with scheduler(port), worker(port, tmp_path / "a", CLUSTER_BEGUN=str(begun)) as process:
        service = settled(process)
        arguments = map(str, (plugin, pictures, tmp_path / "out", engine))
        with process_of("driver", *arguments, path=[tmp_path]):
            wait_for(begun.exists, 120)
            started = below(process) - service
            assert started
        wait_for(lambda: not alive(started), 20)
        assert alive(service)
