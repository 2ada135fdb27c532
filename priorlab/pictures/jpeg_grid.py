"""Whether a picture shows the blocks of 8 x 8 pixels that JPEG leaves, however it is stored now."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]

BLOCK = 8

STEP = 0.045
"""At the edges of blocks, differences exceed their neighbours by this share of the mean difference.
Of 144 blurred pictures that were no JPEG files all have less than half of it (at most 0.022), of
those of quality 85 all have more: `python benchmarks/tune_noise.py blocks`."""

STRONGEST = 3.0
"""Differences count up to this factor of their median: edges of the scene are not of blocks."""


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
    return min(step(plane), step(plane.T)) > STEP


def step(plane: Plane) -> float:
    """Return by how much the differences along rows stand out at the best of eight places.

    Relative to the mean difference.

    Examples
    --------
    >>> step(np.kron(np.arange(64.0).reshape(8, 8) % 7, np.ones((8, 8)))) > 1
    True
    """
    differences = np.abs(np.diff(plane, axis=1))
    if differences.shape[1] < 3 * BLOCK:
        return 0.0
    varied = differences[differences > 0]
    if not varied.size:
        return 0.0
    differences = np.minimum(differences, STRONGEST * np.median(varied))
    between = differences[:, 1:-1] - (differences[:, :-2] + differences[:, 2:]) / 2
    steps = np.array([between[:, place::BLOCK].mean() for place in range(BLOCK)])
    best = int(steps.argmax())
    return float((steps[best] - np.delete(steps, best).mean()) / differences.mean())
