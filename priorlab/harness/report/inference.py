"""Inference from few images: intervals of a mean, a test, and both adjusted for their number."""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
import scipy  # not its `stats`, which take a second to import and are seldom needed
from numpy.typing import NDArray

Values = NDArray[np.float64]
"""One value per image, in any order, all finite."""

Name = TypeVar("Name", bound=Hashable)
"""What a difference is known by."""

LEVEL = 0.95
RESAMPLES = 10_000
MANY = 1000
"""For more images than this the interval is Student's, which the bootstrap's then equals."""


@dataclass(frozen=True)
class Interval:
    """An interval from `low` to `high`."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def interval(values: Values, level: float = LEVEL) -> Interval | None:
    """Return a bootstrap interval of the mean over images.

    The percentile bootstrap, stretched about the mean by ``t / z * sqrt(n / (n - 1))``, where t
    and z are the quantiles of Student's and the normal distribution. Unstretched, it is too
    narrow for few images (Hesterberg: What Teachers Should Know About the Bootstrap, The
    American Statistician 69, 2015): for 5 values from a normal distribution it holds the mean
    in 85 % of cases instead of 95 %. At each end the wider of this and Student's interval is taken:
    the former holds too seldom where the tails are heavy, the latter where they are skewed
    (`benchmarks/statistics_validation.py`). For many images the stretch vanishes, and above `MANY`
    the bootstrap is left out: the mean of so many values is normal, whatever their distribution.

    Parameters
    ----------
    values : array of shape (n,)
        One per image.
    level : float
        Probability with which the interval is to hold the mean.

    Returns
    -------
    Interval or None
        None for fewer than two values: one image says nothing about another.

    Examples
    --------
    >>> 29.0 in interval(np.array([28.0, 29.5, 30.0, 28.5]))
    True
    """
    n = len(values)
    if n < 2:
        return None
    values = np.sort(values)  # the order of the images must not matter
    tail, mean = (1 + level) / 2, float(values.mean())
    student = float(scipy.special.stdtrit(n - 1, tail))
    half = student * float(values.std(ddof=1)) / math.sqrt(n)
    if n > MANY:
        return Interval(mean - half, mean + half)
    stretch = student / float(scipy.special.ndtri(tail)) * math.sqrt(n / (n - 1))
    low, high = mean + stretch * (np.quantile(_means(values.tobytes()), [1 - tail, tail]) - mean)
    return Interval(min(float(low), mean - half), max(float(high), mean + half))


@functools.lru_cache(maxsize=256)
def _means(values: bytes) -> Values:
    """Return the means of the resampled values: one table asks for them several times."""
    held = np.frombuffer(values)
    return np.concatenate([weights @ held for weights in _weights(len(held))])


@functools.lru_cache(maxsize=1)
def _weights(n: int) -> Sequence[Values]:
    """Return the share of each of n images in each resample: the same for all priors.

    In parts, so that a thousand images do not take a gigabyte.
    """
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(RESAMPLES // 500):
        drawn = rng.integers(n, size=(500, n)) + n * np.arange(500)[:, None]
        parts.append(np.bincount(drawn.ravel(), minlength=500 * n).reshape(500, n) / n)
    return parts


def wilcoxon(differences: Values) -> float:
    """Return the two-sided p of the Wilcoxon signed-rank test; 1 if all differences are 0.

    Exact for up to 50 images, also with ties, where scipy tries permutations one by one. With n
    images it cannot fall below ``2 ** (1 - n)``: 0.0625 for 5, 0.031 for 6.

    Examples
    --------
    >>> wilcoxon(np.array([0.5, 1.0, 0.2, 0.1, 0.9]))
    0.0625
    """
    nonzero = differences[differences != 0]
    if len(nonzero) > 50:
        return float(scipy.stats.wilcoxon(nonzero).pvalue)
    ranks = np.rint(2 * pd.Series(nonzero).abs().rank()).astype(int)  # twice: ties have halves
    ways = np.ones(1)  # ways[w]: in how many of the 2^n signs the positive ranks sum to w
    for rank in ranks:
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    positive = ranks[nonzero > 0].sum()
    tail = min(ways[: positive + 1].sum(), ways[positive:].sum())
    return float(min(1.0, 2 * tail / 2 ** len(nonzero)))


def holm(p_values: list[float]) -> list[float]:
    """Adjust p values for their number (Holm: A simple sequentially rejective test, 1979).

    Examples
    --------
    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values, dtype=float)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(p) for p in adjusted]


def holm_intervals(differences: Mapping[Name, Values]) -> dict[Name, Interval | None]:
    """Return an interval of each mean difference, at levels that step down as Holm's test does.

    Of m differences that are left, those whose interval at level ``1 - 0.05 / m`` does not hold
    0 are separable; the others are looked at again for the smaller m. If all true differences
    are 0, some interval misses it with a probability of at most 5 %.

    Examples
    --------
    >>> better = np.array([1.0, 1.2, 0.9, 1.1, 1.0])
    >>> found = holm_intervals({"tv": better, "nlm": better - 1})
    >>> 0.0 in found["tv"], 0.0 in found["nlm"]
    (False, True)
    """
    found: dict[Name, Interval | None] = {}
    left = dict(differences)
    while left:
        level = 1 - (1 - LEVEL) / len(left)
        intervals = {prior: interval(values, level) for prior, values in left.items()}
        separable = [p for p, held in intervals.items() if held is not None and 0.0 not in held]
        found |= intervals
        if not separable:
            break
        left = {prior: values for prior, values in left.items() if prior not in separable}
    return found
