"""How numbers stand for brightness in a file: which one is white, and how fine their steps are.

A camera's 12 bits come in files of 16 bits: as counts up to 4095, or moved up to the high bits.
White is then the sensor's white, not that of the container, so that a picture is the same in any
container. A file that declares its white is believed; of another it is guessed from its numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEPTHS = (8, 10, 12, 14)
"""Bits of sensors and converters that come in containers of 16 bits."""

FEWEST_VALUES = 16
"""With fewer different numbers nothing is concluded from them: they are small by chance."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Levels:
    """How a file stores values.

    Attributes
    ----------
    container : {"uint8", "uint16", "float32"}
        The least of these that holds its numbers.
    white : float
        The number that stands for white.
    quantum : float
        The difference of neighbouring values, where white is 1; 0 for floats.
    step : int
        Numbers that are written are multiples of it.
    guessed : str
        What was guessed, as a sentence; empty where nothing was.

    Examples
    --------
    >>> Levels().white, Levels(container="uint16", white=4095, quantum=1 / 4095).step
    (255, 1)
    """

    container: str = "uint8"
    white: float = 255
    quantum: float = 1 / 255
    step: int = 1
    guessed: str = ""

    def counts(self, image: NDArray[np.float32]) -> NDArray[np.unsignedinteger]:
        """Return an image, clipped to [0, 1], as the nearest numbers of a file of integers.

        Examples
        --------
        >>> Levels().counts(np.array([-0.5, 0.1, 2.0])).tolist()
        [0, 26, 255]
        """
        steps = np.rint(np.clip(image, 0, 1) * np.float64(self.white / self.step))
        counts: NDArray[np.unsignedinteger] = (steps * self.step).astype(self.container)
        return counts


DEEP = Levels(container="uint16", white=65535, quantum=1 / 65535)
"""All of 16 bits."""

EIGHT = Levels()
"""8 bits."""

FLOATS = Levels(container="float32", white=1, quantum=0)
"""Floats with white at 1."""


def of_integers(
    values: NDArray[np.unsignedinteger], bits: int | None = None, white: int | None = None
) -> Levels:
    """Return the levels of a file of unsigned integers.

    Parameters
    ----------
    values : array of unsigned integers
        The numbers of its colours.
    bits : int, optional
        How many of their bits the file declares to mean something.
    white : int, optional
        The number that the file declares to be white.

    Examples
    --------
    >>> of_integers(np.arange(4000, dtype=np.uint16)).white
    4095
    >>> of_integers(np.arange(0, 65536, 16, dtype=np.uint16)).white
    65520
    >>> of_integers(np.arange(4000, dtype=np.uint16), white=65535).guessed
    ''
    """
    if values.dtype.itemsize == 1:
        return Levels(quantum=1 / (2**bits - 1)) if bits and bits < 8 else Levels()
    present = distinct(values)
    largest = int(present[-1])
    if white is not None and largest <= white:
        return Levels(container="uint16", white=white, quantum=1 / white)
    if bits is not None and bits >= 16:
        return DEEP
    return _aligned(present, (bits,), declared=True) if bits else _aligned(present, DEPTHS)


def _aligned(
    present: NDArray[np.unsignedinteger], depths: Iterable[int], declared: bool = False
) -> Levels:
    """Return where numbers of fewer bits lie in 16 bits, or that they use them all."""
    largest = int(present[-1])
    for bits in depths:
        most, rest = 2**bits - 1, 16 - bits
        said = f"the largest of its 16-bit numbers is {largest}: taken for {bits} bits"
        enough = declared or len(present) >= FEWEST_VALUES
        if largest == most or (enough and 0 < largest < most):
            guessed = "" if declared else f"{said}, white at {most}"
            return Levels(container="uint16", white=most, quantum=1 / most, step=1, guessed=guessed)
        if not enough:
            continue
        if not np.any(present & (2**rest - 1)):
            white = most << rest
            guessed = "" if declared else f"{said} moved up by {rest}, white at {white}"
            return Levels(
                container="uint16", white=white, quantum=1 / most, step=2**rest, guessed=guessed
            )
        if np.array_equal(present, _stretched(present >> rest, bits)):
            return dataclasses.replace(DEEP, quantum=1 / most)
    return DEEP


def _stretched(counts: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return counts of 8 to 16 bits as 16 bits: moved up, their high bits repeated below."""
    return np.asarray(counts << (16 - bits) | counts >> (2 * bits - 16))


def distinct(values: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """Return the different numbers of 16 bits, in rising order: fast, for large pictures.

    Examples
    --------
    >>> distinct(np.array([[7, 3], [3, 3]], np.uint16)).tolist()
    [3, 7]
    """
    return np.flatnonzero(np.bincount(values.reshape(-1))).astype(np.uint16)
