"""The folder of a run: its files say what the rows mean, and are read back."""

import json

import pandas as pd
import pytest

from priorlab.errors import UsageError
from priorlab.harness.results import schema
from priorlab.harness.results.folder import FORMAT, RunFolder

INFO = {"format": FORMAT, "total": 1}
ROW = {
    **{"prior": "tv", "task": "denoise", "image": "house", "seed": 0, "status": "ok"},
    **{"psnr": 30.0, "ssim": 0.9, "seconds": 0.5, "converged": True},
}


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


def test_rows_are_read_back(folder):
    rows = schema.frame([ROW, ROW | {"seed": 1, "converged": None}])
    folder.begin(INFO)
    folder.finish(INFO, rows, [])
    pd.testing.assert_frame_equal(folder.rows(), rows)


def test_the_meaning_of_each_column_is_written_down(folder):
    rows = schema.frame([ROW])
    folder.finish(INFO, rows, [])
    written = json.loads((folder.path / "run.json").read_text())
    assert set(written["columns"]) == set(rows.columns) - {"psnr", "ssim"}
    assert "tolerance" in written["columns"]["converged"]
    assert written["total"] == 1


def test_a_damaged_file_is_one_sentence(folder):
    folder.finish(INFO, schema.frame([ROW]), [])
    (folder.path / "images.csv").write_text((folder.path / "images.csv").read_text() + '"tv,x')
    with pytest.raises(UsageError, match=r"images.csv is damaged: "):
        folder.rows()


def test_a_folder_of_a_newer_version(folder):
    folder.finish({"format": FORMAT + 1}, schema.frame([ROW]), [])
    with pytest.raises(UsageError, match="written by a newer priorlab"):
        folder.info()


def test_only_the_sheets_of_the_run_go_when_it_begins_again(folder):
    labels = {"prior": "tv", "task": "denoise:sigma=25", "image": "house", "seed": 0}
    for _ in range(2):
        folder.begin(INFO | {"cells": [labels | {"key": "c0ffee"}]})
        for name in ("denoise-sigma=25.png", "mine.png"):
            (folder.path / name).touch()
    folder.begin(INFO | {"cells": [labels | {"key": "c0ffee"}]})
    assert [path.name for path in folder.path.glob("*.png")] == ["mine.png"]
