"""NIQE: how far the statistics of a picture lie from those of good photographs."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab.metrics import Metric
from priorlab.optional_metrics import OptionalMetric
from priorlab.pictures import arrays
from priorlab_metrics.natural_statistics import PATCH, Array, features

STATISTICS = Path(__file__).with_name("niqe.npz")
"""Mean and covariance of the features of good photographs; its card lies beside it."""

LEAST = 2
"""Patches that a picture must have: of one there is no covariance."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NIQE(OptionalMetric):
    """Naturalness of the restored picture alone: a distance to the statistics of photographs.

    Mittal, Soundararajan, Bovik: Making a "completely blind" image quality analyzer, IEEE Signal
    Processing Letters 20(3), 2013. Colour counts as its luma. The statistics are of photographs
    of BSDS, not of the authors' own, so that figures are not comparable with those of others.

    Examples
    --------
    >>> NIQE().metric().needs_truth
    False
    """

    name = "niqe"

    def metric(self) -> Metric:
        """Return the metric."""
        return Metric(
            name=self.name,
            doc=self.summary(),
            spec="NIQE (Mittal 2013) of the luma of the restored image alone, without a true one: "
            f"whole patches of {PATCH}x{PATCH} pixels, at least {LEAST}, at full and at half size; "
            "statistics of the sharp patches of BSDS photographs, so not comparable with other "
            "implementations",
            function=distance,
            higher_is_better=False,
            needs_truth=False,
        )


def distance(restored: NDArray[np.float32]) -> float:
    """Return the distance of a picture (C, H, W) in [0, 1]; NaN of less than two patches.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> picture = rng.random((3, 192, 192)).astype(np.float32)
    >>> distance(picture) > 10, distance(picture[:, :100, :100])
    (True, nan)
    """
    if len(restored) not in (1, 3):
        return float("nan")
    gray = 255 * arrays.luma(restored)[0].astype(np.float64)
    if len(restored) == 3:  # the luma of colour is from 16 to 235, that of gray pictures is not
        gray = (gray - 16) * 255 / 219
    found, _ = features(gray)
    if len(found) < LEAST:
        return float("nan")
    mean, covariance = _statistics()
    difference = mean - found.mean(0)
    pooled = (covariance + np.cov(found, rowvar=False)) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(pooled) @ difference))


@functools.cache
def _statistics() -> tuple[Array, Array]:
    """Return the mean and the covariance of the features of good photographs."""
    with np.load(STATISTICS) as stored:
        return stored["mean"], stored["covariance"]
