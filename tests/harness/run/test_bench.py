"""Whole runs with real child processes: statuses, resuming, independence of the order."""

import contextlib
import dataclasses
import json
import re
import shutil
import sqlite3
import subprocess

import numpy as np
import pandas as pd
import pytest

from priorlab.errors import UsageError
from priorlab.harness.report import gallery
from priorlab.harness.results import outputs, runs
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.store import Store
from priorlab.harness.run import bench, machine
from priorlab.harness.run.plan import plan
from priorlab.harness.run.progress import Progress
from priorlab.pictures import reading

PRIORS = (
    "good,raises,nan,cropped,double,nothing,prints,mutates,settled,picky,allocates,exhausts,"
    "peeks,scribbles,exits,aborts"
)


class Recorder(Progress):
    def __init__(self):
        self.texts, self.notes, self.rows, self.ends = [], [], [], 0

    def note(self, text):
        self.notes.append(text)

    def working(self, slot, text, share=None, seconds_left=None):
        self.texts.append(text)

    def finished(self, row, done, seconds_left):
        self.rows.append((row, done, seconds_left))

    def ended(self):
        self.ends += 1


@pytest.fixture(scope="module")
def everything(tmp_path_factory, compare, dataset):
    """One run of all kinds of priors on three images: its results folder, itself, its progress."""
    out = tmp_path_factory.mktemp("results")
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKES_LOG", str(tmp_path_factory.mktemp("calls") / "calls.txt"))
        patch.setenv("FAKES_TRUTH", str(dataset.images[0].path))
        run = compare(
            PRIORS,
            out,
            name="all",
            slots=2,
            command="priorlab bench --priors all",
            progress=recorder,
        )
    return out, run, recorder


def rows_of(run, prior):
    return run.rows[run.rows["prior"] == prior]


@pytest.mark.parametrize(
    ("prior", "status", "message"),
    [
        ("good", "ok", ""),
        ("raises", "failed", "RuntimeError: the prior"),
        ("peeks", "failed", "PermissionError: [Errno 13] Permission denied: "),
        ("scribbles", "failed", "PermissionError: [Errno 13] Permission denied: "),
        ("nan", "failed", "restore returned NaN or infinity in 3 of 768 values"),
        ("cropped", "failed", "restore returned an image of shape (1, 3, 16, 15), not"),
        ("double", "failed", "restore returned torch.float64, not torch.float32"),
        ("nothing", "failed", "restore returned NoneType, not a tensor"),
        ("prints", "ok", ""),
        ("mutates", "ok", ""),
        ("settled", "ok", ""),
        ("picky", "unsupported", "it does not like noise"),
        ("allocates", "ok", ""),
        ("exhausts", "failed", "RuntimeError: "),
        ("exits", "crashed", "the process exited with status 7: last words"),
        ("aborts", "crashed", "the process was ended by SIGABRT: Fatal Python error: Aborted"),
    ],
)
def test_whatever_a_prior_does_becomes_a_row(everything, prior, status, message):
    rows = rows_of(everything[1], prior).set_index("image")
    row = rows.loc["tiny2"]
    assert row["status"] == status, row["message"]
    assert row["message"].startswith(message)
    assert "\n" not in row["message"]
    assert np.isfinite(row["psnr"]) == (status == "ok")
    others = "unsupported" if prior in ("exits", "aborts") else status
    assert rows["status"].tolist() == [others, others, status]


def test_a_prior_that_hangs_is_ended_and_the_run_goes_on(compare, dataset, calls, tmp_path):
    color = dataclasses.replace(dataset, images=dataset.images[2:])
    rows = compare("hangs", tmp_path, seeds=(0, 1), dataset=color, slots=1, timeout_s=0.5).rows
    assert rows["status"].tolist() == ["timeout", "timeout"]
    assert set(rows["message"]) == {"no result after 0.5 s; the process was ended"}
    assert rows["psnr"].isna().all()


