"""Which files hold pictures, and how large a picture may be."""

from __future__ import annotations

from pathlib import Path

from priorlab.errors import UsageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".npy")
"""The suffixes of picture files, all of them read and written."""

ANY_CHANNELS = (".tif", ".tiff", ".npy")
"""Those of files that hold any number of channels; the others hold gray or RGB."""

KINDS = "PNG, JPEG, TIFF, BMP, WebP or NumPy's .npy"

MOST_PIXELS = 2**27
"""Larger files are refused before they are decoded: 134 megapixels, below the limit of Pillow."""


def check_size(width: int, height: int, path: Path) -> None:
    """Raise a `UsageError` for a file with more than `MOST_PIXELS` pixels.

    Examples
    --------
    >>> check_size(100_000, 100_000, Path("map.tif"))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: map.tif is 100000x100000 pixels, too large; the most is 134217728...
    """
    if width * height > MOST_PIXELS:
        raise UsageError(
            f"{path} is {width}x{height} pixels, too large; the most is {MOST_PIXELS} pixels"
        )
