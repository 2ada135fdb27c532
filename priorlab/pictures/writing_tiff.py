"""Write TIFF files: any number of channels, 16 bits or floats, with what was said of a picture."""

from __future__ import annotations

import io
import struct
from typing import Any

from numpy.typing import NDArray
from PIL import ExifTags, Image

from priorlab.pictures.levels import Levels
from priorlab.pictures.metadata import MAP_TAGS
from priorlab.pictures.picture import Metadata

_MAX_SAMPLE_VALUE, _S_MIN_SAMPLE_VALUE, _S_MAX_SAMPLE_VALUE = 281, 340, 341
_TEXTS = (269, 270, 271, 272, 305, 306, 315, 33432)
"""Tags of texts: document, description, maker, model, software, time, artist, copyright."""

_OWN = (274, 282, 283, 296, 34665, 34853)
"""Tags that are written otherwise: orientation, resolution, and the two directories of EXIF."""
_Tag = tuple[int, int, int | None, Any, bool]
_ASCII, _SHORT, _LONG, _FLOAT, _DOUBLE = 2, 3, 4, 11, 12


def encode(samples: NDArray[Any], levels: Levels, has_opacity: bool, metadata: Metadata) -> bytes:
    """Return a TIFF file.

    Parameters
    ----------
    samples : array of shape (H, W, C)
        uint16 or float32; the opacity, where there is any, last.
    levels : Levels
        How they are to be understood; the file declares which number is white.
    has_opacity : bool
        Whether the last sample is opacity.
    metadata : Metadata
        What else the file says.

    Examples
    --------
    >>> import numpy as np
    >>> from priorlab.pictures.levels import DEEP
    >>> encode(np.zeros((16, 20, 1), np.uint16), DEEP, False, Metadata())[:4]
    b'II*\\x00'
    """
    import tifffile  # not for each command that writes another file

    count = samples.shape[2] - has_opacity
    colours = 3 if count >= 3 else 1
    exif = Image.Exif()
    exif.load(metadata.exif)
    pointers = [tag for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo) if exif.get_ifd(tag)]
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        samples if samples.shape[2] > 1 else samples[..., 0],
        byteorder="<",
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig="contig" if samples.shape[2] > 1 else None,
        extrasamples=["unspecified"] * (count - colours) + ["unassalpha"] * has_opacity,
        compression="zlib",
        predictor=2 if samples.dtype.kind == "u" else None,
        metadata=None,
        software=False,
        iccprofile=metadata.icc_profile or None,
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        extratags=[
            *_range(samples, levels),
            *(_tag(tag, exif[tag]) for tag in (*_TEXTS, *MAP_TAGS) if tag in exif),
            *((int(tag) - 1, _LONG, 1, 0, True) for tag in pointers),
        ],
    )
    for tag in pointers:
        _append_directory(buffer, int(tag), exif.get_ifd(tag))
    return buffer.getvalue()


def _range(samples: NDArray[Any], levels: Levels) -> list[_Tag]:
    """Return the tags that declare the numbers of black and white: else one has to guess."""
    count = samples.shape[2]
    if samples.dtype.kind != "f":
        return [(_MAX_SAMPLE_VALUE, _SHORT, count, (int(levels.white),) * count, True)]
    ends = ((_S_MIN_SAMPLE_VALUE, levels.black), (_S_MAX_SAMPLE_VALUE, levels.white))
    return [(tag, _FLOAT, count, (float(value),) * count, True) for tag, value in ends]


def left_out(metadata: Metadata) -> list[str]:
    """Return what `encode` leaves out of what else a file says: tags whose meaning is not known.

    They may describe the old pixels, such as layers, or how these were laid out.

    Examples
    --------
    >>> left_out(Metadata())
    []
    """
    exif = Image.Exif()
    exif.load(metadata.exif)
    known = (*_TEXTS, *MAP_TAGS, *_OWN)
    others = sorted(tag for tag in exif if tag not in known)
    return [f"tags {', '.join(map(str, others))}"] if others else []


def _tag(tag: int, value: Any) -> _Tag:
    """Return a text, or the numbers of a map, as a tag."""
    if isinstance(value, str):
        return tag, _ASCII, None, value.encode("latin-1", "replace"), True
    values = value if isinstance(value, tuple) else (value,)
    if all(isinstance(one, int) for one in values):
        return tag, _SHORT, len(values), values, True
    return tag, _DOUBLE, len(values), tuple(map(float, values)), True


def _append_directory(buffer: io.BytesIO, tag: int, entries: dict[int, Any]) -> None:
    """Put a directory at the end of a file, and its place into a tag of the first page.

    tifffile does not write such tags: the one before it in number holds its place, in their order.
    """
    from PIL import TiffImagePlugin

    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for key, value in entries.items():
        directory[key] = value
    place = buffer.seek(0, io.SEEK_END)
    place += buffer.write(b"\0" * (place % 2))
    buffer.write(directory.tobytes(place))
    buffer.seek(_entry(buffer.getvalue(), tag - 1))
    buffer.write(struct.pack("<HHII", tag, _LONG, 1, place))


def _entry(content: bytes, tag: int) -> int:
    """Return where the first page of a little-endian file has a tag."""
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    entries = range(start + 2, start + 2 + _ENTRY * count, _ENTRY)
    return next(at for at in entries if struct.unpack_from("<H", content, at) == (tag,))


_ENTRY = 12
"""Bytes of a tag: its number, type, count and value."""