def test_every_prior_sees_the_same_measurement(everything):
    rows = everything[1].rows
    rows = rows[rows["measurement"] != ""]  # all but those whose process died
    assert (rows.groupby("image")["measurement"].nunique() == 1).all()
    assert rows["measurement"].nunique() == 3
    # `mutates` overwrote its measurement; the others, before or after, returned theirs.
    outputs = rows[rows["prior"].isin(["good", "prints", "settled"])].groupby("image")["output"]
    assert (outputs.nunique() == 1).all()


def test_rows_tell_how_they_were_measured(everything):
    run = everything[1]
    assert list(run.rows.columns[:8]) == [
        *("prior", "task", "image", "seed", "status", "psnr", "ssim", "seconds")
    ]
    row = rows_of(run, "good").iloc[0]
    assert (row["threads"], row["slots"], row["device"]) == (1, 2, "cpu")
    assert (row["height"], row["width"]) == (16, 16)
    assert set(run.rows["channels"]) == {1, 3}
    assert row["seconds"] > 0
    assert row["cpu_seconds"] >= 0 and row["load"] >= 0
    held_mb = 300 * 2**20 / 1e6
    assert rows_of(run, "allocates")["peak_mb"].tolist() == pytest.approx([held_mb] * 3, rel=0.05)
    assert rows_of(run, "good")["peak_mb"].max() < 30, "also where `allocates` came before"
    assert not run.interrupted
    assert run.failures == 3 * 8 + 2


def test_scores_are_those_of_the_stored_image(everything, dataset):
    out, run, _ = everything
    row = rows_of(run, "good").iloc[0]
    with contextlib.closing(Store(out)) as store:
        name = row["output"] + outputs.DATA
        restored = outputs.decode(name, store.picture(name))
    clean = reading.read(dataset.images[0].path)
    assert row["psnr"] == pytest.approx(10 * np.log10(1 / np.mean((restored - clean) ** 2)))


def test_the_folder_shows_the_images(everything, dataset):
    place = everything[1].folder / "images" / "denoise-sigma=25" / "tiny2"
    assert {path.name for path in place.iterdir()} == {
        *("_clean.png", "_measured.png", "good.png", "prints.png", "mutates.png"),
        *("settled.png", "allocates.png"),
    }
    clean = reading.read(dataset.images[2].path)
    np.testing.assert_array_equal(reading.read(place / "_clean.png"), clean)
    assert reading.read(place / "good.png").shape == (3, 16, 16)


def test_a_task_that_nothing_solved_has_no_sheet(everything):
    _, run, _ = everything
    assert gallery.write(RunFolder(run.folder), rows_of(run, "raises")) == []


def test_the_folder_says_what_the_run_was(everything):
    _, run, _ = everything
    info = json.loads((run.folder / "run.json").read_text())
    assert info["command"] == "priorlab bench --priors all"
    assert info["tasks"].keys() == {"denoise:sigma=25"}
    assert len(info["cells"]) == info["total"] == 48
    failures = (run.folder / "failures.txt").read_text()
    assert "RuntimeError: the prior\ngave up" in failures
    assert "last words" in failures
    assert "\n\n=== raises · denoise:sigma=25 · tiny1 · seed 0\n" in failures
    assert (run.folder / "table.md").exists()


def test_a_run_is_loaded_again(everything, tmp_path):
    out, run, _ = everything
    again = runs.load("all", out)
    pd.testing.assert_frame_equal(again.rows, run.rows, check_dtype=False)
    assert again.header == run.header
    with pytest.raises(UsageError, match=r"there is no run slow in .*all"):
        runs.load("slow", out)
    with pytest.raises(UsageError, match="is not the folder of a run"):
        runs.load(tmp_path, out)


def test_progress_is_told(everything):
    recorder = everything[2]
    assert [done for _, done, _ in recorder.rows] == list(range(1, 49))
    assert recorder.rows[-1][2] == 0
    assert "good · denoise:sigma=25 · tiny0" in recorder.texts
    assert recorder.ends == 1


def test_what_children_warn_of_is_told_once(everything):
    assert everything[2].notes == ["slow at first"]


