"""What `results/` holds is one run for each entry of its list, small, and told in its README."""

import io
import json
import shlex
import shutil

import make_results
import numpy as np
import pytest
import readme_figures
from PIL import Image

from priorlab import api, cli
from priorlab.errors import UsageError
from priorlab.harness.results import runs

RESULTS = make_results.RESULTS
FOLDERS = sorted(
    file.parent
    for file in RESULTS.glob("*/run.json")
    if "cells" not in json.loads(file.read_text())
)
"""Those of `make results`: the runs of whoever has this checkout know their cells."""
KEPT = {"table.md", "table.csv", "run.json", "images.csv"}


def test_every_table_is_in_the_list():
    assert {folder.name for folder in FOLDERS} == set(make_results.tables())


@pytest.mark.parametrize("name", make_results.tables())
def test_every_command_is_understood(name):
    table = make_results.tables()[name]
    typed = shlex.split(table.bench.format(shared="shared"))
    options = cli._parser().parse_args(["bench", *typed])
    if options.suite:
        assert api.settle({"dataset": options.dataset}, options.suite).tasks
    for command in table.first:
        *_, option, file = shlex.split(command)
        assert option == "-o"
        assert file in table.bench
    if table.draw:
        program, script, *_, output = shlex.split(table.draw.format(run="run"))
        assert (program, output) == ("python", f"run/{table.picture}")
        assert (make_results.ROOT / script).exists()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_holds_tables_and_one_picture_and_is_small(folder):
    files = {file.name: file.stat().st_size for file in folder.iterdir()}
    (picture,) = files.keys() - KEPT
    assert picture.endswith(".webp")
    assert all(size <= make_results.LIMIT for size in files.values())


def test_the_readme_of_the_results_lists_every_table():
    text = (RESULTS / "README.md").read_text()
    assert readme_figures.results(text) == text


def noise(side):
    return np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)


def test_a_picture_shrinks_until_it_fits_and_no_further():
    picture = Image.fromarray(noise(200))
    half = make_results.small(picture, limit=20_000)
    assert len(half) <= 20_000
    with Image.open(io.BytesIO(half)) as image:
        assert 50 < image.width < 200
    with Image.open(io.BytesIO(make_results.small(picture, limit=200_000))) as image:
        assert image.size == (200, 200)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / "images").mkdir(parents=True)
    (folder / "table.md").write_text("## denoise\n")
    (folder / "table.csv").write_text("task,prior\n")
    info = {"name": "run", "versions": {"commit": "c0ffee"}, "cells": [{"key": "1"}]}
    (folder / "run.json").write_text(json.dumps(info))
    (folder / "images.csv").write_text('prior,output,message,key\ntv,12,"a, b",34\n')
    for name in ("denoise.png", "inpaint.png"):
        Image.fromarray(noise(20)).save(folder / name)
    return folder


def test_of_a_run_is_kept_what_can_be_read_without_the_store(run, tmp_path):
    kept = tmp_path / "results" / "run"
    kept.mkdir(parents=True)
    (kept / "old.png").touch()
    make_results.keep(run, kept, "denoise.png")
    assert {file.name for file in kept.iterdir()} == KEPT | {"denoise.webp"}
    assert json.loads((kept / "run.json").read_text()) == {
        "name": "run",
        "versions": {"commit": "c0ffee"},
    }
    assert (kept / "images.csv").read_text() == 'prior,message\ntv,"a, b"\n'


def test_figures_of_very_many_images_are_left_out(run, tmp_path, monkeypatch):
    monkeypatch.setattr(make_results, "LIMIT", 20)
    make_results.keep(run, tmp_path / "kept", "denoise.png")
    assert not (tmp_path / "kept" / "images.csv").exists()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0012, "<0.01"),
        (0.0216, "0.022"),
        (0.1998, "0.2"),
        (2.34, "2.3"),
        (36.7, "37"),
        (120, "120"),
    ],
)
def test_seconds_have_two_digits(seconds, text):
    assert readme_figures.seconds(seconds) == text


def test_a_folder_without_the_figures_of_each_image_is_not_called_unfinished(tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(RESULTS / "photos", folder)
    (folder / "images.csv").unlink()
    with pytest.raises(UsageError, match=r"holds no images\.csv, the figures of each image"):
        runs.load(folder)
