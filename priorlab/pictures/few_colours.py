"""Whether a picture holds too few colours for noise: pixel art, icons, what has a palette."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from priorlab.pictures.picture import Picture
from priorlab.pictures.usable_pixels import opaque

MOST = 64
"""Noise that is seen makes more colours than this, of any picture: three values in each of red,
green and blue make 27 of a single one."""

MOST_GRAY, LEAST_GRAY = 32, 4
"""Few values of a gray picture tell only if they lie apart at irregular distances, as those of
noise that was rounded coarsely do not; so few tell anyway."""

FEWEST_PIXELS = 16
"""Each colour stands for so many pixels on average, at least."""

FIRST = 4096
"""So many pixels are looked at first: most pictures hold more colours in these."""


def count(picture: Picture) -> int:
    """Return how many colours a gray or RGB picture holds, if too few for noise; else 0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> palette = rng.integers(0, 256, (8, 3)) / 255
    >>> art = palette[rng.integers(0, 8, (32, 32))].transpose(2, 0, 1).astype(np.float32)
    >>> noise = rng.normal(0.5, 0.01, (3, 32, 32))
    >>> noisy = (np.rint(255 * noise) / 255).astype(np.float32)
    >>> count(Picture(image=art)), count(Picture(image=noisy))
    (8, 0)
    """
    if len(picture.image) not in (1, 3) or not picture.quantum:
        return 0
    steps = round(1 / picture.quantum)
    pixels = np.rint(picture.image[:, opaque(picture)] * steps).astype(np.int64)
    packed = sum(values * (4 * steps) ** place for place, values in enumerate(pixels))
    colours = np.unique(np.asarray(packed)[:: max(1, pixels.shape[1] // FIRST)])
    if len(colours) > MOST:
        return 0
    colours = np.unique(np.asarray(packed))
    few = 2 <= len(colours) <= min(MOST, pixels.shape[1] // FEWEST_PIXELS)
    if few and len(pixels) == 1:
        few = len(colours) <= LEAST_GRAY or (len(colours) <= MOST_GRAY and _irregular(colours))
    return len(colours) if few else 0


def _irregular(values: NDArray[np.int64]) -> bool:
    """Return whether values lie apart, and are no multiples of a step, up to their rounding."""
    distances = np.diff(values)
    step = distances.min()
    multiples = np.rint(distances / step)
    return bool(step > 1 and (np.abs(distances - multiples * step) > multiples).any())
