"""How numbers stand for brightness in a file: which one is white, and how fine their steps are.

A camera's 12 bits come in files of 16 bits: as counts up to 4095, or moved up to the high bits.
White is then the sensor's white, not that of the container, so that a picture is the same in any
container. A file that declares its white is believed; of another it is guessed from its numbers.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEPTHS = (8, 10, 12, 14)
"""Bits of sensors and converters that come in containers of 16 bits."""

FEWEST_VALUES = 16
"""With fewer different numbers nothing is concluded from them: they are small by chance."""

OVERSHOOT = 1 / 64
"""Noise that was added to counts may exceed their white by this part of it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Levels:
    """How a file stores values.

    Attributes
    ----------
    container : {"uint8", "uint16", "float32"}
        The least of these that holds its numbers.
    white, black : float
        The numbers that stand for white and black.
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
    black: float = 0
    quantum: float = 1 / 255
    step: int = 1
    guessed: str = ""

    def image(self, numbers: NDArray[Any]) -> NDArray[np.float32]:
        """Return numbers of a file as values, white at 1.

        Examples
        --------
        >>> Levels().image(np.array([0, 51, 255], np.uint8)).tolist()
        [0.0, 0.20000000298023224, 1.0]
        """
        values = numbers.astype(np.float32)
        if self.black:
            values -= np.float32(self.black)
        if self.white - self.black != 1:
            values /= np.float32(self.white - self.black)
        return values

    def numbers(self, image: NDArray[np.float32]) -> NDArray[Any]:
        """Return values as the nearest numbers of a file; integers end at black and white.

        Examples
        --------
        >>> Levels().numbers(np.array([-0.5, 0.1, 2.0])).tolist()
        [0, 26, 255]
        """
        if self.container == "float32":
            scale = np.float32(self.white - self.black)
            return np.asarray(image * scale + np.float32(self.black))
        values = np.clip(image, 0, 1)
        # Single precision tells 256 numbers apart, at half the memory.
        exact = np.float32 if self.container == "uint8" else np.float64
        steps = values * exact(self.white / self.step)
        np.rint(steps, out=steps)
        steps *= exact(self.step)
        return np.asarray(steps.astype(self.container))


EIGHT = Levels()
"""8 bits."""

DEEP = Levels(container="uint16", white=65535, quantum=1 / 65535)
"""All of 16 bits."""

FLOATS = Levels(container="float32", white=1, quantum=0)
"""Floats with white at 1."""


def of_bytes(bits: int | None = None) -> Levels:
    """Return the levels of a file of 8 bits or fewer, which are spread over 0 to 255.

    Examples
    --------
    >>> of_bytes(1).quantum
    1.0
    """
    return dataclasses.replace(EIGHT, quantum=1 / (2**bits - 1)) if bits and bits < 8 else EIGHT


def declared(white: int) -> Levels | None:
    """Return the levels of a file of 16 bits that declares its white; None if that makes no sense.

    The largest number of 8 to 16 bits does, also moved up to the high bits; others are what some
    programs write instead: the largest number of this one picture.

    Examples
    --------
    >>> declared(4095).step, declared(65520).step, declared(3187)
    (1, 16, None)
    """
    for bits in range(8, 17):
        for rest in {0, 16 - bits}:
            most = 2**bits - 1
            if white == most << rest:
                return Levels(container="uint16", white=white, quantum=1 / most, step=2**rest)
    return None


def of_numbers(present: NDArray[np.signedinteger], bits: int | None = None) -> Levels:
    """Return the levels of a file of 16 bits that does not declare its white.

    Parameters
    ----------
    present : array of int, shape (N,)
        The different numbers in it, rising: `distinct`.
    bits : int, optional
        How many bits of them mean something, where that is declared.

    Examples
    --------
    >>> of_numbers(np.arange(4000)).guessed
    'the largest of its 16-bit numbers is 3999: taken for 12 bits, with white at 4095'
    >>> of_numbers(np.arange(0, 65536, 16)).white
    65520
    """
    largest = int(present[-1])
    for depth in (bits,) if bits else DEPTHS:
        most, rest = 2**depth - 1, 16 - depth
        enough = bits is not None or len(present) >= FEWEST_VALUES
        said = f"the largest of its 16-bit numbers is {largest}: taken for {depth} bits"
        for white, step, where in (
            (most, 1, ""),
            (most << rest, 2**rest, f", moved up by {rest}"),
        ):
            fits = 0 < largest <= white * (1 + OVERSHOOT) and not np.any(present % step)
            if fits and (enough or largest == white):
                guessed = "" if bits else f"{said}{where}, with white at {white}"
                return Levels(
                    container="uint16", white=white, quantum=1 / most, step=step, guessed=guessed
                )
        if enough and np.array_equal(present, _stretched(present >> rest, depth)):
            return dataclasses.replace(DEEP, quantum=1 / most)
    return DEEP


def _stretched(counts: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return counts of 8 to 16 bits as 16 bits: moved up, their high bits repeated below."""
    return np.asarray(counts << (16 - bits) | counts >> max(0, 2 * bits - 16))


def distinct(values: NDArray[np.unsignedinteger]) -> NDArray[np.signedinteger]:
    """Return the different numbers of 16 bits, in rising order: fast, for large pictures.

    Examples
    --------
    >>> distinct(np.array([[7, 3], [3, 3]], np.uint16)).tolist()
    [3, 7]
    """
    seen = np.zeros(2**16, bool)
    seen[values] = True
    return np.flatnonzero(seen)
