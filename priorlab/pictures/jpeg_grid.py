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

EVERYWHERE = 0.75
"""At least this share of the edges of blocks stands out. Some lines of text stand out as well, if
they lie as far apart: 0.7 at most, of those of quality 85 0.8 at least (the same command)."""

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
    found = [step_and_share(plane), step_and_share(plane.T)]
    return min(step for step, _ in found) > STEP and min(share for _, share in found) > EVERYWHERE


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
