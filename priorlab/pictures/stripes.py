"""Whether the rows of a picture differ in brightness all along, as the stripes of a sensor do."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]

PARTS = 4
"""Parts side by side, which have their stripes in common and nothing else."""

LEAST_ROWS, LEAST_COLUMNS = 64, 16 * PARTS
"""In smaller pictures chance is as much alike."""

LEAST, ALIKE = 1.2 / 255, 0.15
"""Stripes are at least so strong, and correlate at least so much between any two parts. In 72
photographs without any it is 0.95 / 255 and 0.11 at most, with those of 2 / 255 in white noise of
10 / 255 it is 1.4 / 255 and 0.23 at least: `python benchmarks/tune_noise.py stripes`."""

OUTLIERS = 3.0
"""What differs by more, in units of the usual deviation, is of the scene, such as the horizon."""


def level(plane: Plane) -> float:
    """Return the standard deviation of the brightness of rows against each other, 0 for none.

    Parameters
    ----------
    plane : array of shape (H, W)
        To be transposed for the stripes of columns.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(0.5, 0.02, (128, 128))
    >>> level(noise), round(level(noise + rng.normal(0, 0.02, (128, 1))), 2)
    (0.0, 0.02)
    """
    found, alike = strength(plane)
    return found if found >= LEAST and alike >= ALIKE else 0.0


def strength(plane: Plane) -> tuple[float, float]:
    """Return the least deviation, and the least correlation, of stripes in any two parts.

    Examples
    --------
    >>> strength(np.ones((128, 128)))
    (0.0, 0.0)
    """
    if plane.shape[0] < LEAST_ROWS or plane.shape[1] < LEAST_COLUMNS:
        return 0.0, 0.0
    bend = plane[1:-1] - (plane[:-2] + plane[2:]) / 2  # of independent rows 1.5 times the variance
    parts = np.stack([np.median(part, axis=1) for part in np.array_split(bend, PARTS, axis=1)])
    usual = 1.4826 * np.median(np.abs(parts), axis=1, keepdims=True)
    if not usual.all():  # paper, or a part of one colour
        return 0.0, 0.0
    parts = parts.clip(-OUTLIERS * usual, OUTLIERS * usual)
    covariance = np.cov(parts)
    deviation = np.sqrt(np.diag(covariance))
    pairs = list(itertools.combinations(range(PARTS), 2))
    least = min(float(covariance[pair]) for pair in pairs)
    alike = min(float(covariance[pair] / np.prod(deviation[list(pair)])) for pair in pairs)
    return (max(least, 0.0) / 1.5) ** 0.5, alike
