"""Ranks over many comparisons: which priors are better on the whole, and which do not differ.

Every task on every data set is a block, in which the priors are ranked by their means: decibels on
different tasks have no common scale, ranks do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from priorlab.errors import UsageError
from priorlab.harness.report import statistics
from priorlab.harness.report.inference import Values

LEVEL = 0.05
"""Probability of distinguishing any two priors if all are equally good."""
MANY_BLOCKS = 12
"""From more blocks on, the distribution of Friedman's statistic is near that of its limit."""


@dataclass(frozen=True)
class Ranking:
    """Priors by their mean rank.

    Attributes
    ----------
    ranks : mapping of str to float
        The mean rank of each prior, from the best to the worst; 1 is the best.
    blocks : sequence of str
        The tasks, each with its data set, in which they were ranked.
    difference : float
        The critical difference: closer mean ranks do not differ significantly.
    p : float
        Of Friedman's test that all priors are equally good.
    left_out : sequence of str
        Priors that did not restore every image of every block.
    """

    ranks: Mapping[str, float]
    blocks: Sequence[str]
    difference: float
    p: float
    left_out: Sequence[str] = ()

    @property
    def groups(self) -> list[list[str]]:
        """Return the largest groups of priors next to each other that do not differ significantly.

        Examples
        --------
        >>> Ranking({"unet": 1.2, "bm3d": 2.0, "tv": 3.9}, ["a"], 1.0, 0.01).groups
        [['unet', 'bm3d']]
        """
        names = list(self.ranks)
        found: list[list[str]] = []
        end = 0
        for start, first in enumerate(names):
            group = [
                n for n in names[start:] if self.ranks[n] - self.ranks[first] < self.difference
            ]
            if start + len(group) > end and len(group) > 1:
                found.append(group)
                end = start + len(group)
        return found


def rank(
    runs: Sequence[tuple[str, pd.DataFrame]], metric: str, *, higher_is_better: bool = True
) -> Ranking:
    """Rank the priors that have restored every image in every block.

    By the mean over images in each block, which is ranked, equal means sharing the mean of their
    ranks; the difference of mean ranks is judged by Nemenyi's test (Demsar: Statistical comparisons
    of classifiers over multiple data sets, JMLR 7, 2006).

    Parameters
    ----------
    runs : sequence of (str, DataFrame)
        The data set and the rows of each run. Where several have the same block, each has the
        priors that the others lack.
    metric : str
        A column of the rows.
    higher_is_better : bool
        Of the metric.

    Raises
    ------
    UsageError
        If fewer than two priors restored every image of every block, or there are fewer than two
        blocks.

    Examples
    --------
    >>> cells = [(p, t, 30.0 + gain) for p, gain in (("tv", 0), ("unet", 1)) for t in ("a", "b")]
    >>> rows = pd.DataFrame(cells, columns=["prior", "task", "psnr"])
    >>> rows = rows.assign(image="house", seed=0, status="ok")
    >>> dict(rank([("set12", rows)], "psnr").ranks)
    {'unet': 1.0, 'tv': 2.0}
    """
    table = blocks(runs, metric)
    whole = [str(prior) for prior in table.columns[table.notna().all()]]
    if len(whole) < 2:
        raise UsageError(
            "fewer than two priors restored every image of every task and data set: nothing to rank"
        )
    if len(table) < 2:
        raise UsageError("ranks need two or more tasks or data sets; this is one")
    ranked = table[whole].rank(axis=1, ascending=not higher_is_better)
    means = ranked.mean().sort_values(kind="stable")
    return Ranking(
        ranks={str(prior): float(value) for prior, value in means.items()},
        blocks=[f"{task} on {dataset}" for task, dataset in table.index],
        difference=critical_difference(len(whole), len(table)),
        p=friedman(ranked),
        left_out=[str(prior) for prior in table.columns if prior not in whole],
    )


