"""Two runs on one store: what both need is computed once, and the dead are not waited for."""

import contextlib
import multiprocessing
import os
import signal
import time
from types import SimpleNamespace

import pytest
from harness.results import samples
from harness.run import pretend

from priorlab.harness.results import runs
from priorlab.harness.results.claims import Claims, drivers
from priorlab.harness.results.store import Store, stamp_of_now
from priorlab.harness.run import bench, computation
from priorlab.harness.run.estimates import Estimates
from priorlab.harness.run.sharing import SharedSchedule


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def schedule(store):
    """Make the schedule of a run, of cells with these keys."""

    def make(*keys, hold=False, locked=False, since=""):
        cells = map(cell_of, keys)
        facts = {"store": store, "claims": Claims(store.database, "run")}
        facts |= {"hold": lambda: hold, "locked": lambda: locked}
        return SharedSchedule(cells, Estimates(), [], since=since or stamp_of_now(), **facts)

    return make


def cell_of(key):
    image = SimpleNamespace(height=1000, width=1000)
    return SimpleNamespace(key=key, pair=("tv", "denoise"), megapixels=1, pixels=10**6, image=image)


def keys_of(cells):
    return [cell.key for cell in cells]


def test_what_is_stored_while_a_run_begins_is_not_computed(schedule, store, monkeypatch):
    stamps = store.stamps

    def stamps_before(keys):
        found = stamps(keys)
        samples.put(store, "a")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(store, "stamps", stamps_before)
        begun = schedule("a", "b")
    assert begun.take().cell.key == "b"
    assert keys_of(begun.arrived()) == ["a"]


def test_what_another_run_computes_is_waited_for_and_arrives(schedule, store):
    first, second = schedule("a"), schedule("a", "b")
    assert first.take().cell.key == "a"
    assert second.take().cell.key == "b"
    assert second.take() is None
    assert len(second) == 1
    assert second.arrived() == []
    samples.put(store, "a")
    assert keys_of(second.arrived()) == ["a"]
    assert len(second) == 0


def test_what_another_run_gave_up_is_handed_out(schedule):
    first, second = schedule("a"), schedule("a")
    first.take()
    assert second.take() is None
    first._claims.end()
    assert second.arrived() == []
    assert second.take().cell.key == "a"


def test_what_was_stored_since_the_plan_is_not_computed(schedule, store):
    since = stamp_of_now()
    samples.put(store, "a")
    late = schedule("a", since=since)
    assert late.take() is None
    assert keys_of(late.arrived()) == ["a"]
    assert schedule("a").take().cell.key == "a", "this one was asked for although it was known"


def test_a_lost_picture_is_made_again_by_one_run(schedule, store):
    samples.put(store, "a")
    first, second = schedule(), schedule()
    cell = cell_of("a")
    first.restore_after_all(cell)
    second.restore_after_all(cell)
    assert first.take().cell is cell
    assert second.take() is None
    samples.put(store, "a")
    assert keys_of(second.arrived()) == ["a"]


def test_a_store_that_is_locked_or_behind_decides_what_is_handed_out(schedule):
    first = schedule("a")
    first.take()
    assert schedule("a", hold=True).take() is None
    assert schedule("a", locked=True).take().cell.key == "a", "without a claim"


def drive(settings, registry, log, seconds):
    """What each of two processes does."""
    with contextlib.suppress(KeyboardInterrupt):
        computation.local_slots.run = pretend.engine(seconds=seconds, log=log)
        bench.run(settings, registry)


@pytest.fixture
def start(settings, registry, tmp_path, monkeypatch):
    """Start a run in a process of its own; it notes the key of each cell that it computes."""
    monkeypatch.setattr(computation, "LOOK", 0.05)
    monkeypatch.setattr(computation.local_slots, "TICK", 0.02)
    log = tmp_path / "log.txt"
    log.touch()
    context = multiprocessing.get_context("fork")
    started = []

    def run(name, priors="good,nan", seconds=0.03):
        typed = settings(priors, tmp_path / "out", seeds=range(3), name=name, slots=1)
        started.append(context.Process(target=drive, args=(typed, registry, log, seconds)))
        started[-1].start()
        return started[-1]

    yield run, lambda: log.read_text().split(), tmp_path / "out"
    for process in started:
        process.kill()
        process.join()


@pytest.mark.slow
def test_two_processes_compute_no_cell_twice(start):
    run, calls, out = start
    both = [run("one"), run("two", "good,picky")]
    for process in both:
        process.join(60)
    assert len(calls()) == len(set(calls())) == 27
    for name, priors in (("one", {"good", "nan"}), ("two", {"good", "picky"})):
        rows = runs.load(name, out).rows
        assert len(rows) == 18
        assert set(rows["prior"]) == priors
        assert (rows["status"] == "ok").all()
    with contextlib.closing(Store(out)) as store:
        assert drivers(store.database) == []


def test_a_run_goes_on_where_another_was_killed(start):
    run, calls, out = start
    first = run("one", seconds=0.1)
    end = time.monotonic() + 60
    while len(calls()) < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    second = run("two", seconds=0)
    second.join(60)
    assert len(runs.load("two", out).rows) == 18
    assert 18 <= len(calls()) <= 19, "only the cell in flight is lost"
