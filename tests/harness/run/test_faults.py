"""What goes wrong with one cell ends in its row; only a store that is gone ends the run."""

from pathlib import Path

import numpy as np
import pytest

from priorlab import plugins
from priorlab.cli import main
from priorlab.harness.results import outputs, runs
from priorlab.harness.run import bench

PLUGIN = Path(__file__).with_name("odd_plugin.py")


@pytest.fixture(scope="module")
def odd():
    return plugins.load([PLUGIN])


def test_data_that_are_no_picture_are_restored_and_nan_is_a_failed_row(odd, settings, tmp_path):
    chosen = settings("copies", tmp_path, "blinded,pairs,denoise:sigma=25")
    rows = bench.run(chosen, odd).rows.set_index("task")
    assert rows.loc["blinded", "status"].eq("failed").all()
    for message in rows.loc["blinded", "message"]:
        assert "NaN or infin" in message
    for task in ("pairs", "denoise:sigma=25"):
        assert rows.loc[task, "status"].eq("ok").all(), rows.loc[task, "message"].tolist()
        assert np.isfinite(rows.loc[task, "psnr"]).all()
    assert rows["measurement"].nunique() == 9


def test_a_picture_that_cannot_be_stored_is_a_failed_row(odd, settings, tmp_path):
    first = bench.run(settings("copies", tmp_path / "one"), odd).rows
    digest = first["output"][0]
    blocked = outputs.path(tmp_path / "two" / "outputs", digest, outputs.DATA).parent
    blocked.parent.mkdir(parents=True)
    blocked.write_text("not a folder")
    rows = bench.run(settings("copies", tmp_path / "two"), odd).rows
    assert rows["status"].tolist() == ["failed", "ok", "ok"]
    assert "cannot write" in rows["message"][0]
    assert np.isnan(rows["psnr"][0])
    blocked.unlink()
    again = bench.run(settings("copies", tmp_path / "two"), odd).rows
    assert again["status"].eq("ok").all()


def test_reports_in_any_kind_of_number_are_understood(odd, settings, tmp_path):
    rows = bench.run(settings("counts", tmp_path), odd).rows
    assert rows["status"].eq("ok").all(), rows["message"].tolist()
    assert rows["stop"].tolist() == [2] * 3
    assert rows["beside"].str.startswith("map").all()


def test_an_error_that_cannot_be_printed_is_a_failed_row(odd, settings, tmp_path):
    done = bench.run(settings("mumbles", tmp_path), odd)
    assert done.rows["status"].eq("failed").all()
    assert done.rows["message"].str.startswith("ValueError: half of a pair: ").tolist() == [
        True,
        True,
        False,
    ]
    assert done.rows["message"][2] == "Mute: its message cannot be shown"
    assert (done.folder / "failures.txt").exists()


def test_a_store_that_is_gone_ends_the_run_with_what_is_known(
    odd, dataset, monkeypatch, capsys, tmp_path
):
    """The cells computed until then are printed and kept."""
    monkeypatch.setenv("PICTURES", str(tmp_path / "outputs"))
    typed = ["--plugin", PLUGIN, "--dataset", dataset.images[0].path.parent, "--out", tmp_path]
    typed += ["--tasks", "denoise:sigma=25", "--slots", "1", "--name", "run"]
    assert main(["bench", *map(str, typed), "--priors", "copies"]) == 0
    capsys.readouterr()

    code = main(["bench", *map(str, typed), "--priors", "copies,vandal"])
    printed = capsys.readouterr()
    assert code == 2
    assert "copies" in printed.out
    assert "cannot write" in printed.err.splitlines()[-1]
    left = runs.load("run", tmp_path)
    assert left.rows["prior"].tolist() == ["copies"] * 3
    assert left.interrupted
