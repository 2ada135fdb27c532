"""Metrics are computed from stored images, in child processes, and only where they are missing."""

import os
from pathlib import Path

import numpy as np
import pytest

from priorlab import plugins
from priorlab.harness.results import outputs
from priorlab.harness.run import bench

FAKES = Path(__file__).parents[1] / "fakes.py"
METRIC = """
import os
from pathlib import Path
from priorlab.metrics import Metric
from priorlab.plugins import hookimpl

HERE = Path(__file__).parent

def measure(restored, clean):
    with (HERE / "processes.txt").open("a") as log:
        log.write(f"{os.getpid()}\\n")
    return float((HERE / "answer.txt").read_text())

@hookimpl
def priorlab_metrics():
    return [Metric(name="told", doc="What a file says.", function=measure, spec="a file")]
"""


@pytest.fixture
def told(tmp_path):
    """A registry with the metric `told`, and the folder where its answer is."""
    folder = tmp_path / "metric"
    folder.mkdir()
    plugin = folder / "told.py"
    plugin.write_text(METRIC)
    return plugins.load([FAKES, plugin]), folder


def processes(folder):
    log = folder / "processes.txt"
    return log.read_text().split() if log.exists() else []


def test_a_new_metric_is_computed_in_a_child_without_restoring_again(
    compare, settings, told, calls, tmp_path
):
    out = tmp_path / "out"
    first = compare("good,picky", out)
    restored = len(calls())
    registry, folder = told
    (folder / "answer.txt").write_text("7.5")

    again = bench.run(settings("good,picky", out), registry)
    assert again.rows["told"].tolist()[:3] == [7.5] * 3
    assert again.rows["told"].isna().tolist()[3:] == [True] * 3
    assert again.rows["psnr"].tolist()[:3] == first.rows["psnr"].tolist()[:3]
    assert again.rows["cached"].all()
    assert len(calls()) == restored
    assert len(processes(folder)) == 3
    assert str(os.getpid()) not in processes(folder)

    bench.run(settings("good,picky", out), registry)
    assert len(processes(folder)) == 3, "it is known now"


def test_a_metric_that_failed_is_tried_again(settings, told, calls, tmp_path):
    registry, folder = told
    chosen = settings("good", tmp_path / "out")
    failed = bench.run(chosen, registry).rows
    assert failed["status"].eq("ok").all()
    assert np.isfinite(failed["psnr"]).all()
    assert "told" not in failed or failed["told"].isna().all()
    assert len(processes(folder)) == 3

    (folder / "answer.txt").write_text("7.5")
    again = bench.run(chosen, registry).rows
    assert again["told"].tolist() == [7.5] * 3
    assert again["cached"].all()
    assert len(calls()) == 3


def test_a_damaged_image_is_restored_again_when_it_is_to_be_scored(
    compare, settings, told, calls, tmp_path
):
    out = tmp_path / "out"
    first = compare("good", out).rows
    outputs.path(out / "outputs", first["output"][0], outputs.DATA).write_bytes(b"no picture")
    registry, folder = told
    (folder / "answer.txt").write_text("7.5")
    again = bench.run(settings("good", out), registry).rows
    assert again["told"].tolist() == [7.5] * 3
    assert again["cached"].tolist() == [False, True, True]
    assert len(calls()) == 4


def test_a_metric_that_ends_its_process_costs_only_the_scores(
    compare, settings, told, calls, tmp_path
):
    out = tmp_path / "out"
    compare("good", out)
    registry, folder = told
    text = (folder / "told.py").read_text()
    (folder / "told.py").write_text(
        text.replace("def measure(", "def measure(*x): os._exit(3)\ndef no(")
    )
    rows = bench.run(settings("good", out), registry).rows
    assert rows["status"].eq("ok").all()
    assert rows["cached"].all()
