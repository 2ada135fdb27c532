"""Whether a picture of floats, and not only its noise, goes beyond black and white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import percent
from priorlab.pictures.picture import EIGHT_BITS

BLOCK = 8
"""Pixels of a side of the blocks whose means are looked at."""

FARTHER, SURE = 0.05, 5.0
"""A block lies beyond if its mean does by more than this, and by so many of its standard errors."""

LEAST = 0.002
"""A smaller share of the blocks is not worth a word: a glint, or overshoots of sharpening."""


def lines(image: NDArray[np.float32]) -> tuple[str, ...]:
    """Return lines on what of an image (C, H, W) lies beyond 0 and 1, between which it is restored.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(1, 0.2, (1, 32, 32)).astype(np.float32)
    >>> lines(noise)
    ('its values go from 0.22 to 1.61, those of the restored one from 0 to 1',)
    >>> lines(np.linspace(-1, 1, 1024, dtype=np.float32).reshape(1, 32, 32))[1]
    '50 % of it is darker than black (0), which is lost: make its values go from 0 to 1 first'
    """
    low, high = float(image.min()), float(image.max())
    if low >= -EIGHT_BITS and high <= 1 + EIGHT_BITS:
        return ()
    said = f"its values go from {low:.3g} to {high:.3g}, those of the restored one from 0 to 1"
    bright, dark = _beyond(image)
    parts = [
        f"{percent(share)} of it is {what}"
        for share, what in ((bright, "brighter than white (1)"), (dark, "darker than black (0)"))
        if share > LEAST
    ]
    if not parts:
        return (said,)
    return said, f"{' and '.join(parts)}, which is lost: make its values go from 0 to 1 first"


def _beyond(image: NDArray[np.float32]) -> tuple[float, float]:
    """Return the shares of an image that are brighter than white, and darker than black."""
    channels, height, width = image.shape
    rows, columns = height // BLOCK, width // BLOCK
    whole = image[:, : rows * BLOCK, : columns * BLOCK].astype(np.float64)
    blocks = whole.reshape(channels, rows, BLOCK, columns, BLOCK)
    mean, error = blocks.mean((2, 4)), blocks.std((2, 4)) / BLOCK
    farther = np.maximum(FARTHER, SURE * error)
    return float((mean - 1 > farther).mean()), float((-mean > farther).mean())