@pytest.mark.slow
def test_only_what_is_missing_is_computed(everything, compare, calls):
    out, first, _ = everything
    lost = rows_of(first, "mutates").set_index("image").loc["tiny2", "output"]
    with contextlib.closing(Store(out)) as store:
        store.database.execute("delete from pictures where name = ?", (lost + outputs.DATA,))
    recorder = Recorder()

    again = compare("good,picky,nan,mutates,slow", out, seeds=[1, 0], slots=1, progress=recorder)
    names = [name for name, _ in calls()]
    # Of good, the new seed; of nan, that and what failed; of mutates, that and the lost image.
    expected = {"good": 3, "nan": 6, "mutates": 4, "picky": 0, "slow": 6}
    assert {name: names.count(name) for name in expected} == expected
    assert len({pid for _, pid in calls()}) == len(calls()), "each cell has its own process"
    assert not again.rows[again.rows["seed"] == 1]["cached"].any()
    old = again.rows[(again.rows["prior"] == "good") & (again.rows["seed"] == 0)]
    assert old["cached"].all()
    assert old["psnr"].tolist() == rows_of(first, "good")["psnr"].tolist()
    assert again.folder.name.startswith("denoise-tiny")
    assert (again.folder / "images/denoise-sigma=25/tiny0/good-seed1.png").exists()
    assert any("slow · denoise:sigma=25 · tiny0 · step 1/3" in text for text in recorder.texts)


def test_a_known_run_starts_no_process(everything, compare, calls, monkeypatch):
    out = everything[0]
    monkeypatch.setattr(machine, "commit", lambda checkout: "")  # which asks git
    monkeypatch.setattr(subprocess, "Popen", None)
    again = compare("good,picky", out)
    assert again.rows["cached"].all()
    assert calls() == []


@pytest.mark.slow
def test_results_depend_neither_on_the_order_nor_on_the_slots(
    everything, compare, dataset, calls, tmp_path
):
    first = everything[1]
    turned = dataclasses.replace(dataset, images=dataset.images[::-1])
    again = compare("random,settled,mutates,good", tmp_path, dataset=turned, slots=1)
    key = ["prior", "image", "key"]
    both = again.rows.merge(first.rows, on=key, suffixes=("", "_first"))
    assert len(both) == 9
    assert set(both["prior"]) == {"settled", "mutates", "good"}
    assert both["output"].tolist() == both["output_first"].tolist()
    # The seed of a prior follows from the measurement: on two images it draws other numbers.
    random = again.rows[again.rows["prior"] == "random"].set_index("image")["output"]
    assert random["tiny0"] != random["tiny1"]
    twice = compare("random", tmp_path / "again", dataset=turned, slots=1)
    assert twice.rows.set_index("image")["output"].equals(random)


@pytest.mark.slow
def test_rows_tell_where_a_prior_stopped_and_where_it_was_best(compare, calls, tmp_path):
    run = compare("stops,babbles,slow,good", tmp_path, seeds=[0, 1])
    rows = run.rows.set_index(["prior", "image"])
    stops = rows.loc["stops"]
    assert stops["stop"].tolist() == [2] * 6
    assert stops["oracle_step"].tolist() == [1] * 6
    assert (stops["oracle_psnr"] > stops["psnr"] + 0.01).all()
    assert (rows.loc["slow", "seconds"] > 0.29).all(), "it sleeps three times 0.1 s"
    assert rows.loc["slow", "stop"].isna().all()
    assert rows.loc["slow", "oracle_step"].notna().all()
    for prior in ("good", "babbles"):
        assert rows.loc[prior, "status"].eq("ok").all()
        assert rows.loc[prior, ["stop", "oracle_step", "oracle_psnr"]].isna().all().all()
    again = compare("stops,babbles,slow,good", tmp_path, seeds=[0, 1])
    assert again.rows["cached"].all()
    pd.testing.assert_frame_equal(
        again.rows.drop(columns="cached"), run.rows.drop(columns="cached")
    )
    loaded = runs.load(run.folder.name, tmp_path).rows
    pd.testing.assert_frame_equal(loaded, again.rows, check_dtype=False)
    text = (run.folder / "table.md").read_text()
    assert "When to stop: denoise:sigma=25" in text

    # The pictures that came with the restored ones.
    place = run.folder / "images" / "denoise-sigma=25" / "tiny2"
    names = {path.name for path in place.iterdir() if "-uncertainty" in path.name}
    assert names == {"stops-uncertainty.png", "stops-uncertainty-seed1.png"}
    assert reading.read(place / "stops-uncertainty.png").max() == 1
    assert set(stops["extras"]) == {"uncertainty, black is 0 and white is 0.25"}
    assert set(rows.loc["babbles", "extras"]) == {""}


