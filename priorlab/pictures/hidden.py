"""What stands under the clear pixels of a picture: as a rule one colour, and nothing of the scene.

A prior that looks at the surroundings of a pixel would let that colour run into what is seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from priorlab.pictures.picture import Picture

MOST_CELLS = 128
"""Cells along each side of a picture in which a rectangle is looked for."""


def clear_pixels(picture: Picture) -> NDArray[np.bool_] | None:
    """Return which pixels (H, W) are clear, if some are and others are not.

    Examples
    --------
    >>> opacity = np.array([[1, 0.5, 0]], np.float32)
    >>> clear_pixels(Picture(image=np.zeros((1, 1, 3), np.float32), opacity=opacity)).tolist()
    [[False, False, True]]
    """
    if picture.opacity is None:
        return None
    clear = picture.opacity == 0
    return clear if clear.any() and not clear.all() else None


def hidden(picture: Picture) -> NDArray[np.bool_] | None:
    """Return which pixels (H, W) are clear, if some are, others are not, and all have one colour.

    Examples
    --------
    >>> clear = np.array([[1, 1], [0, 0]], np.float32)
    >>> hidden(Picture(image=np.eye(2, dtype=np.float32)[None], opacity=clear)) is None
    True
    >>> hidden(Picture(image=np.zeros((3, 2, 2), np.float32), opacity=clear)).tolist()
    [[False, False], [True, True]]
    """
    clear = clear_pixels(picture)
    if clear is None:
        return None
    colours = picture.image[:, clear]
    return clear if (colours == colours[:, :1]).all() else None


def continued(image: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return an image (C, H, W) that goes on in some of its pixels: mirrored at their edge.

    Where the mirror image is not known either, the nearest pixel is taken.

    Examples
    --------
    >>> row = np.array([[[0.25, 0.5, 0.75, 0, 0, 0]]], np.float32)
    >>> continued(row, row[0] == 0).tolist()
    [[[0.25, 0.5, 0.75, 0.5, 0.25, 0.75]]]
    """
    import scipy.ndimage  # not for each picture without clear pixels

    nearest = scipy.ndimage.distance_transform_edt(
        where, return_distances=False, return_indices=True
    )[:, where]
    mirrored = 2 * nearest - np.array(np.nonzero(where))
    size = np.array(where.shape)[:, None]
    inside = ((mirrored >= 0) & (mirrored < size)).all(0)
    inside[inside] = ~where[tuple(mirrored[:, inside])]
    result = image.copy()
    result[:, where] = image[:, *np.where(inside, mirrored, nearest)]
    return result


def largest_part_without(clear: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns of the largest rectangle without clear pixels (H, W).

    In a large picture that of square cells of pixels, none of which is clear.

    Examples
    --------
    >>> largest_part_without(np.array([[1, 1, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0]], bool))
    (slice(1, 3, None), slice(0, 2, None))
    """
    cell = -(-max(clear.shape) // MOST_CELLS)
    margins = [(0, -extent % cell) for extent in clear.shape]
    whole = ~np.pad(clear, margins, constant_values=True)
    rows, columns = (extent // cell for extent in whole.shape)
    whole = np.logical_and.reduce(whole.reshape(rows, cell, columns, cell), axis=(1, 3))
    best, found = 0, (0, 0, 0, 0)
    above = np.zeros(columns, np.int64)
    for row in range(rows):
        above = np.where(whole[row], above + 1, 0)
        for first in range(columns):  # all rectangles from here on that end in this row
            heights = np.minimum.accumulate(above[first:])
            areas = heights * np.arange(1, len(heights) + 1)
            width = int(areas.argmax())
            if areas[width] > best:
                best = int(areas[width])
                found = (row + 1 - int(heights[width]), row + 1, first, first + width + 1)
    top, bottom, left, right = (cell * edge for edge in found)
    return slice(top, bottom), slice(left, right)
