"""Statistics of a comparison: paired, with the image as the unit.

Two priors saw the identical measurements, so they are compared image by image: most of the
spread of a PSNR comes from the images and cancels in the difference. Seeds of one image are
averaged first, because they are no independent evidence on what happens to other images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from priorlab.harness.report.inference import Interval, Values, holm, holm_intervals, wilcoxon

PSNR_CAP = 100.0
"""An identical image has an infinite PSNR; in means and differences it counts as 100 dB."""
LEAST_IMAGES = 6
"""From so many images on priors are distinguished: of five, even a difference that is in favour of
the same prior on each has a two-sided p of 1/16 by the signed-rank test, which is above 0.05."""
TIE = 1e-6
"""Differences below this are rounding, not merit; of metrics with values below 1 in proportion."""


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


def median(rows: pd.DataFrame, column: str) -> float | None:
    """Return the median over images of a column; None if nothing is known of it.

    Examples
    --------
    >>> rows = pd.DataFrame({"image": list("aab"), "seconds": [1.0, 3.0, 5.0], "old": [None] * 3})
    >>> median(rows, "seconds"), median(rows, "old"), median(rows, "of later versions")
    (3.5, None, None)
    """
    if column not in rows:
        return None
    known = rows[["image", column]].dropna(subset=column)  # not all columns, which takes long
    return float(known.groupby("image")[column].mean().median()) if len(known) else None


def first_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one seed for each task and image: the first that a prior restored it with.

    Of these are pictures and curves, which cannot be averaged over seeds.

    Examples
    --------
    >>> rows = pd.DataFrame({"task": "denoise", "image": list("aaab"), "seed": [0, 1, 2, 2]})
    >>> rows["status"] = ["failed", "ok", "ok", "ok"]
    >>> first_seed(rows)[["image", "seed"]].to_numpy().tolist()
    [['a', 1], ['b', 2]]
    """
    cell = ["task", "image"]
    first = rows[rows["status"] == "ok"].groupby(cell)["seed"].min().rename("first")
    return rows[rows["seed"] == rows.join(first, on=cell)["first"]]


