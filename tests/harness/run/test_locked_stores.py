"""Whatever happens to the store, the terminal or the driver: what is known ends in a table."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import tempfile
from pathlib import Path

import pytest
from harness.run import pretend
from mostly_slow import mostly_slow, slow_where

from priorlab import cli
from priorlab.errors import UsageError
from priorlab.harness.results import runs
from priorlab.harness.results.claims import drivers
from priorlab.harness.results.store import Store
from priorlab.harness.run import bench, collected, computation, interrupts, keeping
from priorlab.harness.run.audience import Audience
from priorlab.harness.run.progress import PlainProgress, Progress


class Notes(Progress):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@contextlib.contextmanager
def locked(out):
    """Another process that writes, and goes on."""
    with contextlib.closing(sqlite3.connect(out / "store.sqlite", isolation_level=None)) as base:
        base.execute("begin immediate")
        yield base


def test_results_wait_in_memory_while_the_store_is_locked(run, using, known, tmp_path):
    notes = Notes()
    with contextlib.ExitStack() as lock:

        def after(job, count):
            if count == 1:
                lock.enter_context(locked(tmp_path / "out"))
            if count == 5:
                lock.close()

        using(after, seconds=0.05)
        rows = run(progress=notes).rows
    assert (rows["status"] == "ok").all()
    assert len(rows) == known() == 6
    assert any("keeps the store locked; " in text for text in notes.texts)
    assert "the store is free again; nothing was lost" in notes.texts


def test_a_store_that_stays_locked_costs_no_table(run, using, known, tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "PATIENCE", 0.1)
    with contextlib.ExitStack() as lock:
        using(lambda job, count: count == 2 and lock.enter_context(locked(tmp_path / "out")))
        with pytest.raises(bench.CutShort, match="4 results are not stored: another pro") as caught:
            run()
    assert len(caught.value.run.rows) == 6
    assert len(runs.load("run", tmp_path / "out").rows) == 6
    assert known() == 2


def test_a_store_that_is_locked_from_the_beginning_is_waited_for(run, known, tmp_path, monkeypatch):
    run()
    with contextlib.ExitStack() as lock:
        lock.enter_context(locked(tmp_path / "out"))
        notes = Notes()
        monkeypatch.setattr(notes, "note", lambda text: (notes.texts.append(text), lock.close()))
        assert len(run("again", "good,picky", progress=notes).rows) == 6
    assert "database is locked; waiting for it" in notes.texts[0]
    assert known() == 9


def full(*arguments):
    raise UsageError("cannot use the store: database or disk is full")


def broken(*arguments):
    raise ZeroDivisionError("a fault of ours")


def vanished(*arguments):
    raise ProcessLookupError(3, "No such process")


@pytest.mark.parametrize(
    ("happens", "error", "says"),
    slow_where(
        lambda happens, error, says: happens is vanished,
        [
            (full, bench.CutShort, "disk is full"),
            (broken, bench.Fault, "a fault of ours"),
            (vanished, bench.Fault, "ProcessLookupError: .*No such process"),
        ],
    ),
)
def test_what_stops_a_run_leaves_its_table(run, using, tmp_path, monkeypatch, happens, error, says):
    using(lambda job, count: count == 3 and monkeypatch.setattr(Store, "put", happens))
    with pytest.raises(error, match=says) as caught:
        run()
    assert len(caught.value.run.rows) == 4, "also what could not be stored"
    done = runs.load("run", tmp_path / "out")
    assert len(done.rows) == 4
    assert "2 of its 6 cells" in (done.folder / "table.md").read_text()


def test_an_error_while_the_tables_are_written_is_told_for_what_it_is(run, monkeypatch):
    monkeypatch.setattr(bench.gallery, "write", vanished)
    with pytest.raises(bench.Fault, match="No such process") as caught:
        run()
    assert len(caught.value.run.rows) == 6
    assert isinstance(caught.value.__cause__, ProcessLookupError), "with its traceback"


def test_a_store_that_was_removed_is_noticed(run, using, tmp_path):
    out = tmp_path / "out"
    using(lambda job, count: count == 2 and (out / "store.sqlite").unlink(), seconds=0.06)
    with pytest.raises(bench.CutShort, match="was moved or removed while it was in use") as caught:
        run()
    assert len(caught.value.run.rows) >= 2


@pytest.mark.usefixtures("python_handles_sigint")
@pytest.mark.parametrize(
    "signals",
    mostly_slow([["SIGHUP", "SIGHUP"], ["SIGTERM"], ["SIGINT", "SIGINT"]], ["SIGHUP", "SIGHUP"]),
)
def test_whatever_asks_to_end_leaves_a_table(run, using, tmp_path, signals):
    def after(job, count):
        for name in signals if count == 2 else ():
            os.kill(os.getpid(), getattr(signal, name))

    using(after)
    done = run()
    assert done.interrupted
    assert len(runs.load("run", tmp_path / "out").rows) == len(done.rows) == 2
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


def test_signals_that_are_ignored_stay_so():
    """As `nohup` does it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts.interruptible() as stopped:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stopped()
    finally:
        signal.signal(signal.SIGHUP, before)


class ClosedTerminal:
    def write(self, text):
        raise OSError(5, "Input/output error")

    flush = write


def test_a_terminal_that_is_closed_ends_no_run(run):
    assert len(run(progress=PlainProgress(ClosedTerminal())).rows) == 6
    audience = Audience(PlainProgress(ClosedTerminal()))
    row = dict.fromkeys(("prior", "task", "image", "seed", "message"), "") | {"status": "failed"}
    for _ in range(2):
        audience.finished(row, 1, None)
    assert audience.failed == 2


