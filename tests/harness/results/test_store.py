"""The store: what is put is found again, by several processes, and errors are one sentence."""

import dataclasses
import math
import sqlite3
import subprocess
import sys

import pytest

from priorlab.errors import UsageError
from priorlab.harness.results.schema import Outcome
from priorlab.harness.results.store import FILE, Store

METRICS = {"psnr": "code of psnr", "ssim": "code of ssim"}
LABELS = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0}
OUTCOME = Outcome(
    status="ok", seconds=0.5, wall=2.0, peak_mb=300.0, height=100, width=50, channels=3,
    stop=7, oracle_step=5, oracle_psnr=31.5, converged=True,
    extras='{"uncertainty": ["digest", 0.25]}', measurement="m", output="o",
    degraded="d", clean="c", threads=1, slots=2, device="cpu",
    machine="this",
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "results")
    yield store
    store.close()


def test_what_is_put_is_found_again(store):
    assert not store.outcomes(["k"])
    store.put("k", LABELS, OUTCOME, METRICS, {"psnr": float("inf"), "ssim": 0.1})
    again = Store(store.database.file.parent)
    assert again.outcomes(["k"])["k"] == OUTCOME
    assert again.scores(["k"], METRICS)["k"] == {"psnr": float("inf"), "ssim": 0.1}
    again.close()


@pytest.mark.parametrize("converged", [True, False, None])
def test_truth_values_stay_what_they_are(store, converged):
    store.put("k", LABELS, dataclasses.replace(OUTCOME, converged=converged), METRICS, {})
    assert store.outcomes(["k"])["k"].converged is converged


def test_scores_are_known_under_the_code_of_their_metric(store):
    store.put("k", LABELS, OUTCOME, METRICS, {"psnr": 1.0, "ssim": float("nan")})
    assert math.isnan(store.scores(["k"], METRICS)["k"]["ssim"]), "not defined, but known"
    changed = METRICS | {"ssim": "new code", "lpips": "code of lpips"}
    assert store.scores(["k"], changed)["k"] == {"psnr": 1.0}
    store.put_scores("k", changed, {"ssim": 0.5})
    assert store.scores(["k"], changed)["k"] == {"psnr": 1.0, "ssim": 0.5}
    assert store.scores(["other"], METRICS) == {"other": {}}


def test_a_new_outcome_replaces_the_old_and_its_scores(store):
    store.put("k", LABELS, OUTCOME, METRICS, {"psnr": 1.0})
    failed = Outcome(status="failed", message="why", details="where")
    store.put("k", LABELS, failed, METRICS, {})
    assert store.outcomes(["k"])["k"] == failed
    assert store.scores(["k"], METRICS)["k"] == {}


def test_rates_are_medians_per_megapixel_on_one_machine(store):
    for index, wall in enumerate([1.0, 2.0, 30.0]):
        outcome = dataclasses.replace(OUTCOME, wall=wall, height=1000, width=500)
        store.put(f"k{index}", LABELS, outcome, METRICS, {})
    store.put("f", LABELS, Outcome(status="failed", machine="this"), METRICS, {})
    store.put("o", LABELS, dataclasses.replace(OUTCOME, machine="other"), METRICS, {})
    assert store.rates("this") == {("tv", "denoise"): 4.0}


WRITER = """
import sys
from pathlib import Path
from priorlab.harness.results.schema import Outcome
from priorlab.harness.results.store import Store
name, folder = sys.argv[1:]
store = Store(Path(folder))
metrics, scores = {"psnr": "code"}, {"psnr": 1.0}
for index in range(100):
    store.put(f"{name}{index}", {"prior": name}, Outcome(status="ok"), metrics, scores)
"""


