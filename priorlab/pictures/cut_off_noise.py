"""The level of noise that is cut off at black or white nearly everywhere: a night sky, a page.

Half of the noise of a black sky is missing, so that nothing of it is as it was. What is left still
tells: how much of it lies at the end says how far away the end is, and with it how much of the
deviation is gone.
"""

from __future__ import annotations

import functools
import math
import statistics

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from priorlab.pictures import arrays
from priorlab.pictures.picture import Picture
from priorlab.pictures.usable_pixels import clipped, opaque

Array = NDArray[np.float64]

BLOCK = 8
"""Rows and columns of a block."""

FEWEST, LEAST_SHARE = 30, 0.02
"""Of fewer blocks with noise, or a smaller share of those that are not constant, nothing is
concluded: text has a few that look so by chance."""

LEAST_CUT, MOST_CUT = 0.05, 0.8
"""A block tells of its noise if such a share of it lies at one end, and nothing at the other."""

FLAT = 1.35
"""Blocks are flat whose level is at most this many times the usual one of flat ones: of 64 values,
half of them cut off, it scatters by an eighth."""

WHITE = 0.1
"""Neighbouring pixels of noise correlate less than this; those of letters and lines more."""

ROUNDS = 6
"""The usual level of flat blocks, and which are flat, are found out by turns."""

AROUND, FEW, APART, SCATTERED = 15, 0.2, 3, 0.06
"""Black or white that noise makes lies scattered: where shares of `FEW` or more of the pixels
within `AROUND` rows and columns are of it and are not, those that are so far apart hardly
correlate, even if the noise is coarse. What is black or white without noise lies in areas, and
correlates by more than `SCATTERED` (``tune_noise.py scattered``, results/real-noise.md)."""


def of_picture(picture: Picture) -> float:
    """Return the level in all channels of a picture that show it, 0 where none does.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (3, 64, 64)).clip(0, 1)
    >>> round(of_picture(Picture(image=noise.astype(np.float32))), 2)
    0.1
    """
    seen = opaque(picture)
    found = [level(plane, seen, picture.quantum / 2) for plane in picture.image]
    return float(np.sqrt(np.mean(np.square([one for one in found if one] or [0.0]))))


def is_scattered(picture: Picture) -> bool:
    """Return whether black and white lie scattered, as noise that was cut off leaves them.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (1, 64, 64))
    >>> is_scattered(Picture(image=noise.clip(0, 1).astype(np.float32)))
    True
    >>> rows, columns = np.mgrid[:64, :64] / 9
    >>> waves = np.sin(rows)[None] * np.sin(columns)
    >>> is_scattered(Picture(image=waves.clip(0, 1).astype(np.float32)))
    False
    """
    correlation, count = scatter(picture)
    return count > 0 and correlation < SCATTERED


def scatter(picture: Picture) -> tuple[float, int]:
    """Return how black or white pixels that are `APART` correlate, and how many say so."""
    product, square, count = 0.0, 0.0, 0
    for plane in clipped(picture).astype(np.float32):
        mean = arrays.box_means(plane[None], AROUND)[0]
        around, partly = plane - mean, (mean > FEW) & (mean < 1 - FEW)
        for differences, there in ((around, partly), (around.T, partly.T)):
            both = there[APART:] & there[:-APART]
            product += float((differences[APART:] * differences[:-APART])[both].sum())
            square += float(np.square(differences[APART:])[both].sum())
            count += int(both.sum())
    return product / max(square, 1e-9), count


def level(plane: NDArray[np.floating], seen: NDArray[np.bool_], edge: float) -> float:
    """Return the standard deviation of white noise before it was cut off; 0 where none shows.

    Parameters
    ----------
    plane : array of shape (H, W)
        In [0, 1].
    seen : array of bool, shape (H, W)
        What counts; not what is transparent.
    edge : float
        What is no farther than this from 0 or 1 is black or white.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (64, 64))
    >>> [round(level((value + noise).clip(0, 1), noise < 2, 0.002), 2) for value in (0, 0.05, 1)]
    [0.1, 0.1, 0.1]
    """
    if min(plane.shape) < BLOCK:
        return 0.0
    windows = sliding_window_view(plane.astype(np.float64), (BLOCK, BLOCK))[::BLOCK, ::BLOCK]
    whole = sliding_window_view(seen, (BLOCK, BLOCK))[::BLOCK, ::BLOCK].all((2, 3))
    blocks = windows[whole]
    blocks = blocks[np.ptp(blocks, axis=(1, 2)) > 0]
    if not len(blocks):
        return 0.0
    dark, light = ((end <= edge).mean((1, 2)) for end in (blocks, 1 - blocks))
    cut = np.maximum(dark, light)
    telling = (np.minimum(dark, light) == 0) & (cut >= LEAST_CUT) & (cut <= MOST_CUT)
    blocks, count = blocks[telling], len(blocks)
    if len(blocks) < FEWEST:
        return 0.0
    shares, lefts = _left()
    levels = blocks.std((1, 2)) / np.interp(cut[telling], shares, lefts)
    usual = float(np.quantile(levels, 0.1))
    for _ in range(ROUNDS):
        flat = levels < FLAT * usual
        usual = float(np.sqrt(np.mean(np.square(levels[flat]))))
    if flat.sum() < max(FEWEST, LEAST_SHARE * count) or abs(_correlation(blocks[flat])) > WHITE:
        return 0.0
    return usual


def _correlation(blocks: Array) -> float:
    """Return how neighbouring pixels of blocks correlate."""
    around = blocks - blocks.mean((1, 2), keepdims=True)
    down = (around[:, 1:] * around[:, :-1]).mean()
    across = (around[:, :, 1:] * around[:, :, :-1]).mean()
    return float((down + across) / 2 / (around**2).mean())


@functools.cache
def _left() -> tuple[Array, Array]:
    """Return shares that are cut off, and which part of the deviation is left with each."""
    shares = np.linspace(LEAST_CUT, MOST_CUT, 76)
    return shares, np.array([deviation_left(float(share)) for share in shares])


def deviation_left(share: float) -> float:
    """Return which part of the deviation is left of Gaussian noise of which a share is cut off.

    Examples
    --------
    >>> round(deviation_left(0.5), 3)
    0.584
    """
    normal = statistics.NormalDist()
    end = -normal.inv_cdf(share)  # so many deviations below the mean
    mean = end * (1 - share) + normal.pdf(end)
    return math.sqrt((end**2 + 1) * (1 - share) + end * normal.pdf(end) - mean**2)
