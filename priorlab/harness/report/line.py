"""A line of a comparison table: a prior on a task, with its figures in each metric."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from priorlab.harness.report.oracle import OracleFigures
from priorlab.harness.report.published import Check
from priorlab.harness.results.schema import METRICS

MAIN = METRICS[0]
"""The metric that decides the order of the lines: PSNR."""


@dataclasses.dataclass(frozen=True)
class MetricFigures:
    """What a table says of a prior in one metric.

    Attributes
    ----------
    mean : float or None
        Over the images that the prior restored; None if there are none.
    low, high : float or None
        The 95 % interval of the mean.
    rank : int or None
        By the mean, for priors that restored every image.
    leads : bool
        Whether the prior is the best or not separable from it.
    reference : str
        The prior that it is compared with; empty if there is none.
    difference, difference_low, difference_high : float or None
        Mean of prior minus reference, and its interval, adjusted for the number of priors.
    wins : float or None
        Share of the images on which it is better than the reference.
    p : float or None
        Holm-adjusted p of the Wilcoxon signed-rank test.
    """

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    rank: int | None = None
    leads: bool | None = None
    reference: str = ""
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    wins: float | None = None
    p: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a table: a prior on a task.

    Attributes
    ----------
    kind : str
        "measured", or "published": copied from a paper, then only the mean is known.
    metrics : mapping of str to MetricFigures
        By the metric's name.
    seconds : float or None
        Median over images of the duration of the restoration.
    cpu_seconds : float or None
        The same of what all processors together spent on it; None where that was not measured.
    peak_mb : float or None
        The most, over images, by which the memory of its processes grew, in MB.
    throughput : float or None
        Median over images of the images per second, where several were restored at once.
    images, images_ok : int
        Images of the task, and those that have a value for every seed.
    cells, cells_ok : int
        The same for images and seeds together; None, as `images_ok`, in published lines.
    remarks : str
        What a reader must know of it.
    oracle : OracleFigures or None
        For priors that choose when to stop.
    check : Check or None
        For published figures that a prior is to meet.
    """

    task: str
    prior: str
    kind: str = "measured"
    metrics: Mapping[str, MetricFigures]
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_mb: float | None = None
    throughput: float | None = None
    images: int
    images_ok: int | None = None
    cells: int | None = None
    cells_ok: int | None = None
    remarks: str = ""
    oracle: OracleFigures | None = None
    check: Check | None = None

    @property
    def psnr(self) -> MetricFigures:
        """The figures that decide the order of the lines."""
        return self.metrics[MAIN]
