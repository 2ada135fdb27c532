"""Whether a gray picture is the raw mosaic of a camera, with a colour filter on each pixel.

Rows and columns then alternate in brightness, and by as much in a block as in the next, as colours
change slowly. Fine texture and noise do not keep in step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 16
"""Pixels of a side of the blocks whose alternation is looked at."""

STRENGTH, ALIKE = 3 / 255, 0.5
"""So strong it is at least, and so much alike in neighbouring blocks, both of rows and of columns.
In 36 photographs in gray it is at most 1.8 / 255 and 0.27, in their mosaics at least 4.1 / 255 and
0.68, also with white noise of 10 / 255."""

LINE = (
    "its rows and columns alternate, as in the raw mosaic of a camera's colour filters, which is"
    " taken for noise and texture: develop it first, or restore every second row and column alone"
)


def is_mosaic(image: NDArray[np.float32]) -> bool:
    """Return whether an image (C, H, W), of one channel, seems to be a mosaic of colour filters.

    Examples
    --------
    >>> rows, columns = np.indices((64, 64))
    >>> gray = 0.3 + 0.2 * np.sin(rows / 9) * np.cos(columns / 7)
    >>> mosaic = gray * (1 + (rows % 2) / 2) * (1 - (columns % 2) / 2)
    >>> is_mosaic(gray[None]), is_mosaic(mosaic[None])
    (False, True)
    """
    high, wide = (n // BLOCK for n in image.shape[1:])
    if len(image) != 1 or min(high, wide) < 2:
        return False
    plane = image[0, : high * BLOCK, : wide * BLOCK].astype(np.float64)
    if any(np.ptp(plane[row::2, column::2]) == 0 for row in (0, 1) for column in (0, 1)):
        return False  # pixels that are missing, or were put between others
    blocks = plane.reshape(high, BLOCK, wide, BLOCK)
    sign = (-1.0) ** np.arange(BLOCK)
    return all(
        _keeps_step((blocks * signs).mean((1, 3)))
        for signs in (sign[:, None, None], sign[None, None, :])
    )


def _keeps_step(alternation: NDArray[np.float64]) -> bool:
    """Return whether what blocks (H, W) alternate by is strong, and alike in those side by side."""
    if np.sqrt(np.square(alternation).mean()) < STRENGTH:
        return False
    pairs = (
        (alternation[1:], alternation[:-1]),
        (alternation[:, 1:], alternation[:, :-1]),
    )
    alike = [(a * b).sum() / max((a * a).sum(), (b * b).sum()) for a, b in pairs]
    return bool(np.mean(alike) >= ALIKE)