def scores(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a metric per image (index) and prior (columns), averaged over the seeds.

    Parameters
    ----------
    rows : DataFrame
        The rows of one task: a row per prior x image x seed.
    metric : str
        A column of `rows`.

    Returns
    -------
    DataFrame
        NaN where a prior does not have a value for every seed of the image: an average over
        other seeds would not be paired. Infinite PSNR counts as `PSNR_CAP`; other infinite
        values have no mean and count as missing.

    Examples
    --------
    >>> rows = pd.DataFrame({"prior": ["tv", "tv", "nlm", "nlm"], "seed": [0, 1, 0, 1]})
    >>> rows = rows.assign(image="house", psnr=[30, 31, 29, 28])
    >>> rows["status"] = ["ok", "ok", "ok", "failed"]
    >>> scores(rows, "psnr").loc["house"].to_dict()
    {'nlm': nan, 'tv': 30.5}
    """
    values = rows[metric].where(rows["status"] == "ok").astype(float)
    if metric == "psnr":
        values = values.clip(upper=PSNR_CAP)
    values = values.where(np.isfinite(values))
    grid = rows[["prior", "image", "seed"]].assign(value=values)
    table = grid.pivot(index=["image", "seed"], columns="prior", values="value")
    by_image = table.groupby(level="image")
    return by_image.mean().where(by_image.count().eq(by_image.size(), axis=0))


def compare(
    table: pd.DataFrame, reference: str, *, higher_is_better: bool = True
) -> dict[str, Comparison]:
    """Compare every prior with a reference prior, paired by image.

    Parameters
    ----------
    table : DataFrame
        As `scores` returns it.
    reference : str
        One of its columns.
    higher_is_better : bool
        Of the metric; it decides what a win is.

    Returns
    -------
    dict
        For every other prior that shares an image with the reference.

    Examples
    --------
    >>> tv, nlm = [30.0, 28.0, 29.0, 27.0], [29.5, 28.0, 29.25, 26.25]
    >>> table = pd.DataFrame({"tv": tv, "nlm": nlm})
    >>> found = compare(table, reference="tv")["nlm"]
    >>> found.images, found.difference, found.wins
    (4, -0.25, 0.375)
    """
    found = differences(table, reference)
    whole = set(complete(table))
    intervals: dict[str, Interval | None] = {}
    adjusted: dict[str, float] = {}
    # Incomplete priors have no say in which of the others are separable.
    for is_whole in (True, False):
        family = {p: v for p, v in found.items() if (p in whole) is is_whole}
        intervals |= holm_intervals(family)
        tests = [wilcoxon(values) for values in family.values()]
        adjusted |= dict(zip(family, holm(tests), strict=True))
    sign = 1 if higher_is_better else -1
    return {
        prior: Comparison(
            images=len(values),
            difference=float(values.mean()),
            interval=intervals[prior],
            wins=float(np.mean((sign * values > 0) + 0.5 * (values == 0))),
            p=adjusted[prior],
        )
        for prior, values in found.items()
    }


def complete(table: pd.DataFrame) -> list[str]:
    """Return the priors that restored every image: the only ones whose means compare.

    Examples
    --------
    >>> complete(pd.DataFrame({"tv": [30.0, 28.0], "dip": [31.0, np.nan]}))
    ['tv']
    """
    return [str(prior) for prior in table.columns[table.notna().all()]]


def ranks(table: pd.DataFrame, *, higher_is_better: bool = True) -> dict[str, int]:
    """Return the rank of each complete prior by its mean; equal means share the better rank.

    Examples
    --------
    >>> ranks(pd.DataFrame({"tv": [30.0, 28.0], "nlm": [29.0, 29.0], "dip": [31.0, 29.0]}))
    {'tv': 2, 'nlm': 2, 'dip': 1}
    """
    means = table[complete(table)].mean()
    found = means.rank(ascending=not higher_is_better, method="min")
    return {str(prior): int(rank) for prior, rank in found.items()}


def best(table: pd.DataFrame, *, higher_is_better: bool = True) -> str | None:
    """Return the prior with the best mean among the complete ones, if there is any.

    Examples
    --------
    >>> best(pd.DataFrame({"tv": [30.0, 28.0], "nlm": [29.0, 28.0], "dip": [31.0, np.nan]}))
    'tv'
    """
    found = ranks(table, higher_is_better=higher_is_better)
    return min(found, key=lambda prior: found[prior]) if found else None


def leaders(table: pd.DataFrame, *, higher_is_better: bool = True) -> frozenset[str]:
    """Return the best prior and all complete ones not separable from it.

    A prior is separable from the best if the interval of its paired difference to it, as
    `compare` gives it, does not hold 0. With fewer than `LEAST_IMAGES`, or a single prior, nothing
    is distinguished and there is no leader.

    Examples
    --------
    >>> tv = np.array([30.0, 28.0, 29.0, 27.0, 28.5, 29.5])
    >>> other = tv + [0.1, -0.1, 0, 0.1, -0.1, 0]
    >>> table = pd.DataFrame({"tv": tv, "nlm": other, "median": tv - 3})
    >>> sorted(leaders(table))
    ['nlm', 'tv']
    >>> sorted(leaders(table.head(5)))
    []
    """
    top = best(table, higher_is_better=higher_is_better)
    if top is None or len(table) < LEAST_IMAGES or len(table.columns) < 2:
        return frozenset()
    whole = complete(table)
    intervals = holm_intervals(differences(table[whole], top))
    return frozenset(whole) - {
        prior for prior, found in intervals.items() if found is not None and 0.0 not in found
    }


def typical_image(table: pd.DataFrame) -> str:
    """Return the image to show: the one whose mean score is the middle one, by rule, not by eye.

    Only images that the most priors restored are considered; of an even number the harder of
    the two in the middle is taken.

    Examples
    --------
    >>> typical_image(pd.DataFrame({"tv": [30.0, 25.0, 28.0]}, index=["house", "boat", "man"]))
    'man'
    """
    counts = table.notna().sum(axis=1)
    means = table[counts == counts.max()].mean(axis=1).sort_values(kind="stable")
    return str(means.index[(len(means) - 1) // 2])


def differences(table: pd.DataFrame, reference: str) -> dict[str, Values]:
    """Return each other prior minus the reference on the images that both restored.

    Examples
    --------
    >>> table = pd.DataFrame({"tv": [30.0, 28.0], "nlm": [29.0, np.nan]})
    >>> differences(table, "tv")["nlm"].tolist()
    [-1.0]
    """
    found = {}
    for prior in table.columns.drop(reference):
        values = (table[prior] - table[reference]).dropna().to_numpy(dtype=float)
        if len(values):
            found[str(prior)] = without_rounding(values, table)
    return found


def without_rounding(differences: Values, table: pd.DataFrame) -> Values:
    """Return differences of values of a table, with 0 for those that are no more than rounding.

    Examples
    --------
    >>> without_rounding(np.array([1e-14, 0.1]), pd.DataFrame({"tv": [30.0, 28.0]})).tolist()
    [0.0, 0.1]
    """
    tie = TIE * min(1.0, float(np.nanmax(np.abs(table.to_numpy(dtype=float)), initial=0)))
    return np.where(np.abs(differences) < tie, 0.0, differences)
