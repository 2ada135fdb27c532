"""Write pictures: each file with as many bits as its format holds, complete or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from priorlab.errors import UsageError
from priorlab.files import write_atomically
from priorlab.pictures import arrays
from priorlab.pictures.formats import ANY_CHANNELS, SUFFIXES

_PILLOW: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".bmp": ("BMP", {}),
    ".webp": ("WEBP", {"lossless": True}),
}
"""The suffixes that Pillow writes, with 8 bits: its name of the format, and options."""


def write(path: str | os.PathLike[str], image: ArrayLike) -> None:
    """Write an image; the file appears complete or not at all.

    Parameters
    ----------
    path : path
        Its suffix, one of `SUFFIXES`, decides the format. TIFF files keep 16 bits of each value,
        NumPy files 32-bit floats, (H, W) or (H, W, C); the others keep 8 bits. An existing file
        is replaced.
    image : array of float, shape (C, H, W)
        Clipped to [0, 1], and rounded to the nearest level. Other files than TIFF and NumPy
        hold gray and RGB images only, C = 1 or 3.

    Raises
    ------
    UsageError
        For an unknown suffix, values that are not finite, more channels than the format holds,
        or a file that cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from priorlab.pictures.reading import read
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "four.tif", np.full((4, 16, 20), 0.5))
    ...     read(Path(folder) / "four.tif").shape
    (4, 16, 20)
    """
    path = Path(path)
    values = np.asarray(image, dtype=np.float32)
    arrays.check_shape(values, f"the image for {path}")
    check_writable(path, channels=len(values))
    if not np.isfinite(values).all():
        raise UsageError(f"cannot write {path}: the image has values that are not finite")
    write_atomically(path, _encoded(np.clip(values, 0, 1), path.suffix.lower()))


def _encoded(values: NDArray[np.float32], suffix: str) -> bytes:
    """Return the content of a file with an image (C, H, W) in [0, 1]."""
    buffer = io.BytesIO()
    pixels = arrays.to_user(values)
    if suffix == ".npy":
        np.save(buffer, pixels)
    elif suffix in _PILLOW:
        kind, options = _PILLOW[suffix]
        levels = np.rint(pixels * np.float32(255)).astype(np.uint8)
        Image.fromarray(levels).save(buffer, format=kind, **options)
    else:
        colours = 3 if len(values) >= 3 else 1
        tifffile.imwrite(
            buffer,
            np.rint(pixels * np.float32(65535)).astype(np.uint16),
            photometric="rgb" if colours == 3 else "minisblack",
            planarconfig="contig" if len(values) > 1 else None,
            extrasamples=["unspecified"] * (len(values) - colours),
            compression="zlib",
            predictor=2,
            metadata=None,
        )
    return buffer.getvalue()


def check_writable(
    path: str | os.PathLike[str], suffixes: Collection[str] = SUFFIXES, channels: int = 1
) -> None:
    """Find out early that a file cannot be written, before hours of work lead up to it.

    Parameters
    ----------
    path : path
        The file.
    suffixes : collection of str
        Those that it may have.
    channels : int
        How many the image will have.

    Raises
    ------
    UsageError
        For a suffix that is not one of `suffixes` or whose files do not hold so many channels,
        or a folder that does not exist or is read-only.

    Examples
    --------
    >>> check_writable("restored.png", channels=4)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: cannot write restored.png: .png files hold 1 or 3 channels, not 4...
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise UsageError(f"cannot write {path}: the suffix is not one of {', '.join(suffixes)}")
    if channels not in (1, 3) and suffix not in ANY_CHANNELS:
        raise UsageError(
            f"cannot write {path}: {suffix} files hold 1 or 3 channels, not {channels};"
            f" {', '.join(ANY_CHANNELS)} files hold any number"
        )
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"cannot write {path}: the folder {path.parent} is read-only")
