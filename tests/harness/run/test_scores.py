"""The metrics of a cell: one that fails costs nothing but its own value, and is tried again."""

import numpy as np
import pytest

import priorlab
from priorlab.errors import UsageError
from priorlab.harness.isolation.metric_process import MetricProcess
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.report import tables
from priorlab.harness.results import runs
from priorlab.harness.run import scores
from priorlab.harness.run.chosen_metrics import choose
from priorlab.plugins import load

PLUGIN = """
from pathlib import Path
from priorlab import Metric, hookimpl

def mae(restored, clean):
    if (Path(__file__).parents[1] / "broken").exists():
        raise RuntimeError("no weights\\nhere")
    return float(abs(restored - clean).mean())

@hookimpl
def priorlab_metrics():
    return [Metric(name="mae", doc="Error.", spec="mean", function=mae, higher_is_better=False)]
"""


@pytest.fixture
def flag(tmp_path):
    return tmp_path / "broken"


@pytest.fixture
def plugin(tmp_path):
    """A plugin with a metric that fails while the file `flag` exists."""
    # A file next to it that it names, or one that it names by its full path, would be its data.
    file = tmp_path / "apart" / "mae.py"
    file.parent.mkdir()
    file.write_text(PLUGIN)
    return file


@pytest.fixture
def pair():
    return np.random.default_rng(0).random((2, 1, 16, 16)).astype(np.float32)


@pytest.mark.slow
def test_a_metric_that_fails_is_named_and_has_no_value(plugin, flag, pair):
    registry = load([plugin])
    task = registry.build_tasks("denoise")[0]
    flag.touch()
    described = {"mae": choose(["mae"], registry)["mae"].description}
    setup = Setup(plugin_files=registry.files, metrics=described)
    process = MetricProcess("mae", setup)
    found = scores.score(*pair, task, {"mae": process})
    assert set(found.values) == {"psnr", "ssim"}
    assert found.failures == {"mae": "RuntimeError: no weights"}
    flag.unlink()
    again = scores.score(*pair, task, {"mae": process}, ["mae"])
    assert again.values == {"mae": pytest.approx(np.abs(pair[0] - pair[1]).mean())}
    assert again.failures == {}
    process.end()


def test_metrics_are_known_by_their_own_code(plugin):
    registry = load([plugin])
    gray, sharp = registry.build_tasks("denoise,superres")
    chosen = choose(None, registry)
    before = scores.digests(gray, chosen)
    assert list(before) == ["psnr", "ssim", "mae"]
    assert before["psnr"] == scores.digests(gray, choose(None, load()))["psnr"]
    plugin.write_text(plugin.read_text() + "# changed\nvalue = 1\n")
    after = scores.digests(gray, choose(None, load([plugin])))
    assert after["psnr"] == before["psnr"] and after["mae"] != before["mae"]
    other = scores.digests(sharp, chosen)
    assert (sharp.protocol == gray.protocol) == (other["psnr"] == before["psnr"])


def test_a_metric_with_the_name_of_a_column_is_refused(plugin):
    plugin.write_text(plugin.read_text().replace('name="mae"', 'name="seconds"'))
    registry = load([plugin])
    with pytest.raises(UsageError, match="a metric cannot be called seconds"):
        choose(None, registry)


@pytest.mark.slow
def test_a_failing_metric_is_tried_again_by_the_next_run(plugin, flag, tmp_path):
    def compare():
        return priorlab.bench(
            "degraded", "denoise", "photos", images="camera", out=tmp_path / "out", name="run",
            plugin_files=[plugin],
        ).iloc[0]  # fmt: skip

    flag.touch()
    first = compare()
    assert first["status"] == "ok"
    assert first["message"] == "metric mae failed: RuntimeError: no weights"
    assert np.isfinite(first["psnr"]) and np.isnan(first["mae"])
    run = runs.load("run", tmp_path / "out")
    assert "1 without mae: RuntimeError: no weights" in tables.render(run.rows, "md", run.header)

    flag.unlink()
    second = compare()
    assert second["cached"], "restored again"
    assert second["mae"] > 0 and second["message"] == ""
    assert (second["psnr"], second["output"]) == (first["psnr"], first["output"])

    flag.touch()
    assert compare()["mae"] == second["mae"], "known by now"
    assert "mae: mean; lower is better" in (tmp_path / "out" / "run" / "table.md").read_text()
