"""Metrics that are asked for by name: with parameters, files, and without a true picture."""

import numpy as np
import pytest

import priorlab
from priorlab.errors import UsageError
from priorlab.harness.run.chosen_metrics import choose
from priorlab.plugins import load

PLUGIN = """
from dataclasses import dataclass
from pathlib import Path

from priorlab import Metric, OptionalMetric, hookimpl, parameter

def dark(restored):
    return float((restored < 0.5).mean())

@dataclass(frozen=True, kw_only=True)
class Power(OptionalMetric):
    name = "power"
    file: str = parameter("", "holds a factor", file=True)
    exponent: int = parameter(1, "of the error", low=1)

    def metric(self):
        factor = float(Path(self.file).read_text())

        def measure(restored, clean):
            return factor * float((abs(restored - clean) ** self.exponent).mean())

        return Metric(
            name=self.name, doc="Error.", function=measure, spec=f"power {self.exponent}",
            higher_is_better=False,
        )

@hookimpl
def priorlab_metrics():
    plain = Metric(name="dark", doc="Share.", spec="share", function=dark, needs_truth=False)
    return [plain, Power]
"""


@pytest.fixture
def plugin(tmp_path):
    file = tmp_path / "apart" / "power.py"
    file.parent.mkdir()
    file.write_text(PLUGIN)
    return file


@pytest.fixture
def factor(tmp_path):
    file = tmp_path / "factor.txt"
    file.write_text("1")
    return file


@pytest.mark.slow
def test_what_is_asked_for_is_computed_and_known_by_its_parameters_and_files(
    plugin, factor, tmp_path
):
    def compare(*metrics):
        return priorlab.bench(
            "degraded", "denoise", "photos", images="camera", out=tmp_path / "out", name="run",
            metrics=metrics or None, plugin_files=[plugin],
        ).iloc[0]  # fmt: skip

    first = compare()
    assert 0 < first["dark"] < 1 and "power" not in first
    second = compare(f"power:file={factor}")
    assert second["cached"] and "dark" not in second
    assert np.isfinite(second[["psnr", "ssim"]].astype(float)).all()
    factor.write_text("3")
    assert compare(f"power:file={factor}")["power"] == pytest.approx(3 * second["power"])
    squared = compare(f"psnr,power:file={factor},exponent=2", "dark")
    assert squared["power"] / 3 == pytest.approx(10 ** (-squared["psnr"] / 10), rel=1e-3)
    assert squared["dark"] == first["dark"]
    table = (tmp_path / "out" / "run" / "table.md").read_text()
    assert "power: power 2; lower is better" in table


def test_what_cannot_be_asked_for_is_told(plugin, factor):
    registry = load([plugin])
    two = f"power:file={factor},exponent=1|2"
    for asked, says in {
        two: "power is asked for twice",
        "psrn": "unknown metric 'psrn'; did you mean 'psnr'",
        "dark:level=1": "dark has no parameters, such as level",
        "power:exponnt=1": "unknown field of power 'exponnt'",
    }.items():
        with pytest.raises(UsageError, match=says):
            choose([asked], registry)
    assert list(choose(["power:file=" + str(factor), "ssim"], registry)) == [
        "psnr",
        "ssim",
        "power",
    ]


def test_digests_tell_parameters_and_the_content_of_files(plugin, factor):
    registry = load([plugin])

    def digest(spec):
        return choose([spec], registry)["power"].digest

    first = digest(f"power:file={factor}")
    assert digest(f"power:file={factor},exponent=2") != first
    renamed = factor.rename(factor.with_name("renamed.txt"))
    assert digest(f"power:file={renamed}") == first
    renamed.write_text("2")
    assert digest(f"power:file={renamed}") != first
