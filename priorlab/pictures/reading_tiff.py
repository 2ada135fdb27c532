"""Decode TIFF files: deep ones and those of any number of channels, which Pillow cannot read."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import UnidentifiedImageError

from priorlab.errors import UsageError
from priorlab.pictures import metadata, reading_pillow, reading_raw
from priorlab.pictures.formats import INSTALL, check_size, which_frame
from priorlab.pictures.picture import Metadata
from priorlab.pictures.stored import Stored

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""What TIFF files begin with."""

# Otherwise Python prints the details of damaged files that tifffile logs.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_COLOURS = {"MINISBLACK": 1, "MINISWHITE": 1, "RGB": 3}
"""How many samples of a pixel are its colour, for each way of storing it that is read here."""
_ASSOCIATED, _UNASSOCIATED = 1, 2
"""The meanings of an extra sample that are opacity: with colours multiplied by it, or not."""
_RAW = ("CFA", "LINEAR_RAW")
_SUBFILE_TYPE, _ORIENTATION, _ICC_PROFILE = 255, 274, 34675
_WHOLE = (8, 16, 32, 64)
"""Bits that say nothing of how many of them mean something."""
_RANGES = {"u": (None, 281), "i": (None, 281), "f": (340, 341)}
"""The tags that declare the numbers of black and white, by the kind of number."""


def decode(path: Path, frame: int | None = None) -> Stored:
    """Decode a page of a TIFF file; thumbnails and masks are no pages.

    Parameters
    ----------
    path : Path
        The file.
    frame : int, optional
        Which of its pages, from 0; by default the first, with a note.

    Examples
    --------
    >>> tifffile.imwrite("deep.tiff", np.full((16, 24), 65535, np.uint16))
    >>> pixels = decode(Path("deep.tiff")).pixels
    >>> pixels.shape, int(pixels.max())
    ((16, 24, 1), 65535)
    """
    with tifffile.TiffFile(path) as file:
        pages = _full_pages(file)
        number, notes = which_frame(path, len(pages), frame)
        page = pages[number]
        if page.photometric.name in _RAW:
            return reading_raw.decode(path, frame)
        check_size(page.imagewidth, page.imagelength, path)
        stored = _by_pillow(path, page) if _is_for_pillow(page) else _by_tifffile(path, page)
        said = _metadata(page)
    profile = stored.metadata.icc_profile or said.icc_profile
    return dataclasses.replace(
        stored,
        metadata=dataclasses.replace(said, icc_profile=profile),
        notes=(*notes, *stored.notes),
    )


def _full_pages(file: Any) -> list[Any]:
    """Return the pages that are no reduced versions or masks of others."""
    pages = list(file.pages)
    inner = [page for above in pages for page in above.pages or ()]
    return [p for p in pages if _is_full(p)] or [p for p in inner if _is_full(p)] or pages


def _is_full(page: Any) -> bool:
    old = page.tags.get(_SUBFILE_TYPE)
    return not (page.is_reduced or page.is_mask or (old is not None and old.value == 2))


def _is_for_pillow(page: Any) -> bool:
    """Return whether a page is of a common kind of at most 8 bits, or of one for Pillow alone."""
    name = page.photometric.name
    if name in _COLOURS:
        signed = page.dtype is not None and page.dtype.kind == "i"
        return bool(page.bitspersample <= 8 and not signed and not _Samples.of(page).special)
    return bool(name != "CIELAB" or page.bitspersample <= 8)


def _by_pillow(path: Path, page: Any) -> Stored:
    """Decode a page with Pillow, whose libtiff knows more compressions than tifffile alone."""
    whole = page.parent.pages
    number = next((i for i, other in enumerate(whole) if other.offset == page.offset), None)
    name, compression = page.photometric.name, page.compression.name
    if number is None:
        raise UsageError(f"{path} has its full picture as part of another page: not supported")
    try:
        stored = reading_pillow.decode(path, number)
    except UnidentifiedImageError:
        raise UsageError(
            f"{path} stores {page.samplesperpixel} samples of {page.bitspersample} bits as {name},"
            f" compressed with {compression}: not supported, or damaged or cut short"
        ) from None
    shallow = stored.pixels.dtype.itemsize == 1
    darkness = name == "MINISWHITE" and not shallow  # of at most 8 bits Pillow turns it itself
    black, white = _range(page)
    bits = page.bitspersample if page.bitspersample not in _WHOLE else None
    return dataclasses.replace(stored, white_is_zero=darkness, bits=bits, black=black, white=white)