def test_a_plan_writes_nothing(registry, settings, tmp_path):
    grid = {"priors": "good,nan", "tasks": "denoise:sigma=5|10", "seeds": [0, 1]}
    planned = plan(settings(out=tmp_path / "new", **grid), registry)
    assert planned.text().startswith("run denoise-tiny")
    assert "24 cells, 0 known already" in planned.text()
    assert not (tmp_path / "new").exists()
    again = plan(settings(out=tmp_path / "other", **grid), registry)
    assert again.name == planned.name


def test_a_plan_changes_no_file_of_a_store(everything, registry, settings, tmp_path):
    """Neither its layout, if that is an old one, nor so much as a lock beside it."""
    old = tmp_path / "old"
    old.mkdir()
    shutil.copyfile(everything[0] / "store.sqlite", old / "store.sqlite")
    with contextlib.closing(sqlite3.connect(old / "store.sqlite")) as base:
        base.execute("alter table cells drop column machine")
        base.execute("pragma user_version = 1")
        base.execute("pragma journal_mode = delete")
        for table in ("pictures", "claims", "drivers"):
            base.execute(f"drop table {table}")
    before = contents(old)
    planned = plan(settings("good", old), registry)
    assert not planned.cached, "the pictures are not there"
    assert contents(old) == before


def test_a_plan_reads_what_another_run_is_writing(everything, registry, settings, tmp_path):
    store = Store(tmp_path)
    try:
        known = plan(settings("good", everything[0]), registry)
        cell = known.cells[0]
        outcome = known.cached[cell.key]
        store.put(cell.key, cell.labels, outcome, {}, {}, {outcome.output + outputs.DATA: b"x"})
        assert len(plan(settings("good", tmp_path), registry).cached) == 1
    finally:
        store.close()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_plan_says_what_is_known_and_how_long_the_rest_takes(everything, registry, settings):
    planned = plan(settings("good", everything[0], "denoise:sigma=25|10"), registry)
    assert "6 cells, 3 known already" in planned.text()
    assert re.search(r"about \d+\.\d minutes with", planned.text())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": []}, "the grid has no seeds"),
        ({"seeds": [-1]}, "seed -1 is not a whole number"),
        ({"seeds": [2**63]}, "seed 9223372036854775808 is not a whole number"),
        ({"name": ""}, "the run name '' is not a plain file name"),
        ({"device": "abacus"}, "device 'abacus' cannot be used here"),
        ({"name": "../up"}, "the run name '../up' is not a plain file name"),
        ({"name": "two\nlines"}, r"the run name 'two\\nlines' is not a plain file name"),
        ({"slots": 0}, "slots=0 is too small"),
        ({"threads": 0}, "threads=0 is too small"),
        ({"engine": 3}, "engine=3 is neither an engine nor the name of one"),
        ({"timeout_s": 0}, "timeout_s=0 is not a number of seconds"),
    ],
)
def test_bad_arguments(compare, tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        compare("good", tmp_path / "out", **options)


def test_a_folder_that_is_no_run_is_left_alone(compare, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(UsageError, match="holds something else than a run"):
        compare("good", tmp_path, name="mine")


def test_what_is_no_folder_is_said(compare, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "link"):
        with pytest.raises(UsageError, match=f"results folder .*{name}: it is no folder$"):
            compare("good", tmp_path / name)
        with pytest.raises(UsageError, match=f"cannot use .*{name} for a run: it is no folder$"):
            compare("good", tmp_path, name=name)


def test_a_class_that_no_plugin_offers(registry, settings, tmp_path):
    impostor = dataclasses.dataclass(frozen=True, kw_only=True)(
        type("Impostor", (registry.priors["good"],), {"name": "good"})
    )
    with pytest.raises(UsageError, match="put it in a file"):
        bench.run(settings([impostor()], tmp_path), registry)
