"""Whether part of a picture is noisier than the rest: a composite, a panorama, a pasted patch.

The noise of a picture is measured where it is weakest, for anything stronger may be texture. What
tells noise from texture in a part of it is that neighbouring pixels of noise do not correlate.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from priorlab.pictures import flat_blocks
from priorlab.pictures.noise_level import estimate_sigma

SIDE = 96
"""Rows and columns of a tile: it has enough flat blocks to tell noise from texture."""

MOST_TILES = 6
"""Of a large picture so many tiles along each side are looked at."""

TIMES, LEAST = 2.5, 6 / 255
"""A tile is noisier if its level is this many times that of the picture, and this much at least."""

WHITE = 0.15
"""Neighbouring pixels of its noise correlate less than this; see `flat_blocks.correlation`."""

FEWEST, ENOUGH_ALONE = 2, 10 / 255
"""So many tiles are noisier at least, for a single one may show fine texture; or one by that much,
as in a small picture."""


def noisier_part(
    image: NDArray[np.float32], usable: NDArray[np.bool_], level: float
) -> tuple[float, tuple[slice, slice]] | None:
    """Return the level of the noisier part of a picture, with its rows and columns, or None.

    Parameters
    ----------
    image : array of shape (C, H, W)
    usable : array of bool, shape (C, H, W)
        Where the noise is as it was: not clipped, not transparent.
    level : float
        That of the strongest noise that was found in the whole picture.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.01, (1, 192, 384)).astype(np.float32)
    >>> noise[..., :192] *= 10
    >>> found, where = noisier_part(0.5 + noise, noise < 2, level=0.01)
    >>> round(found, 2), where
    (0.1, (slice(0, 192, None), slice(0, 192, None)))
    """
    if max(image.shape[1:]) < 2 * SIDE:
        return None
    bright, known = image.mean(0, dtype=np.float64), np.logical_and.reduce(usable, axis=0)
    reference = float(estimate_sigma(bright[None], known[None])[0])
    least = max(LEAST, TIMES * reference)
    noisier, levels = np.zeros(known.shape, np.bool_), []
    for rows in _parts(known.shape[0]):
        for columns in _parts(known.shape[1]):
            tile = _middle(rows), _middle(columns)
            one = float(estimate_sigma(bright[tile][None], known[tile][None])[0])
            if one < least:
                continue
            correlation = flat_blocks.correlation(bright[tile], known[tile])
            if correlation is not None and abs(correlation) < WHITE:
                noisier[rows, columns] = True
                levels.append(one)
    if len(levels) < FEWEST and max(levels, default=0) < ENOUGH_ALONE:
        return None
    found = estimate_sigma(image, usable & noisier)
    strongest = float(np.sqrt(np.mean(found**2)))
    if strongest < TIMES * level:
        return None
    along = [np.flatnonzero(noisier.any(axis)) for axis in (1, 0)]
    return strongest, (
        slice(int(along[0][0]), int(along[0][-1]) + 1),
        slice(int(along[1][0]), int(along[1][-1]) + 1),
    )


def _parts(extent: int) -> list[slice]:
    count = min(max(extent // SIDE, 1), MOST_TILES)
    edges = [round(extent * k / count) for k in range(count + 1)]
    return [slice(first, last) for first, last in itertools.pairwise(edges)]


def _middle(part: slice) -> slice:
    """Return what is looked at of a part: all of it, or the middle of a large one."""
    extent = part.stop - part.start
    if extent < 2 * SIDE:
        return part
    first = part.start + (extent - SIDE) // 2
    return slice(first, first + SIDE)
