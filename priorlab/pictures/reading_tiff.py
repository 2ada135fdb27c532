"""Decode TIFF files: deep ones and those of any number of channels, which Pillow cannot read."""

from __future__ import annotations

import dataclasses
import logging
import lzma
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    >>> import tifffile
    >>> tifffile.imwrite("deep.tiff", np.full((16, 24), 65535, np.uint16))
    >>> pixels = decode(Path("deep.tiff")).pixels
    >>> pixels.shape, int(pixels.max())
    ((16, 24, 1), 65535)
    """
    import tifffile  # not for each command that reads another file

    with tifffile.TiffFile(path) as file:
        pages = _full_pages(file)
        number, notes = which_frame(path, len(pages), frame)
        page = pages[number]
        if page.photometric.name in _RAW:
            return reading_raw.decode(path, frame)
        _check_size(path, page)
        stored = _decoded(path, page)
        said, damaged = _metadata(page)
    profile = stored.metadata.icc_profile or said.icc_profile
    return dataclasses.replace(
        stored,
        metadata=dataclasses.replace(said, icc_profile=profile),
        notes=(*notes, *stored.notes, *damaged),
    )


def _check_size(path: Path, page: Any) -> None:
    """Raise a `UsageError` for what takes too much memory, or more parts than the page has.

    Only what the page says of itself is looked at. Missing parts would be decoded as black.
    """
    samples, bits = page.samplesperpixel, max(8, page.bitspersample)
    layers = page.imagedepth * (samples if isinstance(samples, int) else 1)
    size = {"samples": layers, "itemsize": -(-bits // 8)}
    check_size(page.imagewidth, page.imagelength, path, **size)
    pixels = page.imagewidth * page.imagelength
    if page.is_tiled:  # each is decoded as a whole, however small the picture is
        check_size(page.tilewidth, page.tilelength, path, **size)
        pixels = max(pixels, page.tilewidth * page.tilelength)
    if (there := len(page.dataoffsets)) < (needed := math.prod(page.chunked)):
        raise UsageError(
            f"{path} is damaged: {page.imagewidth}x{page.imagelength} pixels lie in {needed} strips"
            f" or tiles, and it has {there}"
        )
    most = pixels * size["samples"] * size["itemsize"] + _MARGIN
    inflater, ratio = _INFLATERS.get(int(page.compression), (None, 0))
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if inflater and count * ratio > most:
            page.parent.filehandle.seek(start)
            _check_inflated(path, page.parent.filehandle.read(count), inflater(), most)


def _check_inflated(path: Path, data: bytes, inflater: Any, most: int) -> None:
    """Raise a `UsageError` if data inflate to more than the picture can need."""
    total = 0
    while not inflater.eof:
        part = len(inflater.decompress(data, 1 << 20))
        total += part
        if total > most:
            raise UsageError(f"{path} is damaged: its pixels inflate to more than the picture")
        data = getattr(inflater, "unconsumed_tail", b"")
        if not part and not data:
            return  # cut short, which decoding tells


_INFLATERS: dict[int, tuple[Callable[[], Any], int]] = {
    8: (zlib.decompressobj, 1032),
    32946: (zlib.decompressobj, 1032),
    34925: (lzma.LZMADecompressor, 10_000),
}
"""By the number of a compression, what inflates it, and how many bytes that can make of one.

Only what could be too much is looked at.
"""
_MARGIN = 2**24


def _full_pages(file: Any) -> list[Any]:
    """Return the pages that are no reduced versions or masks of others."""
    pages = list(file.pages)
    inner = [page for above in pages for page in above.pages or ()]
    return [p for p in pages if _is_full(p)] or [p for p in inner if _is_full(p)] or pages


def _is_full(page: Any) -> bool:
    old = page.tags.get(_SUBFILE_TYPE)
    return not (page.is_reduced or page.is_mask or (old is not None and old.value == 2))


def _decoded(path: Path, page: Any) -> Stored:
    """Return the pixels of a page, by the library that knows its kind best, or else the other."""
    ways = [_by_tifffile, _by_pillow] if _is_deep_or_special(page) else [_by_pillow, _by_tifffile]
    if not _pillow_is_right(page):
        ways.remove(_by_pillow)
    errors = []
    for way in ways:
        try:
            return way(path, page)
        except UsageError:
            raise
        except Exception as error:  # decoders raise anything at all
            errors.append(error)
    if any("imagecodecs" in str(error) or isinstance(error, ImportError) for error in errors):
        raise UsageError(
            f"{path} cannot be decoded without imagecodecs ({page.compression.name} compression,"
            f" {page.bitspersample} bits): {INSTALL}"
        )
    raise errors[0]


def _is_deep_or_special(page: Any) -> bool:
    """Return whether a page is of another kind than those of at most 8 bits that Pillow knows."""
    if page.photometric.name not in _COLOURS:
        return False
    signed = page.dtype is not None and page.dtype.kind == "i"
    return bool(page.bitspersample > 8 or signed or _Samples.of(page).special)


def _pillow_is_right(page: Any) -> bool:
    """Return whether what Pillow makes of a page is right: there are kinds that it garbles."""
    if page.photometric.name not in _COLOURS:
        return bool(page.photometric.name != "CIELAB" or page.bitspersample <= 8)
    if _Samples.of(page).special or page.dtype is None or page.dtype.kind not in "bfu":
        return False
    return bool(page.dtype.kind != "f" or page.parent.byteorder == "<")


def _by_pillow(path: Path, page: Any) -> Stored:
    """Decode a page with Pillow, whose libtiff knows compressions that tifffile alone does not."""
    number = next((i for i, p in enumerate(page.parent.pages) if p.offset == page.offset), None)
    if number is None:
        raise UsageError(f"{path} has its full picture within another page: not supported")
    stored = reading_pillow.decode(path, number)
    darkness = page.photometric.name == "MINISWHITE" and stored.pixels.dtype.itemsize > 1
    black, white = _range(page)
    return dataclasses.replace(
        stored,
        white_is_zero=darkness,  # where Pillow does not see to it
        bits=None if page.bitspersample in _WHOLE else page.bitspersample,
        black=black,
        white=white,
    )


def _by_tifffile(path: Path, page: Any) -> Stored:
    """Decode a page with tifffile."""
    name = page.photometric.name
    if name not in _COLOURS or page.samplesperpixel < _COLOURS[name]:
        raise UsageError(f"{path} stores {name} colours; expected gray or RGB")
    if page.dtype is None or page.dtype.kind not in "bfiu" or page.imagedepth > 1:
        stored = f"{page.bitspersample}-bit {page.dtype} values in {page.imagedepth} layers"
        raise UsageError(f"{path} stores {stored}; expected integers or floats in one layer")
    samples = _Samples.of(page)
    pixels = page.asarray()
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        pixels = np.moveaxis(pixels, 0, -1)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if page.bitspersample < 8:
        pixels = pixels.astype(np.uint8) * np.uint8(255 // (2**page.bitspersample - 1))
    orientation = page.tags.get(_ORIENTATION)
    pixels = _oriented(pixels, orientation.value if orientation else 1)
    numbers, notes = _unsigned(path, pixels, page)
    black, white = _range(page)
    return Stored(
        pixels=numbers[..., samples.channels],
        opacity=numbers[..., samples.opacity[0]] if samples.opacity else None,
        premultiplied=samples.premultiplied,
        white_is_zero=name == "MINISWHITE",
        bits=None if page.bitspersample in _WHOLE else page.bitspersample,
        black=black,
        white=white,
        notes=notes,
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


def _metadata(page: Any) -> tuple[Metadata, tuple[str, ...]]:
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
