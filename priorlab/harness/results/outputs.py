"""Restored images as files in the store, named by their content: equal ones are stored once."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import tifffile
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.pictures import arrays, writing

DATA = ".tiff"
"""16-bit, all channels: what metrics are computed from."""
VIEW = ".png"
"""8-bit, gray or RGB: to look at."""


def rounded(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image as the store keeps it: clipped to [0, 1], with 16-bit values.

    Examples
    --------
    >>> rounded(np.array([-0.1, 0.5, 2.0], np.float32)) * 65535
    array([    0., 32768., 65535.], dtype=float32)
    """
    levels: NDArray[np.float32] = np.rint(np.clip(image, 0, 1) * np.float32(65535))
    return levels / np.float32(65535)


def encode(
    image: NDArray[np.float32], suffixes: Sequence[str] = (DATA, VIEW)
) -> tuple[str, dict[str, bytes]]:
    """Return the digest of an image's `rounded` values, and the files that hold it, by name.

    Parameters
    ----------
    image : array of shape (C, H, W)
        Clipped to [0, 1].
    suffixes : sequence of str
        Which files to make.

    Examples
    --------
    >>> digest, files = encode(np.full((1, 32, 40), 0.5, np.float32))
    >>> [name.removeprefix(digest) for name in files]
    ['.tiff', '.png']
    """
    stored = rounded(image)
    digest = arrays.digest(stored)
    shown = {DATA: stored, VIEW: arrays.gray_or_rgb(stored)}
    return digest, {digest + suffix: writing.encoded(shown[suffix], suffix) for suffix in suffixes}


def decode(name: str, data: bytes) -> NDArray[np.float32]:
    """Return the image, float32 (C, H, W) in [0, 1], that a `DATA` file of `encode` holds.

    Parameters
    ----------
    name : str
        The name that `encode` gave it; its digest says which image it must be.
    data : bytes
        The content.

    Raises
    ------
    UsageError
        If the content is damaged, or is that of another image.

    Examples
    --------
    >>> image = np.full((1, 32, 40), 0.5, np.float32)
    >>> digest, files = encode(image)
    >>> np.array_equal(decode(digest + DATA, files[digest + DATA]), rounded(image))
    True
    """
    try:
        levels = tifffile.imread(io.BytesIO(data))
        image = levels[None] if levels.ndim == 2 else levels.transpose(2, 0, 1)
        image = np.ascontiguousarray(image, dtype=np.float32) / np.float32(65535)
    except Exception as error:  # decoders raise anything at all on damaged bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"the stored picture {name} is damaged: {reason}") from None
    if arrays.digest(image) != name.removesuffix(DATA):
        raise UsageError(f"the stored picture {name} is damaged: it shows something else")
    return image
