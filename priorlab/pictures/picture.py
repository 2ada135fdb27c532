"""A picture with what its file, besides the pixels, says about it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab.pictures.levels import EIGHT, Levels

EIGHT_BITS = 1 / 255
"""The difference of neighbouring values of 8 bits, on the [0, 1] scale."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metadata:
    """What a file says about its picture, kept when the picture is written again.

    Attributes
    ----------
    exif : bytes
        Camera, time, place and so on, as JPEG files hold it; upright. Empty where there is none.
    icc_profile : bytes
        The colours that the numbers stand for; empty where nothing is said.
    dpi : pair of floats or None
        Pixels per inch along x and y.
    colour_chunks : tuple of pairs (name, content)
        What a PNG file says of its colours without a profile, such as its gamma.
    others : tuple of str
        The names of what the file says besides, which is not kept.

    Examples
    --------
    >>> Metadata(dpi=(300, 300)).exif
    b''
    """

    exif: bytes = b""
    icc_profile: bytes = b""
    dpi: tuple[float, float] | None = None
    colour_chunks: tuple[tuple[bytes, bytes], ...] = ()
    others: tuple[str, ...] = ()


NOTHING = Metadata()
"""Nothing is said."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Picture:
    """A picture of a user: its pixels and what is known of how they were stored.

    Attributes
    ----------
    image : array of shape (C, H, W)
        float32, white at 1; noise may leave [0, 1]. Not mixed with any background: where the
        picture is transparent, these are the colours before that.
    path : Path or None
        The file that it was read from; None for an array.
    quantum : float
        The difference of neighbouring stored values, on the scale of `image`; 0 for floats.
    opacity : array of shape (H, W) or None
        In [0, 1]; None where all of the picture is opaque.
    levels : Levels
        The numbers that stood for the values.
    metadata : Metadata
        What else the file says.
    notes : tuple of str
        A line on each thing that was guessed or left out in reading.

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
    levels: Levels = EIGHT
    metadata: Metadata = NOTHING
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What errors call it."""
        return "the array" if self.path is None else str(self.path)

    def on_white(self) -> NDArray[np.float32]:
        """Return the image (C, H, W) as it is seen on white paper.

        Examples
        --------
        >>> black, clear = np.zeros((1, 1, 1), np.float32), np.zeros((1, 1), np.float32)
        >>> Picture(image=black, opacity=clear).on_white().tolist()
        [[[1.0]]]
        """
        if self.opacity is None:
            return self.image
        return np.asarray(self.image * self.opacity + (1 - self.opacity))
