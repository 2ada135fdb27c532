"""What files say about their pictures besides the pixels: EXIF, ICC profile, resolution."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import warnings
from typing import Any

from PIL import ExifTags, Image

from priorlab.pictures.picture import Metadata

_BASE = ExifTags.Base
_STRUCTURE = (
    *range(254, 269),  # how the pixels are stored, ...
    *range(273, 282),
    *range(284, 296),
    *range(297, 305),
    *range(317, 347),
    *range(512, 533),
    347,  # the tables of JPEG inside of TIFF
    700,  # XMP, which repeats the orientation
    33723,
    34377,
    34675,  # the ICC profile, kept by itself
)
"""Tags that belong to the pixels of the old file."""

_PROGRAMS = ('{"shape"', "ImageJ=", "<?xml")
"""What descriptions begin with that tell a program how a TIFF file is laid out."""


def of_pillow(image: Any) -> Metadata:
    """Return what an opened image of Pillow says.

    Examples
    --------
    >>> of_pillow(Image.open("photo.png")).exif
    b''
    """
    exif = Image.Exif()
    with contextlib.suppress(Exception):  # damaged: the pixels are worth having without it
        exif.load(image.getexif().tobytes())  # a copy: Pillow turns the picture by the original
    return Metadata(
        exif=_upright(exif),
        icc_profile=image.info.get("icc_profile") or b"",
        dpi=_dpi(image.info.get("dpi")),
    )


def of_tiff(page: Any, icc_profile: bytes, dpi: Any) -> Metadata:
    """Return what one page of a TIFF file says.

    Parameters
    ----------
    page : tifffile.TiffPage
        Of an opened file.
    icc_profile : bytes
        The page's profile, or empty.
    dpi : pair of floats
        Pixels per inch, as far as they are sensible.

    Examples
    --------
    >>> import tifffile
    >>> Image.open("photo.png").save("photo.tif", tiffinfo={271: "Camera"})
    >>> with tifffile.TiffFile("photo.tif") as file:
    ...     of_tiff(file.pages.first, b"", (300, 300)).exif[:4]
    b'Exif'
    """
    exif = Image.Exif()
    exif.endian = page.parent.byteorder
    kept = b""
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exif.load_from_fp(page.parent.filehandle, page.offset)
        kept = _upright(exif)
    return Metadata(exif=kept, icc_profile=icc_profile, dpi=_dpi(dpi))


def resized(metadata: Metadata, old: tuple[int, int], new: tuple[int, int]) -> Metadata:
    """Return what is true of a picture that was enlarged: finer resolution on the same paper.

    Parameters
    ----------
    metadata : Metadata
        Of the picture before.
    old, new : pair of int
        Height and width before and now.

    Examples
    --------
    >>> resized(Metadata(dpi=(300, 300)), (10, 10), (20, 20)).dpi
    (600.0, 600.0)
    """
    dpi = metadata.dpi
    if dpi:
        dpi = (dpi[0] * new[1] / old[1], dpi[1] * new[0] / old[0])
    if not metadata.exif:
        return dataclasses.replace(metadata, dpi=dpi)
    exif = Image.Exif()
    exif.load(metadata.exif)
    details = exif.get_ifd(ExifTags.IFD.Exif)
    if details:
        details[_BASE.ExifImageHeight], details[_BASE.ExifImageWidth] = new
    if dpi:
        exif[_BASE.XResolution], exif[_BASE.YResolution] = dpi
        exif[_BASE.ResolutionUnit] = 2
    return dataclasses.replace(metadata, dpi=dpi, exif=exif.tobytes())


def _upright(exif: Any) -> bytes:
    """Return EXIF without what belongs to the old pixels; its thumbnail, too, is left out."""
    for tag in _STRUCTURE:
        if tag in exif:
            del exif[tag]
    if str(exif.get(_BASE.ImageDescription, "")).startswith(_PROGRAMS):
        del exif[_BASE.ImageDescription]
    if not set(exif) - {_BASE.XResolution, _BASE.YResolution, _BASE.ResolutionUnit}:
        return b""
    # Read before the directory above them is written, which needs the file still open.
    for directory in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        exif.get_ifd(directory)
    exif[_BASE.Orientation] = 1
    return bytes(exif.tobytes())


def _dpi(value: Any) -> tuple[float, float] | None:
    """Return a resolution as two positive floats, or None for what is no resolution."""
    try:
        x, y = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if all(math.isfinite(part) and part > 1 for part in (x, y)) else None
