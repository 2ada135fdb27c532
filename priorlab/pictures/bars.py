"""Bars of one colour beside a picture, as a film has on a screen, or a print in its mat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from priorlab.pictures.picture import EIGHT_BITS

Part = tuple[slice, slice]
"""Rows and columns."""

SAME = 1.5 * EIGHT_BITS
"""Difference of pixels that have one colour."""
ALIKE, MOST = 10 * EIGHT_BITS, 0.95
"""That of most pixels of a line of a bar where JPEG carried something of the picture into it."""
CARRIED = 16
"""Lines of which it does: the blocks of colours that are shared by 2 x 2 pixels."""
LEAST_SIDE = 16
"""Rows or columns that a picture between bars has at least."""


def picture_within(image: NDArray[np.float32]) -> Part | None:
    """Return the part of an image (C, H, W) that lies between its bars; None if it has none.

    Examples
    --------
    >>> film = np.random.default_rng(0).random((1, 40, 60), dtype=np.float32)
    >>> film[:, :6] = film[:, 34:] = 0
    >>> picture_within(film)
    (slice(6, 34, None), slice(0, 60, None))
    >>> picture_within(film[:, 6:34])
    """
    height, width = image.shape[1:]
    top, bottom = _thickness(image), height - _thickness(image[:, ::-1])
    if bottom - top < LEAST_SIDE:
        return None
    across = image[:, top:bottom].swapaxes(1, 2)
    left, right = _thickness(across), width - _thickness(across[:, ::-1])
    if right - left < LEAST_SIDE or (bottom - top, right - left) == (height, width):
        return None
    return slice(top, bottom), slice(left, right)


def _thickness(lines: NDArray[np.float32]) -> int:
    """Return how many lines (C, lines, pixels) from the first on have its colour."""
    colour = np.median(lines[:, :1], axis=2, keepdims=True)
    differences = np.abs(lines - colour).max(0)
    same = _before_first(differences.max(1) > SAME)
    further = differences[same : same + CARRIED]
    if not same or not len(further):
        return same
    return same + _before_first(np.quantile(further, MOST, axis=1) > ALIKE)


def _before_first(true: NDArray[np.bool_]) -> int:
    """Return how many values stand before the first true one; all of them if none is."""
    return int(true.argmax()) if true.any() else len(true)


def edges(image: NDArray[np.float32], part: Part, reach: int) -> Iterator[NDArray[np.float32]]:
    """Yield for each bar beside a part of an image what lies along its inner edge.

    Parameters
    ----------
    image : array of shape (C, H, W)
    part : pair of slices
        As `picture_within` returns it.
    reach : int
        Pixels that are shown on either side of the edge, if there are as many.

    Examples
    --------
    >>> image = np.zeros((1, 40, 60), np.float32)
    >>> [edge.shape for edge in edges(image, (slice(6, 34), slice(0, 60)), reach=8)]
    [(1, 14, 60), (1, 14, 60)]
    """
    rows, columns = part
    height, width = image.shape[1:]
    across, down = image[:, :, columns], image[:, rows]
    if rows.start > 0:
        yield across[:, max(0, rows.start - reach) : rows.start + reach]
    if rows.stop < height:
        yield across[:, max(0, rows.stop - reach) : rows.stop + reach]
    if columns.start > 0:
        yield down[:, :, max(0, columns.start - reach) : columns.start + reach]
    if columns.stop < width:
        yield down[:, :, max(0, columns.stop - reach) : columns.stop + reach]
