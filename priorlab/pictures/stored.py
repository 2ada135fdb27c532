"""What a decoder finds in a file, and the picture that it stands for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import UsageError, percent
from priorlab.pictures import levels
from priorlab.pictures.levels import FLOATS, Levels
from priorlab.pictures.picture import NOTHING, Metadata, Picture

FARTHEST_BLACK, FARTHEST_WHITE = -1.0, 2.0
"""Floats within these are on the scale [0, 1]: overshoots and weak noise may leave it so far."""

MOST_BEYOND, STRONGEST = 0.5, 64.0
"""Strong noise takes up to this share of the values beyond, and none further than this: each of few
photons is so large a step, and pictures on the scale [0, 255] have brighter pixels."""


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
    white_is_zero : bool
        Whether the numbers of the first channel count darkness.
    bits : int or None
        How many bits of each number mean something, where the file says so.
    black, white : float or None
        The numbers that stand for black and white, where the file says so.
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
    white_is_zero: bool = False
    bits: int | None = None
    black: float | None = None
    white: float | None = None
    metadata: Metadata = NOTHING
    notes: tuple[str, ...] = ()

    def declared(self) -> Levels | None:
        """Return how the file says that it stores its values; None if it has to be guessed."""
        kind, size = self.pixels.dtype.kind, self.pixels.dtype.itemsize
        if kind == "f":
            return self._declared_floats()
        if size == 1:
            return levels.of_bytes(self.bits)
        white = levels.declared(int(self.white)) if self.white else None
        fits = white and self.pixels.max() <= white.white * (1 + levels.OVERSHOOT)
        return white if fits else None

    def _declared_floats(self) -> Levels:
        """Return [0, 1] where floats are near that, else the range that the file declares."""
        black, white = self.black or 0.0, self.white or 1.0
        if black >= white or (black, white) == (0, 1) or near_one(self.pixels):
            return FLOATS
        return dataclasses.replace(FLOATS, black=black, white=white)

    def picture(self, path: Path | None, white: int | None = None) -> Picture:
        """Return the picture, on the scale that the file declares, or else seems to have.

        Parameters
        ----------
        path : Path or None
            The file.
        white : int, optional
            The number that is white, where the file does not declare it.
        """
        found = self.declared() or (levels.declared(white) if white else None)
        if found is None:
            found = levels.of_numbers(levels.distinct(self.pixels), self.bits)
        image = found.image(self.pixels)
        if self.white_is_zero:
            image[..., 0] = 1 - image[..., 0]
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


def near_one(values: NDArray[Any]) -> bool:
    """Return whether floats are about in [0, 1], as noise and overshoots leave them.

    Examples
    --------
    >>> near_one(np.array([-0.2, 1.3])), near_one(np.array([0.0, 200.0]))
    (True, False)
    """
    return bool(values.min() >= FARTHEST_BLACK and values.max() <= FARTHEST_WHITE)


def check_floats(image: NDArray[np.float32], where: str) -> None:
    """Raise a `UsageError` unless all values are finite, and in [0, 1] but for some noise.

    Examples
    --------
    >>> check_floats(np.full((1, 2, 2), 255.0), "a.tif")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: a.tif has values from 255 to 255; floats have black at...
    """
    if not np.isfinite(image).all():
        share = float((~np.isfinite(image)).any(0).mean())
        raise UsageError(
            f"{where} has values that are not finite (NaN or infinity), in {percent(share)} of its"
            " pixels; make them 0, and if they are missing, name them by inpaint:mask=FILE"
        )
    low, high = float(image.min()), float(image.max())
    beyond = float(((image < FARTHEST_BLACK) | (image > FARTHEST_WHITE)).mean())
    if beyond > MOST_BEYOND or max(-low, high) > STRONGEST:
        raise UsageError(
            f"{where} has values from {low:g} to {high:g}; floats have black at 0 and white at 1"
            " (divide by 255?)"
        )
