"""What a decoder finds in a file, and the picture that it stands for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.pictures import levels
from priorlab.pictures.levels import FLOATS, Levels
from priorlab.pictures.picture import NOTHING, Metadata, Picture

FARTHEST_BLACK, FARTHEST_WHITE = -1.0, 2.0
"""Floats within these are on the scale [0, 1]: noise and overshoots may leave it so far."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Stored:
    """The pixels of a file, upright, as they are stored.

    Attributes
    ----------
    pixels : array (H, W, C)
        Unsigned integers of 8 or 16 bits, or floats: the colours and further channels.
    opacity : array (H, W) or None
        Of the same type.
    premultiplied : bool
        Whether the colours are multiplied by the opacity.
    bits : int or None
        How many bits of each number mean something, where the file says so.
    white : float or None
        The number that stands for white, where the file says so.
    black : float
        The number that stands for black; only for floats.
    metadata : Metadata
        What else the file says.
    notes : tuple of str
        A line on each thing that was left out.

    Examples
    --------
    >>> Stored(pixels=np.full((1, 1, 1), 51, np.uint8)).picture(Path("a.png")).image.tolist()
    [[[0.20000000298023224]]]
    """

    pixels: NDArray[Any]
    opacity: NDArray[Any] | None = None
    premultiplied: bool = False
    bits: int | None = None
    white: float | None = None
    metadata: Metadata = NOTHING
    notes: tuple[str, ...] = ()

    def levels(self) -> Levels:
        """Return how the file stores its values."""
        if self.pixels.dtype.kind == "f":
            return dataclasses.replace(FLOATS, white=self.white) if self.white else FLOATS
        white = None if self.white is None else int(self.white)
        return levels.of_integers(self.pixels, self.bits, white)

    def picture(self, path: Path | None, known: Levels | None = None) -> Picture:
        """Return the picture, on the scale that the file declares, or else seems to have.

        Parameters
        ----------
        path : Path or None
            The file.
        known : Levels, optional
            How it stores its values, where that is known from elsewhere.
        """
        found = known or self.levels()
        white = np.float32(found.white)
        image = self.pixels.astype(np.float32)
        if white != 1:
            image /= white
        opacity = self._opacity(found)
        if opacity is not None and self.premultiplied:
            image = _divided(image, opacity)
        return Picture(
            image=np.ascontiguousarray(image.transpose(2, 0, 1)),
            path=path,
            quantum=found.quantum,
            opacity=opacity,
            levels=found,
            metadata=self.metadata,
            notes=(*self.notes, *([found.guessed] if found.guessed else [])),
        )

    def _opacity(self, found: Levels) -> NDArray[np.float32] | None:
        """Return the opacity in [0, 1], or None where all is opaque."""
        if self.opacity is None:
            return None
        most: float = 1
        if self.opacity.dtype.kind == "u":
            # The opacity of 12-bit counts may go up to their white, or up to that of 16 bits.
            most = np.iinfo(self.opacity.dtype).max
            most = found.white if self.opacity.max(initial=0) <= found.white else most
        opacity = np.clip(self.opacity.astype(np.float32) / np.float32(most), 0, 1)
        return None if (opacity == 1).all() else opacity


def _divided(image: NDArray[np.float32], opacity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return colours (H, W, C) that were multiplied by the opacity as they were before.

    None can have been brighter than white; nearly clear ones, rounded, would come out so.
    """
    seen = opacity[..., None]
    divided = np.divide(image, seen, out=np.zeros_like(image), where=seen > 0)
    return np.minimum(divided, 1)


def check_floats(image: NDArray[np.float32], where: str) -> None:
    """Raise a `UsageError` unless all values are finite and near [0, 1].

    Examples
    --------
    >>> check_floats(np.full((1, 2, 2), 255.0), "a.tif")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: a.tif has values from 255 to 255; floats have black at...
    """
    if not np.isfinite(image).all():
        raise UsageError(f"{where} has values that are not finite (NaN or infinity)")
    low, high = float(image.min()), float(image.max())
    if low < FARTHEST_BLACK or high > FARTHEST_WHITE:
        raise UsageError(
            f"{where} has values from {low:g} to {high:g}; floats have black at 0 and white at 1"
            " (divide by 255?)"
        )
