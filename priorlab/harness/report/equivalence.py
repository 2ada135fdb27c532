"""What a paired difference says in words: same, equal in practice, better, or inconclusive."""

from __future__ import annotations

import enum

import numpy as np

from priorlab.harness.report.inference import LEVEL, Interval, Values, interval
from priorlab.harness.report.statistics import LEAST_IMAGES

MARGIN = 0.05
"""Decibels of PSNR below which nobody cares: a difference within it is none in practice."""


class Verdict(enum.StrEnum):
    """What is known of a difference."""

    SAME = "same"
    EQUAL = "equal"
    BETTER = "better"
    WORSE = "worse"
    UNKNOWN = "inconclusive"


def is_equivalent(values: Values, margin: float = MARGIN) -> bool:
    """Return whether the mean of some differences is shown to lie within a margin of 0.

    Two one-sided tests at 5 % (Schuirmann: A comparison of the two one-sided tests procedure, J.
    Pharmacokinetics and Biopharmaceutics 15, 1987): the interval at 90 % lies within the margin.
    With fewer than `LEAST_IMAGES` values nothing is shown.

    Parameters
    ----------
    values : array of shape (n,)
        One difference per image.
    margin : float
        In the unit of the values.

    Examples
    --------
    >>> near = np.array([0.01, -0.02, 0.0, 0.01, 0.02, -0.01])
    >>> is_equivalent(near), is_equivalent(near + 0.05), is_equivalent(near[:5])
    (True, False, False)
    """
    if len(values) < LEAST_IMAGES:
        return False
    found = interval(values, 2 * LEVEL - 1)
    return found is not None and -margin < found.low and found.high < margin


def verdict(
    values: Values,
    adjusted: Interval | None,
    *,
    margin: float | None = MARGIN,
    higher_is_better: bool = True,
) -> Verdict:
    """Return what is known of the mean of some differences.

    Parameters
    ----------
    values : array of shape (n,)
        One difference per image.
    adjusted : Interval or None
        That of the mean, adjusted for the number of comparisons.
    margin : float, optional
        Within it a difference is none in practice, also one that is separable from 0; None where
        no such margin is agreed on.
    higher_is_better : bool
        Of the metric.

    Examples
    --------
    >>> gains = np.array([0.3, 0.2, 0.25, 0.3, 0.2, 0.4])
    >>> str(verdict(gains, interval(gains))), str(verdict(0 * gains, interval(0 * gains)))
    ('better', 'same')
    """
    if len(values) and not np.any(values):
        return Verdict.SAME
    if margin is not None and is_equivalent(values, margin):
        return Verdict.EQUAL
    if adjusted is None or 0.0 in adjusted or len(values) < LEAST_IMAGES:
        return Verdict.UNKNOWN
    return Verdict.BETTER if (adjusted.low > 0) == higher_is_better else Verdict.WORSE