def test_another_grid_does_not_take_the_name(run, tmp_path):
    first = run()
    table = (first.folder / "table.md").read_text()
    with pytest.raises(UsageError, match=r"another grid, .*6 cells; .* no prior nan; .*rename"):
        run(priors="good")
    for other, said in {
        "seeds": ({"seeds": (0, 1)}, "also seed 1"),
        "tasks": ({"tasks": "denoise:sigma=15"}, "no task denoise:sigma=25, also task denoise"),
        "images": ({"images": ("tiny0",)}, "other images in the dataset "),
    }.values():
        with pytest.raises(UsageError, match=said):
            run(**other)
    assert (first.folder / "table.md").read_text() == table
    assert run().rows["cached"].all(), "the same grid goes on"
    (first.folder / "run.json").write_text("{")
    with pytest.raises(UsageError, match=r"is not the folder of a run: .*choose another name"):
        run()


def test_other_pixels_under_the_same_names_are_another_grid(run, dataset, tmp_path):
    first = run()
    info = json.loads((first.folder / "run.json").read_text())
    (first.folder / "run.json").write_text(json.dumps(info | {"content": "c0ffee"}))
    with pytest.raises(UsageError, match="this one has other images in the dataset"):
        run()
    rules = {task: {"channels": "none"} for task in info["protocols"]}
    (first.folder / "run.json").write_text(json.dumps(info | {"protocols": rules}))
    with pytest.raises(UsageError, match="another protocol of task denoise:sigma=25; choose"):
        run()
    (first.folder / "run.json").write_text(json.dumps(info | {"dataset": "moved"}))
    assert run().rows["cached"].all(), "the same images in another folder"


def test_a_damaged_picture_in_the_folder_is_mended_or_left_out(run, tmp_path, monkeypatch):
    first = run()
    place = first.folder / "images" / "denoise-sigma=25" / "tiny0"
    (place / "good.png").write_bytes(b"no picture")
    (place / "_clean.png").write_bytes(b"")
    again = run()
    assert again.rows["cached"].all()
    assert all(file.read_bytes()[1:4] == b"PNG" for file in place.iterdir())
    assert (first.folder / "denoise-sigma=25.png").exists()

    notes = Notes()
    with contextlib.closing(Store(tmp_path / "out")) as store:
        store.database.execute("update pictures set data = 'x' where name like '%.png'")
    shutil.rmtree(first.folder / "images")
    run(progress=notes)
    assert any("no contact sheet of denoise:sigma=25: " in text for text in notes.texts)
    assert runs.load("run", tmp_path / "out").rows["status"].eq("ok").all()


def test_a_picture_that_is_lost_is_only_missed(run, tmp_path):
    first, notes = run(), Notes()
    with contextlib.closing(Store(tmp_path / "out")) as store:
        store.database.execute("delete from pictures where name like '%.png'")
    shutil.rmtree(first.folder / "images")
    assert run(progress=notes).rows["cached"].all()
    assert sum("not shown: " in text for text in notes.texts) == collected.MOST_NOTES + 1
    assert "not shown: 3 more" in notes.texts


def test_any_text_reaches_the_files(run, using, tmp_path):
    odd = {"status": "failed", "message": "half \udcff zero \0", "details": "x" * 2**20 + "\udcff"}
    using(answer=lambda cell: pretend.result(cell, **odd))
    run()
    rows = runs.load("run", tmp_path / "out").rows
    assert set(rows["message"]) == {"half ? zero ?"}


def test_a_store_is_read_where_nothing_can_be_written(run, tmp_path):
    """With the log that a killed process leaves, too."""
    run()
    with contextlib.closing(Store(tmp_path / "out")) as store, tempfile.TemporaryDirectory() as out:
        place = Path(out)
        store.database.execute("insert into pictures (name, data) values ('x.png', x'')")
        for file in (tmp_path / "out").glob("store.sqlite*"):
            shutil.copyfile(file, place / file.name)
        assert (place / "store.sqlite-wal").exists()
        for lost in ("", "-shm", "-wal"):
            if lost:
                (place / f"store.sqlite{lost}").unlink()
            for path in (*place.iterdir(), place):
                path.chmod(0o555)
            assert in_a_process_without_rights(lambda: cells_of(place)) == 6
            place.chmod(0o755)


def cells_of(folder):
    with contextlib.closing(Store.to_read(folder)) as store:
        return len(store.labels())


def in_a_process_without_rights(count):
    """Return what a function returns in a process of a user who is not root."""
    child = os.fork()
    if not child:
        try:
            if not os.geteuid():
                os.setegid(65534)
                os.seteuid(65534)
            os._exit(count())
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_the_exit_code_and_the_table_of_a_run_that_cannot_store(
    using, dataset, capsys, monkeypatch, tmp_path, calls
):
    using()
    monkeypatch.setattr(Store, "put", full)
    typed = ["--dataset", dataset.images[0].path.parent, "--out", tmp_path, "--priors", "degraded"]
    code = cli.main(["bench", *map(str, typed), "--tasks", "denoise:sigma=25", "--slots", "1"])
    printed = capsys.readouterr()
    assert code == 2
    assert "degraded" in printed.out
    assert printed.err.splitlines()[-1].endswith("disk is full")


def test_a_run_shows_others_how_far_it_is(run, using, tmp_path, monkeypatch):
    monkeypatch.setattr(computation, "BEAT", 0.0)
    seen = []

    def look(job, count):
        with contextlib.closing(Store(tmp_path / "out")) as store:
            seen.extend(driver.done for driver in drivers(store.database))

    using(look)
    run()
    assert seen[0] == 0 and seen[-1] > 0
