"""Colours that are not gray or RGB, such as inks, as RGB."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import ImageCms

from priorlab.errors import UsageError

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
    "YCbCr": "RGB",
    "HSV": "RGB",
}
"""For each 8-bit mode of Pillow the one that it is converted to."""


def to_gray_or_rgb(path: Path, image: Any) -> tuple[Any, bytes, tuple[str, ...]]:
    """Convert an image of Pillow with 8 bits.

    Returns
    -------
    image : PIL.Image.Image
        In mode L, LA, RGB or RGBA.
    profile : bytes
        The ICC profile of its colours, where that is another one than before, else empty.
    notes : tuple of str
        What was converted.

    Examples
    --------
    >>> from PIL import Image
    >>> inks = Image.new("CMYK", (1, 1), (0, 255, 255, 0))
    >>> to_gray_or_rgb(Path("a.tif"), inks)[0].getpixel((0, 0))
    (255, 0, 0)
    """
    if image.mode == "CMYK":
        return _from_inks(image)
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        return _to_srgb(image, lab, "its CIELAB colours were converted to sRGB")
    if image.mode not in _MODES:
        raise UsageError(f"{path} has pixels of a kind that is not supported: {image.mode}")
    mode = _MODES[image.mode]
    if image.mode in ("P", "L", "RGB") and "transparency" in image.info:
        mode = "LA" if mode == "L" else "RGBA"
    notes = ("its palette was expanded to RGB",) if image.mode in ("P", "PA") else ()
    return image.convert(mode), b"", notes


def profile_space(profile: bytes) -> str:
    """Return the colour space that an ICC profile is for, such as "RGB", "GRAY" or "CMYK".

    Examples
    --------
    >>> profile_space(_bytes(ImageCms.createProfile("sRGB")))
    'RGB'
    """
    return profile[16:20].decode("ascii", "replace").strip()


def _from_inks(image: Any) -> tuple[Any, bytes, tuple[str, ...]]:
    profile = image.info.get("icc_profile") or b""
    if profile_space(profile) == "CMYK":
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return _to_srgb(image, source, "its CMYK colours were converted to sRGB by its profile")
    note = "its CMYK colours have no profile: converted to RGB as 1 - ink"
    return image.convert("RGB"), b"", (note,)


def _to_srgb(image: Any, source: Any, note: str) -> tuple[Any, bytes, tuple[str, ...]]:
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    return converted, _bytes(srgb), (note,)


def _bytes(profile: Any) -> bytes:
    return ImageCms.ImageCmsProfile(profile).tobytes()
