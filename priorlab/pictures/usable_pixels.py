"""The pixels of a picture whose noise is as it was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from priorlab.pictures import arrays
from priorlab.pictures.picture import Picture

MOST_CLIPPED = 0.1
"""Where a greater share of the pixels around is black or white, the noise is not looked at."""

CLEAREST = 0.25
"""Where the opacity is less, the colours are known too coarsely."""


def usable_pixels(picture: Picture, most: float = MOST_CLIPPED) -> NDArray[np.bool_]:
    """Return where the noise is as it was: hardly clipped at black or white, not transparent.

    In a picture with values beyond black and white nothing was clipped.

    Parameters
    ----------
    picture : Picture
    most : float
        Where a greater share of the pixels around is black or white, a pixel is not usable.

    Examples
    --------
    >>> two = Picture(image=np.eye(64, dtype=np.float32)[None] / 2)
    >>> gray = Picture(image=np.full((1, 64, 64), 0.5, np.float32))
    >>> bool(usable_pixels(two).any()), bool(usable_pixels(gray).all())
    (False, True)
    """
    limited = clipped(picture)
    usable = ~limited
    # Strong noise reaches black and white here and there; that says nothing against its rest.
    if limited.any():
        usable = arrays.box_means(limited.astype(np.float32), 9) <= most
    return usable if picture.opacity is None else usable & (picture.opacity >= CLEAREST)


def clipped(picture: Picture) -> NDArray[np.bool_]:
    """Return what is black or white; nothing in a picture with values beyond them.

    Examples
    --------
    >>> clipped(Picture(image=np.array([[[0, 0.5], [0.9, 1]]], np.float32)))
    array([[[ True, False],
            [False,  True]]])
    """
    image, edge = picture.image, picture.quantum / 2
    if image.min() < 0 or image.max() > 1:
        return np.zeros(image.shape, np.bool_)
    return np.asarray((image <= edge) | (image >= 1 - edge))


def opaque(picture: Picture) -> NDArray[np.bool_]:
    """Return which pixels (H, W) are opaque enough for their colours to be known.

    Examples
    --------
    >>> opaque(Picture(image=np.zeros((1, 1, 2), np.float32), opacity=np.array([[0, 1]])))
    array([[False,  True]])
    """
    if picture.opacity is None:
        return np.ones(picture.image.shape[1:], np.bool_)
    return picture.opacity >= CLEAREST
