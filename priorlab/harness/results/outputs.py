"""Restored images on disk, named by their content: equal images are stored once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.pictures import arrays, reading, writing

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


def put(folder: Path, image: NDArray[np.float32], suffixes: Sequence[str] = (DATA, VIEW)) -> str:
    """Store an image under the digest of its `rounded` values, and return that digest.

    Parameters
    ----------
    folder : Path
        Where the store keeps its images.
    image : array of shape (C, H, W)
        Clipped to [0, 1].
    suffixes : sequence of str
        Which files to write; those that exist already are left alone.

    Raises
    ------
    UsageError
        If a file cannot be written.

    Examples
    --------
    >>> image = np.full((1, 32, 40), 0.5, np.float32)
    >>> digest = put(Path("outputs"), image)
    >>> sorted(file.suffix for file in Path("outputs").rglob("*.*"))
    ['.png', '.tiff']
    """
    stored = rounded(image)
    digest = arrays.digest(stored)
    for suffix in suffixes:
        target = path(folder, digest, suffix)
        if not target.exists():
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(f"cannot write {target}: {error.strerror or error}") from None
            shown = stored if suffix == DATA else arrays.gray_or_rgb(stored)
            writing.write(target, shown)
    return digest


def get(folder: Path, digest: str) -> NDArray[np.float32]:
    """Return a stored image, float32 (C, H, W) in [0, 1], or raise a `UsageError`.

    Examples
    --------
    >>> image = np.full((1, 32, 40), 0.5, np.float32)
    >>> digest = put(Path("outputs"), image)
    >>> np.array_equal(get(Path("outputs"), digest), rounded(image))
    True
    """
    return reading.read(path(folder, digest, DATA))


def path(folder: Path, digest: str, suffix: str) -> Path:
    """Return where the image with a digest is stored.

    Examples
    --------
    >>> path(Path("outputs"), "c0ffee", VIEW).as_posix()
    'outputs/c0/ffee.png'
    """
    return folder / digest[:2] / (digest[2:] + suffix)
