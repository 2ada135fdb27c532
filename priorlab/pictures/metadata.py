"""What files say about their pictures besides the pixels: EXIF, ICC profile, resolution."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

from PIL import ExifTags, Image

from priorlab.pictures.picture import Metadata

_BASE = ExifTags.Base
_OTHERS = {700: "XMP data", 33723: "IPTC data", 34377: "Photoshop data"}
"""Tags of what is not kept: it repeats what EXIF says, such as the orientation, in its own way."""

MAP_TAGS = (33550, 33922, 34264, 34735, 34736, 34737)
"""Tags of GeoTIFF: the place on the earth of a picture's pixels, and the projection."""

_STRUCTURE = (
    *range(254, 269),  # how the pixels are stored, ...
    *range(273, 282),
    *range(284, 296),
    *range(297, 305),
    *range(317, 347),
    *range(512, 533),
    347,  # the tables of JPEG inside of TIFF
    *_OTHERS,
    34675,  # the ICC profile, kept by itself
)
"""Tags that belong to the pixels of the old file."""

_PROGRAMS = ('{"shape"', "ImageJ=", "<?xml")
"""What descriptions begin with that tell a program how a TIFF file is laid out."""


def of_pillow(image: Any) -> tuple[Metadata, tuple[str, ...]]:
    """Return what an opened image of Pillow says, and a note if part of it is damaged.

    Examples
    --------
    >>> of_pillow(Image.open("photo.png"))
    (Metadata(exif=b'', icc_profile=b'', dpi=None, colour_chunks=(), others=()), ())
    """

    def copy() -> Any:  # Pillow turns the picture by the original
        exif = Image.Exif()
        exif.load(_encoded(image.getexif()))
        return exif

    exif, notes = _readable(copy)
    profile = image.info.get("icc_profile") or b""
    dpi = _dpi(image.info.get("dpi"))
    return Metadata(exif=exif, icc_profile=profile, dpi=dpi, others=_others(image)), notes


def of_tiff(page: Any, icc_profile: bytes, dpi: Any) -> tuple[Metadata, tuple[str, ...]]:
    """Return what one page of a TIFF file says, and a note if part of it is damaged.

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
    ...     of_tiff(file.pages.first, b"", (300, 300))[0].exif[:4]
    b'Exif'
    """

    def loaded() -> Any:
        exif = Image.Exif()
        exif.endian = page.parent.byteorder
        exif.bigtiff = page.parent.is_bigtiff
        exif.load_from_fp(page.parent.filehandle, page.offset)
        return exif

    exif, notes = _readable(loaded)
    others = tuple(name for tag, name in _OTHERS.items() if tag in page.tags)
    return Metadata(exif=exif, icc_profile=icc_profile, dpi=_dpi(dpi), others=others), notes


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
    others = metadata.others
    if old != new and any(tag in exif for tag in MAP_TAGS):
        others = (*others, "its place on a map, which is that of other pixels")
        for tag in {*MAP_TAGS} & {*exif}:
            del exif[tag]
    if ExifTags.IFD.Exif in exif:
        details = exif.get_ifd(ExifTags.IFD.Exif)
        details[_BASE.ExifImageHeight], details[_BASE.ExifImageWidth] = new
    if dpi:
        exif[_BASE.XResolution], exif[_BASE.YResolution] = dpi
        exif[_BASE.ResolutionUnit] = 2
    return dataclasses.replace(metadata, dpi=dpi, exif=_encoded(exif), others=others)


def _readable(load: Callable[[], Any]) -> tuple[bytes, tuple[str, ...]]:
    """Return EXIF that is fit to be written, or a note that it is not: the pixels count more."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _upright(load()), ()
    except Exception:  # Pillow raises anything at all on damaged bytes
        return b"", ("its EXIF data are damaged, and left out",)


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
        if directory in exif and not exif.get_ifd(directory):
            del exif[directory]
    exif[_BASE.Orientation] = 1
    return _encoded(exif)


def _encoded(exif: Any) -> bytes:
    """Return EXIF as bytes. Pillow decodes texts as Latin-1, and would write them as ASCII.

    That of a BigTIFF file becomes what other files hold, which is all that Pillow reads again.
    """
    for tag, value in exif.items():
        if isinstance(value, str) and not value.isascii():
            exif[tag] = value.encode("latin-1", "replace")
    exif.bigtiff = False
    return bytes(exif.tobytes())


def _others(image: Any) -> tuple[str, ...]:
    """Return the names of what an opened image says that is not kept."""
    info = image.info
    texts = {name for name in getattr(image, "text", ()) if not name.startswith(_NO_TEXTS)}
    found = {
        "XMP data": "xmp" in info,
        "IPTC data": _PHOTOSHOP_IPTC in info.get("photoshop", ()),
        "a comment": "comment" in info,
        "texts": bool(texts),
        "further pictures, such as previews": image.format == "MPO",
    }
    return tuple(name for name, there in found.items() if there)


_NO_TEXTS = ("XML:com.adobe.xmp", "Raw profile type")
"""What the names of texts in PNG files begin with that hold XMP, EXIF or profiles."""

_PHOTOSHOP_IPTC = 0x0404


def _dpi(value: Any) -> tuple[float, float] | None:
    """Return a resolution as two positive floats, or None for what is no resolution."""
    try:
        x, y = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if all(math.isfinite(part) and part > 1 for part in (x, y)) else None
