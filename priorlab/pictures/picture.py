"""A picture with what its file, besides the pixels, says about it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

EIGHT_BITS = 1 / 255
"""The difference of neighbouring values of 8 bits, on the [0, 1] scale."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Picture:
    """A picture of a user: its pixels and what is known of how they were stored.

    Attributes
    ----------
    image : array of shape (C, H, W)
        float32, white at 1; noise may leave [0, 1].
    path : Path or None
        The file that it was read from; None for an array.
    quantum : float
        The difference of neighbouring stored values, on the scale of `image`; 0 for floats.
    opacity : array of shape (H, W) or None
        In [0, 1]; None where all of the picture is opaque.

    Examples
    --------
    >>> picture = Picture(image=np.zeros((3, 16, 20), np.float32))
    >>> picture.name, picture.quantum == 1 / 255
    ('the array', True)
    """

    image: NDArray[np.float32]
    path: Path | None = None
    quantum: float = EIGHT_BITS
    opacity: NDArray[np.float32] | None = None

    @property
    def name(self) -> str:
        """What errors call it."""
        return "the array" if self.path is None else str(self.path)
