"""Whether part of a picture is noisier than the rest: a composite, a panorama, a pasted patch.

The noise of a picture is measured where it is weakest, for anything stronger may be texture. What
tells noise from texture in a part of it is that neighbouring pixels of noise do not correlate; so
do not those of noise that is cut off at black or white.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from priorlab.pictures import flat_blocks
from priorlab.pictures.cut_off_noise import deviation_left
from priorlab.pictures.noise_level import estimate_sigma

SIDE = 96
"""Rows and columns of a tile: it has enough flat blocks to tell noise from texture."""

MOST_TILES = 6
"""Of a large picture so many tiles along each side are looked at."""

TIMES, LEAST = 2.5, 6 / 255
"""A part is noisier if its level is this many times that of the picture; the brightness of each of
its tiles has this much at least."""

WHITE = 0.15
"""Neighbouring pixels of its noise correlate less than this; see `flat_blocks.correlation`."""

LEAST_USABLE, OTHER_END = 0.5, 0.05
"""Where less of a tile is usable, noise is looked for that is cut off: at black or at white, at the
other end at most this many times as often."""

FEWEST, ENOUGH_ALONE = 2, 10 / 255
"""So many tiles are noisier at least, for a single one may show fine texture; or one by that much,
as in a small picture."""


def noisier_part(
    image: NDArray[np.float32],
    usable: NDArray[np.bool_],
    level: float,
    clipped: NDArray[np.bool_] | None = None,
    opaque: NDArray[np.bool_] | None = None,
) -> tuple[float, tuple[slice, slice]] | None:
    """Return the level of the noisier part of a picture, with its rows and columns, or None.

    Parameters
    ----------
    image : array of shape (C, H, W)
    usable : array of bool, shape (C, H, W)
        Where the noise is as it was: not clipped, not transparent.
    level : float
        That of the strongest noise that was found in the whole picture.
    clipped : array of bool, shape (C, H, W), optional
        What is black or white. Where that is why little is usable, the level is what it was before
        it was cut off.
    opaque : array of bool, shape (H, W), optional
        What is not transparent; by default everything.

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
    noisier, found = np.zeros(image.shape[1:], np.bool_), []
    most = 0.0
    seen = np.ones_like(usable) if opaque is None else np.broadcast_to(opaque, usable.shape)
    for rows in parts(image.shape[1], SIDE, MOST_TILES):
        for columns in parts(image.shape[2], SIDE, MOST_TILES):
            tile = (slice(None), _middle(rows), _middle(columns))
            bright = image[tile].mean(0, dtype=np.float64)
            where, kept = usable[tile], np.ones(len(image))
            if clipped is not None and where.mean() < LEAST_USABLE:
                kept = _left(image[tile], clipped[tile] & seen[tile])
                where = seen[tile] if kept.min() < 1 else where
            known = np.logical_and.reduce(where, axis=0)
            one = float(estimate_sigma(bright[None], known[None])[0])
            if one < max(LEAST, level):  # of RGB the brightness has less
                continue
            correlation = flat_blocks.correlation(bright, known)
            if correlation is None or abs(correlation) >= WHITE:
                continue
            if not flat_blocks.is_drawn(bright[None], known[None]):
                noisier[rows, columns] = True
                found.append(estimate_sigma(image[tile], where) / kept)
                most = max(most, one)
    if len(found) < FEWEST and most < ENOUGH_ALONE:
        return None
    strongest = float(np.sqrt(np.mean(np.square(found))))
    if strongest < TIMES * level:
        return None
    along = [np.flatnonzero(noisier.any(axis)) for axis in (1, 0)]
    return strongest, (
        slice(int(along[0][0]), int(along[0][-1]) + 1),
        slice(int(along[1][0]), int(along[1][-1]) + 1),
    )


def _left(tile: NDArray[np.float32], clipped: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return what share of the level is left in each channel of noise that is cut off.

    1 where black and white are both frequent: these are specks, or a drawing. Of noise of
    deviation 1 that is cut off at -a, a share ``p = Phi(-a)`` becomes that value. The scene is
    neither blacker than black nor whiter than white, so that p is at most a half.
    """
    lights = tile > 0.5
    ends = [float((clipped & side).mean()) for side in (lights, ~lights)]
    if min(ends) > OTHER_END * max(ends):
        return np.ones(len(tile))
    shares = clipped.mean((1, 2)).clip(1e-6, 0.5)
    return np.array([deviation_left(float(share)) for share in shares])


def parts(extent: int, least: int, most: int) -> list[slice]:
    """Return at most so many equal parts of a side, of at least so many pixels, if it has as many.

    Examples
    --------
    >>> parts(100, least=30, most=2)
    [slice(0, 50, None), slice(50, 100, None)]
    """
    count = min(max(extent // least, 1), most)
    edges = [round(extent * k / count) for k in range(count + 1)]
    return [slice(first, last) for first, last in itertools.pairwise(edges)]


def _middle(part: slice) -> slice:
    """Return what is looked at of a part: all of it, or the middle of a large one."""
    extent = part.stop - part.start
    if extent < 2 * SIDE:
        return part
    first = part.start + (extent - SIDE) // 2
    return slice(first, first + SIDE)
