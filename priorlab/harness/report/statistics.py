"""Statistics of a comparison: paired, with the image as the unit.

Two priors saw the identical measurements, so they are compared image by image: most of the
spread of a PSNR comes from the images and cancels in the difference. Seeds of one image are
averaged first, because they are no independent evidence on what happens to other images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
RESAMPLES = 10_000
PSNR_CAP = 100.0
"""An identical image has an infinite PSNR; in means and differences it counts as 100 dB."""
TIE = 1e-6
"""Differences below this are rounding, not merit."""


@dataclass(frozen=True)
class Interval:
    """An interval from `low` to `high`."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Comparison:
    """How a prior compares with a reference prior on the images that both restored.

    Attributes
    ----------
    images : int
        How many such images there are.
    difference : float
        Mean of prior minus reference.
    interval : Interval or None
        Its interval, adjusted for the number of priors compared with the reference (Holm); None
        for fewer than two images. If it does not hold 0, the prior is separable.
    wins : float
        Share of the images on which the prior is better; a tie counts half.
    p : float
        Two-sided p of the Wilcoxon signed-rank test, Holm-adjusted over the priors compared.
    """

    images: int
    difference: float
    interval: Interval | None
    wins: float
    p: float


def scores(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a metric per image (index) and prior (columns), averaged over the seeds.

    Parameters
    ----------
    rows : DataFrame
        The rows of one task: a row per prior x image x seed.
    metric : str
        A column of `rows`; higher is better.

    Returns
    -------
    DataFrame
        NaN where a prior does not have a value for every seed of the image: an average over
        other seeds would not be paired. Infinite PSNR counts as `PSNR_CAP`.
    """
    values = rows[metric].where(rows["status"] == "ok").astype(float)
    if metric == "psnr":
        values = values.clip(upper=PSNR_CAP)
    grid = rows[["prior", "image", "seed"]].assign(value=values)
    table = grid.pivot(index=["image", "seed"], columns="prior", values="value")
    by_image = table.groupby(level="image")
    return by_image.mean().where(by_image.count().eq(by_image.size(), axis=0))


def interval(values: NDArray[np.float64], level: float = LEVEL) -> Interval | None:
    """Return a bootstrap interval of the mean over images.

    The percentile bootstrap, stretched about the mean by ``t / z * sqrt(n / (n - 1))``, where t
    and z are the quantiles of Student's and the normal distribution. Unstretched, it is too
    narrow for few images (Hesterberg: What Teachers Should Know About the Bootstrap, The
    American Statistician 69, 2015): for 5 values from a normal distribution it holds the mean
    in 85 % of cases instead of 95 %. For many images the stretch vanishes.

    Parameters
    ----------
    values : array of shape (n,)
        One value per image, in any order, all finite.
    level : float
        Probability with which the interval is to hold the mean.

    Returns
    -------
    Interval or None
        None for fewer than two values: one image says nothing about another.
    """
    n = len(values)
    if n < 2:
        return None
    values = np.sort(values)  # the order of the images must not matter
    rng = np.random.default_rng(0)
    # In parts, so that a thousand images do not take a gigabyte.
    means = np.concatenate(
        [values[rng.integers(n, size=(500, n))].mean(axis=1) for _ in range(RESAMPLES // 500)]
    )
    tail = (1 + level) / 2
    stretch = stats.t.ppf(tail, n - 1) / stats.norm.ppf(tail) * np.sqrt(n / (n - 1))
    mean = values.mean()
    low, high = mean + stretch * (np.quantile(means, [1 - tail, tail]) - mean)
    return Interval(float(low), float(high))


def compare(table: pd.DataFrame, reference: str) -> dict[str, Comparison]:
    """Compare every prior with a reference prior, paired by image.

    Parameters
    ----------
    table : DataFrame
        As `scores` returns it.
    reference : str
        One of its columns.

    Returns
    -------
    dict
        For every other prior that shares an image with the reference.
    """
    differences = _differences(table, reference)
    whole = set(complete(table))
    # Incomplete priors have no say in which of the others are separable.
    intervals = _adjusted({p: v for p, v in differences.items() if p in whole})
    intervals |= _adjusted({p: v for p, v in differences.items() if p not in whole})
    adjusted = holm([wilcoxon(values) for values in differences.values()])
    return {
        prior: Comparison(
            images=len(values),
            difference=float(values.mean()),
            interval=intervals[prior],
            wins=float(np.mean((values > 0) + 0.5 * (values == 0))),
            p=p,
        )
        for (prior, values), p in zip(differences.items(), adjusted, strict=True)
    }


def complete(table: pd.DataFrame) -> list[str]:
    """Return the priors that restored every image: the only ones whose means compare."""
    return [str(prior) for prior in table.columns[table.notna().all()]]


def best(table: pd.DataFrame) -> str | None:
    """Return the prior with the highest mean among the complete ones, if there is any."""
    means = table[complete(table)].mean()
    return str(means.idxmax()) if len(means) else None


def leaders(table: pd.DataFrame) -> frozenset[str]:
    """Return the best prior and all complete ones not separable from it.

    A prior is separable from the best if the interval of its paired difference to it, as
    `compare` gives it, does not hold 0. With fewer than two images, or a single prior, there is
    nothing to tell apart and no leader.
    """
    top = best(table)
    if top is None or len(table) < 2 or len(table.columns) < 2:
        return frozenset()
    whole = complete(table)
    intervals = _adjusted(_differences(table[whole], top))
    return frozenset(whole) - {
        prior for prior, found in intervals.items() if found is not None and 0.0 not in found
    }


def typical_image(table: pd.DataFrame) -> str:
    """Return the image to show: the one whose mean score is the middle one, by rule, not by eye.

    Only images that the most priors restored are considered; of an even number the harder of
    the two in the middle is taken.
    """
    counts = table.notna().sum(axis=1)
    means = table[counts == counts.max()].mean(axis=1).sort_values(kind="stable")
    return str(means.index[(len(means) - 1) // 2])


def wilcoxon(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of the Wilcoxon signed-rank test; 1 if all differences are 0.

    Exact for up to 50 images, also with ties, where scipy tries permutations one by one. With n
    images it cannot fall below ``2 ** (1 - n)``: 0.0625 for 5, 0.031 for 6.
    """
    nonzero = differences[differences != 0]
    if len(nonzero) > 50:
        return float(stats.wilcoxon(nonzero).pvalue)
    ranks = np.rint(2 * stats.rankdata(np.abs(nonzero))).astype(int)  # twice: ties have halves
    ways = np.ones(1)  # ways[w]: in how many of the 2^n signs the positive ranks sum to w
    for rank in ranks:
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    positive = ranks[nonzero > 0].sum()
    tail = min(ways[: positive + 1].sum(), ways[positive:].sum())
    return float(min(1.0, 2 * tail / 2 ** len(nonzero)))


def holm(p_values: list[float]) -> list[float]:
    """Adjust p values for their number (Holm: A simple sequentially rejective test, 1979)."""
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values, dtype=float)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(p) for p in adjusted]


def _differences(table: pd.DataFrame, reference: str) -> dict[str, NDArray[np.float64]]:
    """Return each other prior minus the reference on the images that both restored."""
    found = {}
    for prior in table.columns.drop(reference):
        values = (table[prior] - table[reference]).dropna().to_numpy(dtype=float)
        if len(values):
            found[str(prior)] = np.where(np.abs(values) < TIE, 0.0, values)
    return found


def _adjusted(
    differences: Mapping[str, NDArray[np.float64]],
) -> dict[str, Interval | None]:
    """Return an interval of each mean difference, at levels that step down as Holm's test does.

    Of m differences that are left, those whose interval at level ``1 - 0.05 / m`` does not hold
    0 are separable; the others are looked at again for the smaller m. If all true differences
    are 0, some interval misses it with a probability of at most 5 %.
    """
    found: dict[str, Interval | None] = {}
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
