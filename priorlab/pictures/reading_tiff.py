"""Decode TIFF files: deep ones and those of any number of channels, which Pillow cannot read."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.pictures import metadata, reading_pillow
from priorlab.pictures.formats import check_size
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


def decode(path: Path, frame: int | None = None) -> Stored:
    """Decode a page of a TIFF file.

    Files that Pillow knows to read, of 8 bits and at most 3 channels, are left to it.

    Examples
    --------
    >>> tifffile.imwrite("deep.tiff", np.full((16, 24), 65535, np.uint16))
    >>> pixels = decode(Path("deep.tiff")).pixels
    >>> pixels.shape, int(pixels.max())
    ((16, 24, 1), 65535)
    """
    with tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        check_size(page.imagewidth, page.imagelength, path)
        samples = _Samples.of(page)
        if page.bitspersample <= 8 and not samples.extra:
            return reading_pillow.decode(path)
        kind = page.dtype.kind if page.dtype else "?"
        if kind != "f" and (kind, page.bitspersample) not in (("u", 8), ("u", 16)):
            stored = f"{page.bitspersample}-bit {page.dtype}"
            raise UsageError(f"{path} stores {stored} values; expected 8 or 16 bits or floats")
        try:
            pixels = page.asarray()
        except ValueError as error:  # a compression that only Pillow's libtiff knows, as LZW
            if "imagecodecs" not in str(error):
                raise
            if samples.extra:
                raise UsageError(
                    f"{path} stores {len(samples.channels)} channels, compressed with"
                    f" {page.compression.name}; expected Deflate or no compression"
                ) from None
            return reading_pillow.decode(path)
        name = page.photometric.name
        if name not in _COLOURS or page.samplesperpixel < _COLOURS[name]:
            raise UsageError(f"{path} stores {name} colours; expected gray or RGB")
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            pixels = np.moveaxis(pixels, 0, -1)
        orientation = page.tags.get(274)
        said = _metadata(page)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if name == "MINISWHITE":
        white = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
        pixels = np.concatenate((white - pixels[..., :1], pixels[..., 1:]), axis=-1)
    pixels = _oriented(pixels, orientation.value if orientation else 1)
    return Stored(
        pixels=pixels[..., samples.channels],
        opacity=pixels[..., samples.opacity[0]] if samples.opacity else None,
        premultiplied=samples.premultiplied,
        metadata=said,
    )


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
    extra : int
        How many channels there are besides the colour.
    """

    channels: list[int]
    opacity: list[int]
    premultiplied: bool
    extra: int

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
        return cls(channels, opacity, premultiplied, len(channels) - colours)


def _metadata(page: Any) -> Metadata:
    """Return what a page says besides its pixels."""
    profile = page.tags.get(_ICC_PROFILE)
    try:
        dpi = page.get_resolution(unit="inch") if page.resolutionunit > 1 else None
    except (ValueError, ZeroDivisionError):
        dpi = None
    return metadata.of_tiff(page, bytes(profile.value) if profile else b"", dpi)


_ICC_PROFILE = 34675


def _oriented(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored rows and columns (H, W, C) upright by the TIFF tag, which counts from 1."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
