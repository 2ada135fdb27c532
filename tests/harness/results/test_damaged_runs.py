"""A run's folder that is damaged: no table is made of a part of its rows in silence."""

import json

import pytest
from harness.report import sample_run

from priorlab.errors import UsageError
from priorlab.harness.results import runs


@pytest.fixture
def folder(tmp_path):
    return sample_run.make(tmp_path).folder


def test_a_run_that_is_whole_is_read(folder):
    assert len(runs.load(folder).rows) == 16


@pytest.mark.parametrize("left", [0.5, 0.999])
def test_rows_that_are_cut_off_are_told(folder, left):
    file = folder / "images.csv"
    content = file.read_bytes()
    file.write_bytes(content[: int(left * len(content))])
    with pytest.raises(UsageError, match=r"images\.csv is damaged: "):
        runs.load(folder)


def test_rows_that_are_missing_are_told(folder):
    file = folder / "images.csv"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:5]))
    with pytest.raises(UsageError, match=r"is damaged: it holds 4 rows of the run's 16$"):
        runs.load(folder)
    file.write_text("".join(lines[:-1]) + lines[-1][:-1])
    with pytest.raises(UsageError, match=r"is damaged: its last line is cut off$"):
        runs.load(folder)


def test_facts_that_are_missing_are_told(folder):
    file = folder / "run.json"
    info = json.loads(file.read_text())
    del info["total"], info["versions"]
    file.write_text(json.dumps(info))
    with pytest.raises(UsageError, match=r"run\.json is damaged: it does not say total, versions$"):
        runs.load(folder)
