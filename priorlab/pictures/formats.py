"""Which files hold pictures, and how large a picture may be."""

from __future__ import annotations

import re
from pathlib import Path

from priorlab.errors import UsageError
from priorlab.ground.files import as_stored, exists

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".npy")
"""The suffixes of picture files that are written."""

HEIF_SUFFIXES = (".heic", ".heif")
"""Those that only pillow-heif reads."""

RAW_SUFFIXES = (
    ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".nef", ".nrw", ".orf", ".pef", ".raf",
    ".rw2", ".srw",
)  # fmt: skip
"""Those of cameras' raw data, which only rawpy reads."""

READ_SUFFIXES = (
    *SUFFIXES, ".avif", ".gif", ".jp2", ".j2k", ".jpf", ".jpx", ".pbm", ".pgm", ".ppm", ".pnm",
    ".qoi", ".tga", ".pcx", ".sgi", ".psd", *HEIF_SUFFIXES, *RAW_SUFFIXES,
)  # fmt: skip
"""The suffixes of picture files that are read; in a folder, others are left alone."""

TEXT_SUFFIXES = (".txt", ".md", ".csv", ".json", ".toml", ".yaml", ".html", ".xml", ".xmp", ".py")
"""Those of files that describe the pictures of a folder; nobody misses them among these."""

ANY_CHANNELS = (".tif", ".tiff", ".npy")
"""Those of files that hold any number of channels; the others hold gray or RGB."""

PILLOW_FORMATS = (
    "PNG", "JPEG", "TIFF", "BMP", "WEBP", "AVIF", "GIF", "JPEG2000", "PPM", "QOI", "TGA",
    "PCX", "SGI", "PSD", "HEIF",
)  # fmt: skip
"""Pillow's names of the formats that are read with it."""

BEGINNINGS = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8[79]a",
    "WebP": rb"RIFF....WEBP",
}
"""What files begin with that can be nothing else, as patterns."""

KINDS = "PNG, JPEG, TIFF, BMP, WebP, AVIF, HEIC, GIF, JPEG 2000, camera raw or NumPy's .npy"

INSTALL = "pip install 'priorlab[formats]'"
"""What installs the libraries for rare formats."""

MOST_PIXELS = 2**27
"""Larger files are refused before they are decoded: 134 megapixels, below the limit of Pillow."""


MOST_BYTES = 2**31
"""The most that the numbers of a picture may take in memory, as floats or as they are stored."""


def check_size(width: int, height: int, path: Path, *, samples: int = 1, itemsize: int = 1) -> None:
    """Raise a `UsageError` for a picture that is too large, before it is decoded.

    Parameters
    ----------
    width, height : int
        Pixels; the most are `MOST_PIXELS`.
    path : Path
        The file.
    samples : int
        Numbers of each pixel, opacity included.
    itemsize : int
        Bytes of each number.

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
    as_floats = 4
    if width * height * samples * max(itemsize, as_floats) > MOST_BYTES:
        raise UsageError(
            f"{path} is {width}x{height} pixels with {samples} numbers of {itemsize} bytes each,"
            f" too large; the most are {MOST_BYTES // as_floats} numbers of at most 4 bytes"
        )


def begins_as(start: bytes) -> str:
    """Return the format of a file that begins so, "" for others than those in `BEGINNINGS`.

    Examples
    --------
    >>> begins_as(b"GIF89a"), begins_as(b"words")
    ('GIF', '')
    """
    return next(
        (name for name, found in BEGINNINGS.items() if re.match(found, start, re.DOTALL)), ""
    )


def split_frame(path: Path) -> tuple[Path, int | None]:
    """Split the number of a picture, from 0, off the path of a file of several.

    The path of the file is as it is stored.

    Examples
    --------
    >>> split_frame(Path("scan.tif[3]"))[1], split_frame(Path("scan.tif"))[1]
    (3, None)
    """
    found = re.fullmatch(r"(.+)\[(\d+)\]", path.name)
    if not found or exists(path):
        return as_stored(path), None
    return as_stored(path.with_name(found[1])), int(found[2])


def which_frame(path: Path, count: int, frame: int | None) -> tuple[int, tuple[str, ...]]:
    """Return which of a file's pictures to read, and a note if others are left out unasked.

    Examples
    --------
    >>> which_frame(Path("scan.tif"), 5, 3)
    (3, ())
    >>> which_frame(Path("scan.tif"), 5, None)[1]
    ('the first of the 5 pictures in scan.tif is used; scan.tif[1] is the second',)
    >>> which_frame(Path("scan.tif"), 5, 5)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: scan.tif[5] does not exist: scan.tif holds pictures 0 to 4
    """
    if frame is None:
        used = f"the first of the {count} pictures in {path.name} is used"
        note = f"{used}; {path.name}[1] is the second"
        return 0, (note,) if count > 1 else ()
    if frame >= count:
        held = f"pictures 0 to {count - 1}" if count > 1 else "one picture, number 0"
        raise UsageError(f"{path}[{frame}] does not exist: {path.name} holds {held}")
    return frame, ()
