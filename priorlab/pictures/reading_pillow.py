"""Decode the files that Pillow reads, among them 16-bit colour, of which it keeps 8 bits alone."""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from priorlab.errors import UsageError
from priorlab.pictures.arrays import from_pixels
from priorlab.pictures.formats import check_size

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
"""Pillow's names of the formats that are read."""


def decode(path: Path) -> NDArray[np.float32]:
    """Decode a PNG, JPEG, BMP or WebP file, or a TIFF file of 8 bits, to (C, H, W) in [0, 1].

    Examples
    --------
    >>> pixels = decode(Path("photo.png"))
    >>> pixels.shape, pixels.dtype
    ((3, 32, 40), dtype('float32'))
    """
    with _opened(path) as image:
        if _low_bytes_mode(image) is not None:
            return from_pixels(_deep_pixels(path, image), opacity=image.mode == "RGBA")
        image = ImageOps.exif_transpose(image)
        if image.mode in ("I;16", "I;16L", "I;16B") or (image.mode, image.format) == ("I", "PNG"):
            return from_pixels(np.asarray(image).astype(np.uint16))
        if image.mode == "F":
            return from_pixels(np.asarray(image))
        if image.mode not in _MODES:
            raise UsageError(f"{path} has pixels of a kind that is not supported: {image.mode}")
        mode = _MODES[image.mode]
        if "transparency" in image.info and mode in ("L", "RGB"):
            mode = "RGBA" if mode == "RGB" else "LA"
        return from_pixels(np.asarray(image.convert(mode)), opacity=mode.endswith("A"))


_MODES = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "P": "RGB",
    "PA": "RGBA",
    "RGB": "RGB",
    "RGBX": "RGB",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
    "CMYK": "RGB",
    "YCbCr": "RGB",
}
"""For each 8-bit mode of Pillow the one that it is converted to."""


_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
"""For each order of bytes the other one."""


@contextlib.contextmanager
def _opened(path: Path) -> Any:
    """Open with Pillow, refusing files that are too large before they are decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on metadata; what is wrong with pixels is an error
        # Not by its path: Pillow would map the file, and garble rotated TIFF files (as of 13.0).
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            check_size(image.width, image.height, path)
            yield image


def _low_bytes_mode(image: Any) -> str | None:
    """Return the raw mode that decodes the low bytes of 16-bit colour; None for other images.

    Pillow keeps only the high byte of such images, by a raw mode such as ``RGB;16B``
    (big-endian). The raw mode of the other byte order keeps the low byte instead.
    """
    if not image.tile:
        return None
    arguments = image.tile[0][3]
    raw = arguments if isinstance(arguments, str) else arguments[0]
    mode, _, depth = raw.partition(";16")
    if mode in ("RGB", "RGBA") and depth in _OTHER_BYTE:
        return f"{mode};16{_OTHER_BYTE[depth]}"
    if raw == "LA;16B" and image.mode == "RGBA":
        return "RGBA"  # the four bytes of a pixel: high and low of gray, high and low of alpha
    return None


def _deep_pixels(path: Path, image: Image.Image) -> NDArray[Any]:
    """Decode 16-bit colour twice, for the high and for the low bytes: (H, W, 2, 3 or 4)."""
    raw_mode = _low_bytes_mode(image)
    with _opened(path) as again:
        tile = list(again.tile[0])
        arguments = tile[3]
        tile[3] = raw_mode if isinstance(arguments, str) else (raw_mode, *arguments[1:])
        again.tile = [type(again.tile[0])(*tile)]
        low = np.asarray(ImageOps.exif_transpose(again)).astype(np.uint16)
    if raw_mode == "RGBA":
        return low[..., 0::2] << 8 | low[..., 1::2]
    high = np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16)
    return high << 8 | low
