"""The part of a picture that a contact sheet enlarges: chosen by a rule and not by eye."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""Of shape (C, H, W) in [0, 1]."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

THINNED = 2**18
"""Of larger pictures every n-th pixel is enough to find the part: about so many in all."""


def enlarged_part(clean: Picture, restored: Sequence[Picture], size: tuple[int, int]) -> Box:
    """Return the part of the picture on which the restorations disagree most.

    They disagree on a pixel by the distance between the quartiles of their values.

    Parameters
    ----------
    clean : array of shape (C, H, W)
        The true picture.
    restored : sequence of array of shape (C, H, W)
        At least two are needed to disagree; of one, the part with the largest error is taken,
        of none, the part in which the clean picture varies most.
    size : tuple of int
        Width and height of the part.

    Returns
    -------
    tuple of int
        Left, top, right, bottom.

    Examples
    --------
    >>> clean = np.zeros((1, 64, 64), np.float32)
    >>> wrong = clean.copy()
    >>> wrong[:, 40:48, 8:24] = 1
    >>> enlarged_part(clean, [wrong], (16, 8))
    (8, 40, 24, 48)
    """
    step = max(1, math.isqrt(clean.shape[1] * clean.shape[2] // THINNED))
    interest = _interest(
        clean[:, ::step, ::step].mean(axis=0),
        [image[:, ::step, ::step].mean(axis=0) for image in restored],
    )
    width, height = (max(1, side // step) for side in size)
    row, column = _densest(interest, width, height)
    left = min(column * step, clean.shape[2] - size[0])
    top = min(row * step, clean.shape[1] - size[1])
    return left, top, left + size[0], top + size[1]


def _interest(clean: Picture, restored: Sequence[Picture]) -> Picture:
    """Return how much there is to see at each pixel of gray pictures (H, W)."""
    if len(restored) > 1:
        # Between the quartiles, so that a single prior that went astray does not decide.
        low, high = np.quantile(np.stack(restored), [0.25, 0.75], axis=0, method="nearest")
        return np.asarray((high - low) ** 2)
    if restored:
        return np.asarray((restored[0] - clean) ** 2)
    return np.asarray((clean - clean.mean()) ** 2)


def _densest(values: Picture, width: int, height: int) -> tuple[int, int]:
    """Return row and column of the box with the largest sum of values (H, W)."""
    sums = values.astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    sums = np.pad(sums, ((1, 0), (1, 0)))
    within = sums[height:, width:] - sums[:-height, width:]
    within = within - sums[height:, :-width] + sums[:-height, :-width]
    row, column = np.unravel_index(int(within.argmax()), within.shape)
    return int(row), int(column)