@pytest.mark.slow
def test_two_processes_share_a_store(tmp_path):
    command = [sys.executable, "-c", WRITER]
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    writers = [subprocess.Popen([*command, name, str(tmp_path)], env=environment) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    store = Store(tmp_path)
    keys = {f"{name}{index}" for name in "abc" for index in range(100)}
    assert store.outcomes(keys).keys() == keys
    store.close()


def test_a_transaction_cut_short_leaves_nothing(store, monkeypatch):
    monkeypatch.setattr(store, "_put_scores", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.put("k", LABELS, OUTCOME, METRICS, {"psnr": 1.0})
    assert not store.outcomes(["k"])


FIRST = (
    *("status", "message", "details", "seconds", "wall", "peak_mb", "height", "width", "channels"),
    *("measurement", "output", "degraded", "clean", "threads", "slots", "device", "machine"),
)
VALUES = ("ok", "", "", 0.5, 2.0, 300.0, 100, 50, 3, "m", "o", "d", "c", 1, 2, "cpu", "this")


def earlier(folder, version, columns, values):
    """Leave a store as an earlier version made it, with the outcome of a cell "k"."""
    base = sqlite3.connect(folder / "store.sqlite")
    base.executescript(
        f"""create table cells (key text primary key, prior text, task text, image text,
        seed integer, created text default current_timestamp, {", ".join(columns)}) without rowid;
        create table scores (key text, metrics text, scores text, primary key (key, metrics))
        without rowid;
        insert into scores values ('k', 'metrics', '{{"psnr": 1.0}}');
        pragma user_version = {version};"""
    )
    marks = ", ".join("?" * (len(columns) + 1))
    base.execute(f"insert into cells (key, {', '.join(columns)}) values ({marks})", ("k", *values))
    base.commit()
    base.close()


def checked_twice(folder, expected):
    for _ in range(2):  # the second time there is nothing left to bring up to date
        store = Store(folder)
        assert store.outcomes(["k"])["k"] == expected
        assert store.rates("this") == {(None, None): 400.0}
        assert store.scores(["k"], METRICS)["k"] == {}, "by code that is no more"
        store.put("new", LABELS, OUTCOME, METRICS, {"psnr": 2.0})
        assert store.outcomes(["new"])["new"] == OUTCOME
        assert store.scores(["new"], METRICS)["new"] == {"psnr": 2.0}
        store.database.execute("delete from cells where key = 'new'")
        store.close()


def test_a_store_of_the_first_layout_keeps_its_rows(tmp_path):
    earlier(tmp_path, 1, FIRST, VALUES)
    checked_twice(tmp_path, Outcome(**dict(zip(FIRST, VALUES, strict=True))))


def test_a_store_of_the_second_layout_keeps_its_rows_under_new_names(tmp_path):
    second = {"stop": 7, "peak": 5, "peak_psnr": 31.5, "beside": OUTCOME.extras}
    earlier(tmp_path, 2, (*FIRST, *second), (*VALUES, *second.values()))
    expected = dataclasses.replace(OUTCOME, converged=None)
    assert expected.oracle_psnr == 31.5
    checked_twice(tmp_path, expected)


def test_a_store_can_be_read_without_touching_a_file(tmp_path):
    assert Store.to_read(tmp_path) is None
    earlier(tmp_path, 1, FIRST, VALUES)
    before = (tmp_path / "store.sqlite").read_bytes()
    store = Store.to_read(tmp_path)
    assert store.outcomes(["k"])["k"].seconds == 0.5
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["store.sqlite"]
    assert (tmp_path / "store.sqlite").read_bytes() == before


def test_what_another_process_is_writing_can_be_read(store):
    store.put("k", LABELS, OUTCOME, METRICS, {"psnr": 1.0})
    copy = Store.to_read(store.database.file.parent)
    assert copy.outcomes(["k"])["k"] == OUTCOME
    copy.close()


def test_extra_pictures_are_read_back(store):
    store.put("k", LABELS, OUTCOME, METRICS, {})
    assert store.outcomes(["k"])["k"].pictures() == {"uncertainty": ("digest", 0.25)}


def test_a_store_of_a_newer_version(tmp_path):
    base = sqlite3.connect(tmp_path / "store.sqlite")
    base.execute("pragma user_version = 99")
    base.close()
    with pytest.raises(UsageError, match=r"was made by a newer priorlab .layout 99"):
        Store(tmp_path)


def test_a_damaged_store(tmp_path):
    (tmp_path / "store.sqlite").write_bytes(b"this is no database" * 1000)
    with pytest.raises(UsageError, match=r"is damaged .file is not a database.; move it away"):
        Store(tmp_path)


def test_a_results_folder_that_cannot_be(tmp_path):
    (tmp_path / "results").touch()
    with pytest.raises(UsageError, match=r"cannot write to the results folder .*results: "):
        Store(tmp_path / "results")


def test_what_is_no_folder_or_no_file_is_said(tmp_path):
    (tmp_path / "results").touch()
    with pytest.raises(UsageError, match=r"results: it is no folder$"):
        Store.to_read(tmp_path / "results")
    (tmp_path / FILE).mkdir()
    for use in (Store, Store.to_read):
        with pytest.raises(UsageError, match=rf"{FILE}: it is a folder, not a file$"):
            use(tmp_path)


def emptied(folder):
    """Leave a store of 0 bytes where there was one."""
    folder.mkdir()
    (folder / FILE).touch()
    return folder


def test_an_empty_file_is_new_only_where_nothing_was_computed(tmp_path, monkeypatch):
    monkeypatch.setattr("priorlab.harness.results.store.MAKING", 0.01)
    begun, lost, logged = (emptied(tmp_path / name) for name in ("begun", "lost", "logged"))
    Store(begun).close()
    (lost / "run").mkdir()
    (lost / "run" / "run.json").touch()
    (logged / f"{FILE}-wal").write_bytes(b"what was computed")
    for folder in (lost, logged):
        for opening in (Store, Store.to_read):
            with pytest.raises(UsageError, match=r"is empty \(0 bytes\), though there were"):
                opening(folder)
    assert (logged / f"{FILE}-wal").read_bytes() == b"what was computed"
