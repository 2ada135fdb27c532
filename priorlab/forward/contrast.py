"""How small a gray level is in a picture of little contrast, as of X-rays, heat or stars."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LITTLE = 0.25
"""Values that need more than this of the range from black to white are those of a usual picture."""

BEYOND = 0.001
"""Share of the values that may lie below and above what counts as their range, as dead pixels."""


def unit(image: NDArray[np.floating], quantum: float = 0.0) -> float:
    """Return by what thresholds in gray levels of usual pictures are to be multiplied: at most 1.

    A power of two about as large as the range of the values, but no less than the steps in which
    they are stored ask for: of 8 bits it is 1.

    Parameters
    ----------
    image : array of any shape
        Values, white at 1.
    quantum : float
        The difference of neighbouring stored values; 0 for floats.

    Examples
    --------
    >>> heat = np.linspace(0.5, 0.51, 1000)
    >>> unit(heat), unit(heat, quantum=1 / 255), unit(heat + np.linspace(0, 0.4, 1000))
    (0.015625, 1.0, 1.0)
    """
    low, high = np.quantile(image, [BEYOND, 1 - BEYOND])
    contrast = max(float(high - low), float(np.finfo(np.float32).eps))
    if contrast > LITTLE:
        return 1.0
    return min(max(power_above(contrast), 255 * quantum), 1.0)


def power_above(value: float) -> float:
    """Return the least power of two that is not below a value: to divide by it rounds nothing.

    Examples
    --------
    >>> power_above(0.2), power_above(0.25), power_above(3)
    (0.25, 0.25, 4.0)
    """
    return float(2.0 ** math.ceil(math.log2(value)))