def _by_tifffile(path: Path, page: Any) -> Stored:
    """Decode a page with tifffile."""
    name = page.photometric.name
    if name not in _COLOURS or page.samplesperpixel < _COLOURS[name]:
        raise UsageError(f"{path} stores {name} colours; expected gray or RGB")
    if page.dtype is None or page.dtype.kind not in "uif" or page.imagedepth > 1:
        stored = f"{page.bitspersample}-bit {page.dtype} values in {page.imagedepth} layers"
        raise UsageError(f"{path} stores {stored}; expected integers or floats in one layer")
    samples = _Samples.of(page)
    try:
        pixels = page.asarray()
    except ValueError as error:  # a compression that only Pillow's libtiff knows, as LZW
        if "imagecodecs" not in str(error):
            raise
        if not samples.special and page.bitspersample in (12, 16, 32):
            return _by_pillow(path, page)
        raise UsageError(
            f"{path} is compressed with {page.compression.name}, which needs imagecodecs: {INSTALL}"
        ) from None
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    orientation = page.tags.get(_ORIENTATION)
    pixels = _oriented(pixels, orientation.value if orientation else 1)
    numbers, note = _unsigned(path, pixels, page)
    black, white = _range(page)
    return Stored(
        pixels=numbers[..., samples.channels],
        opacity=numbers[..., samples.opacity[0]] if samples.opacity else None,
        premultiplied=samples.premultiplied,
        white_is_zero=name == "MINISWHITE",
        bits=page.bitspersample if page.bitspersample not in _WHOLE else None,
        notes=note,
        black=black,
        white=white,
    )


def _unsigned(path: Path, pixels: NDArray[Any], page: Any) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return integers of any size as those of 8 or 16 bits, or as floats, with a note on it."""
    if pixels.dtype.kind == "f" or pixels.dtype in (np.uint8, np.uint16):
        return pixels, ()
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0:
        raise UsageError(f"{path} stores integers from {low} to {high}; expected none below 0")
    if high <= np.iinfo(np.uint16).max:
        return pixels.astype(np.uint8 if pixels.dtype.itemsize == 1 else np.uint16), ()
    white = _range(page)[1] or np.iinfo(pixels.dtype).max
    if high > white or high < white / 2:
        raise UsageError(
            f"{path} stores {page.bitspersample}-bit integers up to {high}, and does not declare"
            " which number is white (tag MaxSampleValue)"
        )
    note = f"its {page.bitspersample}-bit integers are taken as floats, with white at {white:g}"
    return (pixels / white).astype(np.float32), (note,)


def _range(page: Any) -> tuple[float | None, float | None]:
    """Return the numbers that a page declares to be black and white."""
    kind = page.dtype.kind if page.dtype is not None else "u"
    tags = [page.tags.get(code) if code else None for code in _RANGES.get(kind, (None, None))]
    black, white = (None if tag is None else float(np.max(tag.value)) for tag in tags)
    return black, white


@dataclasses.dataclass(frozen=True)
class _Samples:
    """What the samples of a pixel mean.

    Attributes
    ----------
    channels : list of int
        The samples that are channels: colour, and whatever has no stated meaning.
    opacity : list of int
        The samples that are opacity; the first one counts.
    premultiplied : bool
        Whether the channels are multiplied by the opacity.
    special : bool
        Whether there is more than gray or RGB with opacity not multiplied into it.
    """

    channels: list[int]
    opacity: list[int]
    premultiplied: bool
    special: bool

    @classmethod
    def of(cls, page: Any) -> _Samples:
        """Return what a page says of its samples."""
        count = page.samplesperpixel
        colours = min(_COLOURS.get(page.photometric.name, count), count)
        stated = {colours + i: int(kind) for i, kind in enumerate(page.extrasamples)}
        meanings = (_ASSOCIATED, _UNASSOCIATED)
        opacity = [i for i in range(colours, count) if stated.get(i) in meanings]
        channels = [i for i in range(count) if i not in opacity]
        premultiplied = bool(opacity) and stated[opacity[0]] == _ASSOCIATED
        turned = bool(opacity) and page.photometric.name == "MINISWHITE"
        special = len(channels) > colours or premultiplied or turned or len(opacity) > 1
        return cls(channels, opacity, premultiplied, special)


def _metadata(page: Any) -> Metadata:
    """Return what a page says besides its pixels."""
    profile = page.tags.get(_ICC_PROFILE)
    try:
        dpi = page.get_resolution(unit="inch") if page.resolutionunit > 1 else None
    except (ValueError, ZeroDivisionError):
        dpi = None
    return metadata.of_tiff(page, bytes(profile.value) if profile else b"", dpi)


def _oriented(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored rows and columns (H, W, C) upright by the TIFF tag, which counts from 1."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
