"""What goes wrong with one cell ends in its row."""

from pathlib import Path

import numpy as np
import pytest

from priorlab import plugins
from priorlab.harness.run import bench

PLUGIN = Path(__file__).with_name("odd_plugin.py")


@pytest.fixture(scope="module")
def odd():
    return plugins.load([PLUGIN])


@pytest.fixture(scope="module")
def done(odd, settings, tmp_path_factory):
    """One run of all that is odd but does not harm the store."""
    out = tmp_path_factory.mktemp("results")
    tasks = "blinded,pairs,restless,local,skew,reuse,denoise:sigma=25"
    return bench.run(settings("copies,counts,mumbles", out, tasks, slots=1), odd)


def rows_of(done, prior, task="denoise:sigma=25"):
    rows = done.rows
    return rows[(rows["prior"] == prior) & (rows["task"] == task)].reset_index()


def test_nan_in_the_data_is_a_failed_row(done):
    rows = rows_of(done, "copies", "blinded")
    assert rows["status"].eq("failed").all()
    assert rows["message"].str.contains("NaN or infin").all()


def test_data_that_do_not_follow_from_the_seed_are_failed_rows(done):
    rows = rows_of(done, "copies", "restless")
    assert rows["status"].eq("failed").all()
    assert rows["message"].str.contains("restless: measured again with the same seed").all()
    assert rows["psnr"].isna().all()


def test_a_wrong_adjoint_is_a_failed_row(done):
    rows = rows_of(done, "copies", "skew")
    assert rows["status"].eq("failed").all()
    assert rows["message"].str.startswith("Skewed.adjoint is not the adjoint of Skewed.for").all()


def test_an_operator_that_returns_one_tensor_each_time_is_a_failed_row(done):
    rows = rows_of(done, "copies", "reuse")
    assert rows["status"].eq("failed").all()
    assert rows["message"].str.startswith("Reused.forward returned a tensor that a later").all()


def test_a_task_of_a_plugin_measures_once_for_each_cell_and_once_more_for_each_image(
    odd, settings, tmp_path
):
    log = tmp_path / "log"
    task = f"counted:file={log}"
    rows = bench.run(settings("copies,counts", tmp_path / "out", task, slots=1), odd).rows
    assert rows["status"].eq("ok").all(), rows["message"].tolist()
    images = rows["image"].nunique()
    assert len(log.read_text().split()) == len(rows) + images == 3 * images


def test_what_no_other_process_can_be_given_is_said(done):
    (message,) = rows_of(done, "copies", "local")["message"].unique()
    assert message.startswith("Dims or Gaussian cannot be passed to the process of a prior: Can't")


def test_data_that_are_no_picture_are_restored(done):
    rows = rows_of(done, "copies", "pairs")
    assert rows["status"].eq("ok").all(), rows["message"].tolist()
    assert np.isfinite(rows["psnr"]).all()
    digests = {*rows["measurement"], *rows_of(done, "copies")["measurement"]}
    assert len(digests) == 6


def test_reports_in_any_kind_of_number_are_understood(done):
    rows = rows_of(done, "counts")
    assert rows["status"].eq("ok").all(), rows["message"].tolist()
    assert rows["stop"].tolist() == [2] * 3
    assert rows["extras"].str.startswith("map").all()
    assert rows["converged"].tolist() == [False] * 3, "one of its iterations did not"
    assert rows_of(done, "copies")["converged"].isna().all()


def test_an_error_that_cannot_be_printed_is_a_failed_row(done):
    rows = rows_of(done, "mumbles")
    assert rows["status"].eq("failed").all()
    assert rows["message"].tolist() == [
        "ValueError: half of a pair: ?",
        "ValueError: half of a pair: ?",
        "Mute: its message cannot be shown",
    ]
    assert "half of a pair" in (done.folder / "failures.txt").read_text()
