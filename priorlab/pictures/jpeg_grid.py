"""Whether a picture shows the blocks of 8 x 8 pixels that JPEG leaves, however it is stored now."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from priorlab.forward.jpeg import BLOCK, cosine_transform

Plane = NDArray[np.float64]

STEP = 0.045
"""At the edges of blocks, differences exceed their neighbours by this share of the mean difference.
Of 144 blurred pictures that were no JPEG files all have less than half of it (at most 0.022), of
those of quality 85 all have more: `python benchmarks/tune_noise.py blocks`."""

EVERYWHERE = 0.75
"""At least this share of the edges of blocks stands out. Some lines of text stand out as well, if
they lie as far apart: 0.7 at most, of those of quality 85 0.8 at least (the same command)."""

STRONGEST = 3.0
"""Differences count up to this factor of their median: edges of the scene are not of blocks."""

ZERO = 1 / 255
"""A smaller cosine coefficient was rounded to zero, but for the rounding of the pixels."""

MORE_ZEROS = 0.2
"""Of the coefficients that are none elsewhere, at least this share is zero where blocks begin: in
24 photographs of quality 90 and less at least 0.23, without JPEG at most 0.03
(`python benchmarks/tune_noise.py grid`)."""

LEAST_SIDE, MOST_SIDE, MOST_BLOCKS = 48, 512, 1500
"""Pixels along a side: fewer do not tell, and more are not needed; nor are more blocks of them."""


def shows(plane: Plane) -> bool:
    """Return whether the edges of blocks stand out among the rows and the columns of a plane.

    The blocks may begin anywhere, as in a cut-out. It is for blurred pictures: others have texture
    that hides them, or looks like them.

    Examples
    --------
    >>> rows, columns = np.mgrid[:128, :128]
    >>> smooth = np.sin(rows / 11) * np.cos(columns / 13)
    >>> blocks = np.kron(smooth[::8, ::8], np.ones((8, 8)))
    >>> shows(smooth), shows(blocks)
    (False, True)
    """
    found = [step_and_share(plane), step_and_share(plane.T)]
    return min(step for step, _ in found) > STEP and min(share for _, share in found) > EVERYWHERE


def corner(plane: Plane) -> tuple[int, int] | None:
    """Return the row and the column, 0 to 7, of the first pixel of a block, if blocks are seen.

    Where JPEG's blocks lie, most of their cosine coefficients were rounded to zero, and of blocks
    that lie otherwise they are not (T. Nikoukhah et al.: JPEG grid detection based on the number of
    DCT zeros and its application to automatic and localized forgery detection, CVPRW 2019).

    Parameters
    ----------
    plane : array
        Luma (H, W), in about [0, 1].

    Examples
    --------
    >>> from PIL import Image
    >>> noise = np.random.default_rng(0).integers(96, 160, (96, 96)).astype(np.uint8)
    >>> Image.fromarray(noise).save("noise.jpg", quality=10)
    >>> decoded = np.asarray(Image.open("noise.jpg")) / 255
    >>> corner(noise / 255), corner(decoded), corner(decoded[3:, 5:])
    (None, (0, 0), (5, 3))
    """
    if min(plane.shape) < LEAST_SIDE:
        return None
    best, more = most_zeros(plane)
    return best if more > MORE_ZEROS else None


def most_zeros(plane: Plane) -> tuple[tuple[int, int], float]:
    """Return where blocks with the most zeros begin, and the share of zeros that they have more.

    Of the coefficients that are none at the second best place.

    Examples
    --------
    >>> rows, columns = np.mgrid[:64, :64]
    >>> most_zeros(np.kron(np.eye(8), np.ones((8, 8))) * np.cos((2 * rows + 1) * np.pi / 16))[0]
    (0, 0)
    """
    starts = [max(0, (side - MOST_SIDE) // 2) // BLOCK * BLOCK for side in plane.shape]
    rows, columns = (slice(start, start + MOST_SIDE + BLOCK - 1) for start in starts)
    middle = plane[rows, columns]
    places = np.ndindex(BLOCK, BLOCK)
    zeros = np.array([share_of_zeros(middle[row:, column:]) for row, column in places])
    best = int(zeros.argmax())
    second = float(np.delete(zeros, best).max())
    more = (zeros[best] - second) / (1 - second) if second < 1 else 0.0
    return divmod(best, BLOCK), float(more)


def share_of_zeros(plane: Plane) -> float:
    """Return the share of cosine coefficients that are zero in the blocks that are not even.

    Examples
    --------
    >>> rows, columns = np.mgrid[:8, :8]
    >>> share_of_zeros(np.cos((2 * rows + 1) * np.pi / 16))
    0.984375
    """
    height, width = (side // BLOCK for side in plane.shape)
    every = max(1, math.ceil((height * width / MOST_BLOCKS) ** 0.5))
    windows = np.lib.stride_tricks.sliding_window_view(plane, (BLOCK, BLOCK))
    blocks = windows[:: every * BLOCK, :: every * BLOCK].reshape(-1, BLOCK**2)
    blocks = blocks[np.ptp(blocks, axis=1) > 2 * ZERO]
    if not len(blocks):
        return 0.0
    cosine = cosine_transform()
    return float((np.abs(blocks @ np.kron(cosine, cosine).T) < ZERO).mean())


def step_and_share(plane: Plane) -> tuple[float, float]:
    """Return by how much the differences along rows stand out at the best of eight places.

    Relative to the mean difference; and at which share of the edges of blocks there they are
    larger than at most other places.

    Examples
    --------
    >>> step, share = step_and_share(np.kron(np.arange(64.0).reshape(8, 8) % 7, np.ones((8, 8))))
    >>> step > 1, share
    (True, 1.0)
    """
    differences = np.abs(np.diff(plane, axis=1))
    if differences.shape[1] < 3 * BLOCK:
        return 0.0, 0.0
    varied = differences[differences > 0]
    if not varied.size:
        return 0.0, 0.0
    differences = np.minimum(differences, STRONGEST * np.median(varied))
    between = differences[:, 1:-1] - (differences[:, :-2] + differences[:, 2:]) / 2
    along = between.mean(0)
    steps = np.array([along[place::BLOCK].mean() for place in range(BLOCK)])
    best = int(steps.argmax())
    at_edge = np.arange(len(along)) % BLOCK == best
    share = (along[at_edge] > np.median(along[~at_edge])).mean()
    others = np.delete(steps, best).mean()
    return float((steps[best] - others) / differences.mean()), float(share)