def blocks(runs: Sequence[tuple[str, pd.DataFrame]], metric: str) -> pd.DataFrame:
    """Return the mean of each prior (columns) on each task and data set (index).

    NaN where a prior did not restore every image.

    Raises
    ------
    UsageError
        If two runs have other evidence under the same names.
    """
    found: dict[tuple[str, str], dict[str, float]] = {}
    evidence: dict[tuple[str, str], set[tuple[str, int, str]]] = {}
    for dataset, rows in runs:
        for task, group in rows.groupby("task", sort=False):
            seen = _evidence(group)
            if evidence.setdefault((str(task), dataset), seen) != seen:
                raise UsageError(
                    f"the runs have other images, seeds or measurements of {task} on {dataset};"
                    " rank them apart"
                )
            scores = statistics.scores(group, metric)
            means = scores[statistics.complete(scores)].mean()
            block = found.setdefault((str(task), dataset), {})
            for prior in scores.columns:
                value = float(means.get(prior, math.nan))
                if math.isnan(block.get(str(prior), math.nan)):
                    block[str(prior)] = value
    index = pd.MultiIndex.from_tuples(list(found), names=["task", "dataset"])
    return pd.DataFrame(list(found.values()), index=index)


def _evidence(rows: pd.DataFrame) -> set[tuple[str, int, str]]:
    """Return the image, the seed and the digest of each measurement; "" of rows that lack one."""
    if "measurement" not in rows:
        rows = rows.assign(measurement="")
    told = rows.groupby(["image", "seed"])["measurement"].max()  # a failed cell may have none
    return {tuple(line) for line in told.reset_index().to_numpy().tolist()}


def critical_difference(priors: int, blocks: int) -> float:
    """Return how far apart mean ranks must be for two priors to differ.

    Nemenyi's: ``q * sqrt(k (k + 1) / (6 N))`` for k priors and N blocks, q being the quantile of
    the studentised range, divided by the square root of 2.

    Examples
    --------
    >>> round(critical_difference(4, 14), 2)  # the example of Demsar's section 3.2.2
    1.25
    """
    q = float(scipy.stats.studentized_range.ppf(1 - LEVEL, priors, math.inf)) / math.sqrt(2)
    return q * math.sqrt(priors * (priors + 1) / (6 * blocks))


def friedman(ranked: pd.DataFrame) -> float:
    """Return the p of Friedman's test that no prior is better than another.

    For few blocks from permutations of the ranks within each block, all of them or 9,999; for more
    than `MANY_BLOCKS` by Iman and Davenport's F (Demsar, equation 2), which for few gives two
    orders that nearly agree a smaller p than two that agree.

    Parameters
    ----------
    ranked : DataFrame
        The ranks of the priors (columns) in each block.

    Examples
    --------
    >>> round(friedman(pd.DataFrame({"tv": [1, 1, 2, 1], "nlm": [2, 2, 1, 2]})), 3)
    0.625
    """
    n, k = ranked.shape
    ranks = ranked.to_numpy(dtype=float)
    if n <= MANY_BLOCKS:
        return _permuted(ranks)
    spread = float(np.square(ranks - (k + 1) / 2).sum())  # less than without ties
    chi = (k - 1) * n**2 * _distance(*ranks.T) / spread if spread else 0.0
    most = n * (k - 1)
    least = float(math.factorial(k)) ** (1 - n)  # of one order in all blocks, of all that could be
    if chi >= most * (1 - 1e-12):
        return least
    p = float(scipy.stats.f.sf((n - 1) * chi / (most - chi), k - 1, (k - 1) * (n - 1)))
    return max(p, least)


def _permuted(ranks: Values) -> float:
    tested = scipy.stats.permutation_test(
        [*ranks.T],
        _distance,
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(tested.pvalue)


def _distance(*ranks: Values, axis: int = -1) -> Values:
    """Return the squared distance of the priors' mean ranks from each other's mean."""
    means = np.stack([one.mean(axis=axis) for one in ranks])
    distance: Values = np.square(means - means.mean(axis=0)).sum(axis=0)
    return distance
