"""Suites: those that come with priorlab, the data they ask for, ours beside theirs."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from command_line import run
from harness.run import pretend
from sample_pictures import picture, save

from priorlab import api, plugins
from priorlab.errors import UsageError
from priorlab.harness.run import selection, settings
from priorlab.harness.run.selection import select
from priorlab.pictures import arrays, datasets, reading
from priorlab.pictures.known_sets import KnownSet, known_sets
from priorlab.suites.shipped import shipped


def test_the_suites_that_come_with_priorlab_are_valid(tmp_path, monkeypatch):
    registry = plugins.load()
    for file in {file.name for suite in shipped().values() for file in suite.files}:
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    seen = set()
    for name, suite in shipped().items():
        found = api.settle({"dataset": "photos"}, name)
        assert found.title and found.source
        anything = dataclasses.replace(found, images=None, public_set="", files=())
        chosen = select(anything, registry)
        assert chosen.tasks and chosen.priors
        tasks = {task.spec() for task in chosen.tasks}
        for entry in found.published:
            assert entry.task in tasks, "not as the task is written"
            if entry.prior:
                (prior,) = registry.build_priors(entry.prior)
                assert entry.prior.partition("/")[2] == prior.spec()
            fact = suite.dataset, suite.images, entry.task, entry.method
            assert fact not in seen, "a fact in two places"
            seen.add(fact)
        public = known_sets().get(suite.dataset)
        assert public is None or not public.images or {*suite.images} <= {*public.images}


def test_a_plugin_with_the_names_of_shipped_priors_changes_no_suite(tmp_path):
    """Both are then known by their full names, and a suite is of what comes with priorlab."""
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from priorlab import Prior, hookimpl\n\n"
        "def namesake(text):\n    class Mine(Prior):\n        'Nothing.'\n        name = text\n"
        "        def restore(self, measurement, trace=None, seed=0):\n            return None\n"
        "    return Mine\n\n@hookimpl\ndef priorlab_priors():\n"
        f"    return [*map(namesake, {list(plugins.load().priors)})]\n"
    )
    registry = plugins.load([mine])
    assert ("priors", "tv") in registry.conflicts
    for suite in shipped().values():
        asked = [*suite.priors, *(entry.prior for entry in suite.published if entry.prior)]
        built = registry.build_priors([text for text in asked if ":file=" not in text])
        assert built and not [prior.spec() for prior in built if prior.spec().startswith("mine/")]


def test_suites_lists_what_each_needs_and_what_of_that_is_there(photo, tmp_path, capsys):
    code, out, error = run(capsys, "suites", "--dataset", tmp_path)
    assert code == 0, error
    assert f"data: set12, 12 images; 12 of them not in {tmp_path.name}" in out
    assert "data: classic5; the digests of its images are not known" in out
    assert "tasks: denoise:sigma=15|25|50" in out
    assert "priors: dip, dip:iterations=450,channels=96\n" in out, "two priors, and not three"
    assert all(f"{name}: " in out for name in shipped())
    code, out, _ = run(capsys, "suites", "gaussian-set12")
    assert code == 0
    assert "published with the code of DnCNN" in out
    assert known_sets()["set12"].images["07"] in out
    assert "DnCNN-S 30.436; checkpoint:file=dncnn_25.pth is to meet it within 0.02" in out
    assert run(capsys, "suites", "gausian-set12")[0] == 2


def test_a_suite_of_ones_own_is_described_and_what_it_lacks_is_said(tmp_path, capsys):
    suite = tmp_path / "mine.toml"
    suite.write_text('tasks = "denoise"\n')
    code, out, _ = run(capsys, "suites", suite)
    assert code == 0 and out.startswith("mine: without a title\n") and "source" not in out
    suite.write_text('tasks = "denoise"\n[[files]]\nname = "a.npy"\n')
    code, _, error = run(capsys, "suites", suite)
    assert (code, error) == (2, f"priorlab: {suite}: files: published is missing\n")


def test_a_suite_whose_images_are_not_there_is_refused_with_what_is_missing(
    photo, tmp_path, capsys
):
    code, _, error = run(capsys, "bench", "--suite", "superres-set5", "--dataset", tmp_path)
    assert code == 2
    assert "does not hold 5 of the 5 images of set5 that are needed (baby, bird, butte" in error


@pytest.fixture
def little_set(photo, monkeypatch):
    """A public set of one image, `photo`, which is in a file of another name."""
    digest = arrays.digest(reading.read(photo))
    sets = {"little": KnownSet("little", "One.", "nowhere", images={"known": digest})}
    for module in (settings, selection):
        monkeypatch.setattr(module, "known_sets", lambda: sets)
    return photo.rename(photo.with_name("other.png"))


def test_gray_images_of_a_suite_that_are_stored_as_rgb_are_named(tmp_path, monkeypatch, capsys):
    gray = picture(32, 40, 1)
    folder = tmp_path / "little"
    save(folder / "a.png", np.repeat(gray, 3, axis=0))
    save(tmp_path / "gray.png", gray)
    digest = arrays.digest(reading.read(tmp_path / "gray.png"))
    little = KnownSet("little", "One.", "nowhere", images={"known": digest})
    for module in (settings, selection, datasets):
        monkeypatch.setattr(module, "known_sets", lambda: {"little": little})
    path = tmp_path / "t.toml"
    path.write_text("dataset = 'little'\ntasks = 'denoise'\npriors = 'degraded'\n")
    said = "it holds one of them stored as RGB with three equal channels: save as gray files"
    code, _, error = run(capsys, "bench", "--suite", path, "--dataset", folder)
    assert code == 2 and said in error
    source = datasets.DatasetSource("little", "One.", folder, little.digest)
    with pytest.raises(UsageError, match=said):
        source.load()


def test_a_suite_has_its_figures_beside_ours_and_the_verdict(little_set, tmp_path, capsys):
    save(tmp_path / "more.png", picture(32, 40, 3, seed=1))
    path = tmp_path / "t.toml"
    path.write_text("dataset = 'little'\ntasks = 'denoise'\npriors = 'degraded'\n")
    with path.open("a") as file:
        for method, psnr in {"Low": 1, "High": 90}.items():
            file.write(
                f"[[published]]\nmethod = '{method}'\nprior = 'degraded'\ntolerance = 0.1\n"
                f"task = 'denoise:sigma=25'\npsnr = {psnr}\nsource = 'A. Author'\n"
            )
    common = ["--name", "t", "--out", tmp_path / "results"]
    with pretend.used():
        code, out, _ = run(
            capsys, "bench", "--suite", path, "--dataset", little_set.parent, *common
        )
    assert code == 0, "a figure that is missed is a result"
    rows = pd.read_csv(tmp_path / "results" / "t" / "table.csv").set_index("prior")
    assert rows.loc["Low", "check_verdict"] == "pass, above"
    assert rows.loc["High", "check_verdict"] == "fail"
    ours = rows.loc["degraded", "psnr"]
    assert rows.loc["High", "check_difference"] == pytest.approx(ours - 90, abs=1e-3)
    assert "Against what is published (dB): denoise:sigma=25" in out
    images = pd.read_csv(tmp_path / "results" / "t" / "images.csv")
    assert set(images["image"]) == {"known"}, "called as in the set, and no other"


def test_a_published_file_is_known_by_its_content(little_set, tmp_path, capsys):
    weights = tmp_path / "net.pth"
    weights.write_bytes(b"something else")
    path = tmp_path / "t.toml"
    path.write_text(
        "tasks = 'denoise'\n[[files]]\nname = 'net.pth'\npublished = 'at example.org'\n"
        f"sha256 = '{'0' * 64}'\n"
    )
    typed = ["--dataset", little_set.parent, "--priors", f"checkpoint:file={weights}"]
    code, _, error = run(capsys, "bench", "--suite", path, *typed)
    assert code == 2
    assert "net.pth is not the net.pth published at example.org: its SHA-256 is not 000" in error
