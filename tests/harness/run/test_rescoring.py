"""Metrics are computed from stored images, in child processes, and only where they are missing."""

import contextlib
import os
import shutil
from pathlib import Path

import pytest

from priorlab import plugins
from priorlab.harness.results import outputs
from priorlab.harness.results.store import Store
from priorlab.harness.run import bench

FAKES = Path(__file__).parents[1] / "fakes.py"
METRIC = """
import os
from pathlib import Path
from priorlab.metrics import Metric
from priorlab.hookspecs import hookimpl

HERE = Path(os.environ["METRIC_FOLDER"])  # not beside this file: it would count as its data

def measure(restored, clean):
    with (HERE / "processes.txt").open("a") as log:
        log.write(f"{os.getpid()}\\n")
    answer = (HERE / "answer.txt").read_text()
    return os._exit(3) if answer == "exit" else float(answer)

@hookimpl
def priorlab_metrics():
    return [Metric(name="told", doc="What a file says.", function=measure, spec="a file")]
"""


@pytest.fixture(scope="module")
def known(compare, tmp_path_factory):
    """A run without the metric: its results folder and its rows."""
    out = tmp_path_factory.mktemp("known")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKES_LOG", str(tmp_path_factory.mktemp("calls") / "calls.txt"))
        return out, compare("good,picky", out, slots=1).rows


@pytest.fixture
def out(known, tmp_path):
    """A copy of that folder."""
    return shutil.copytree(known[0], tmp_path / "out")


@pytest.fixture
def told(tmp_path, monkeypatch):
    """A registry with the metric `told`, and the folder where its answer is."""
    folder = tmp_path / "metric"
    folder.mkdir()
    monkeypatch.setenv("METRIC_FOLDER", str(folder))
    plugin = tmp_path / "told.py"
    plugin.write_text(METRIC)
    return plugins.load([FAKES, plugin]), folder


def processes(folder):
    return (folder / "processes.txt").read_text().split()


@pytest.mark.slow
def test_a_new_metric_is_computed_in_a_child_and_only_what_is_damaged_restored_again(
    known, out, settings, told, calls
):
    registry, folder = told
    (folder / "answer.txt").write_text("7.5")
    first = known[1]
    with contextlib.closing(Store(out)) as store:
        damage = "update pictures set data = 'no picture' where name = ?"
        store.database.execute(damage, (first["output"][0] + outputs.DATA,))
    again = bench.run(settings("good,picky", out), registry).rows
    assert again["told"].tolist()[:3] == [7.5] * 3
    assert again["told"].isna().tolist()[3:] == [True] * 3
    assert again["psnr"].tolist()[:3] == first["psnr"].tolist()[:3]
    assert again["cached"].tolist() == [False, True, True, True, True, True]
    assert len(calls()) == 1
    assert len(processes(folder)) == 3
    assert str(os.getpid()) not in processes(folder)

    bench.run(settings("good,picky", out), registry)
    assert len(processes(folder)) == 3, "it is known now"


@pytest.mark.slow
def test_a_metric_that_ends_its_process_costs_neither_image_nor_other_scores(
    known, out, settings, told, calls
):
    registry, folder = told
    (folder / "answer.txt").write_text("exit")
    rows = bench.run(settings("good", out, images="tiny1"), registry).rows
    assert rows["status"].tolist() == ["ok"]
    assert rows["cached"].all()
    assert rows["psnr"].tolist() == known[1]["psnr"].tolist()[1:2]
    assert rows["told"].isna().all()
    assert rows["message"][0].startswith("metric told failed: the process exited with status 3")
    assert str(os.getpid()) not in processes(folder)
    assert calls() == []
