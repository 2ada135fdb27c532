"""PNG files of 16 bits, of which Pillow keeps 8: written here, and what a file says of them.

Portable Network Graphics (PNG) Specification, W3C Recommendation, 2003.
"""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from priorlab.pictures.picture import Metadata

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""By the number of samples: gray, gray with alpha, RGB, RGB with alpha."""

_METRES_PER_INCH = 0.0254


def encode(pixels: NDArray[np.uint16], bits: int, metadata: Metadata) -> bytes:
    """Return a PNG file of 16-bit pixels.

    Parameters
    ----------
    pixels : array of shape (H, W, C)
        C = 1 is gray, 3 is RGB; 2 and 4 have alpha besides.
    bits : int
        How many bits of each number mean something.
    metadata : Metadata
        What else the file says.

    Examples
    --------
    >>> data = encode(np.full((4, 5, 3), 65535, np.uint16), 16, Metadata())
    >>> _ = Path("deep.png").write_bytes(data)
    >>> head(Path("deep.png"))
    Head(stored=16, meant=16, colour_chunks=())
    """
    height, width, samples = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[samples], 0, 0, 0)
    chunks = [(b"IHDR", head), (b"sBIT", bytes([bits] * samples))]
    chunks += colour_chunks_beside(metadata)
    if metadata.icc_profile:
        name_and_method = b"ICC profile\0\0"
        chunks.append((b"iCCP", name_and_method + zlib.compress(metadata.icc_profile)))
    if metadata.dpi:
        x, y = (round(dots / _METRES_PER_INCH) for dots in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", x, y, 1)))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif.removeprefix(b"Exif\0\0")))
    chunks += [(b"IDAT", _compressed(pixels)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(*chunk) for chunk in chunks)


@dataclasses.dataclass(frozen=True)
class Head:
    """What a PNG file says before its pixels.

    Attributes
    ----------
    stored : int
        How many bits it stores of each number.
    meant : int or None
        How many of them mean something. Files say it by their chunk sBIT; of fewer than 16 bits all
        count where it is missing, of 16 bits nothing is known then. Nothing is said of the colours
        of a palette.
    colour_chunks : tuple of pairs (name, content)
        The chunks that say which colours the numbers stand for, without the profile.
    """

    stored: int
    meant: int | None
    colour_chunks: tuple[tuple[bytes, bytes], ...]


def head(path: Path) -> Head:
    """Return what a PNG file says before its pixels.

    Examples
    --------
    >>> head(Path("photo.png"))
    Head(stored=8, meant=8, colour_chunks=())
    """
    stored, meant, kind, colours = 8, None, 0, []
    with path.open("rb") as file:
        file.seek(len(_SIGNATURE))
        for name, content in _chunks(file):
            if name == b"IHDR":
                stored, kind = content[8], content[9]
            elif name == b"sBIT" and 0 < max(content, default=0) <= stored:
                meant = max(content)
            elif _COLOUR_CHUNKS.get(name) == len(content):
                colours.append((name, content))
            elif name == b"IDAT":
                break
    if kind != _PALETTE and meant is None and stored < 16:
        meant = stored
    return Head(stored, None if kind == _PALETTE else meant, tuple(colours))


_PALETTE = 3

_COLOUR_CHUNKS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4}
"""The names of those chunks, and how many bytes each has."""


def colour_chunks_beside(metadata: Metadata) -> list[tuple[bytes, bytes]]:
    """Return the colour chunks to write: beside a profile those alone that go before it.

    Examples
    --------
    >>> colour_chunks_beside(Metadata(icc_profile=b"...", colour_chunks=((b"sRGB", b"0"),)))
    []
    """
    found = metadata.colour_chunks
    return [chunk for chunk in found if chunk[0] == b"cICP" or not metadata.icc_profile]


def is_srgb(chunks: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether colour chunks say about what a file without them is taken for.

    Examples
    --------
    >>> is_srgb([(b"sRGB", bytes(1))]), is_srgb([(b"gAMA", struct.pack(">I", 100000))])
    (True, False)
    """
    said = dict(chunks)
    if b"cICP" in said:
        return said[b"cICP"][:2] == _SRGB_CODES
    if b"sRGB" in said:
        return True
    return all(
        name not in said or np.allclose(np.frombuffer(said[name], ">u4"), values, rtol=0.02)
        for name, values in _SRGB.items()
    )


_SRGB = {b"gAMA": (45455,), b"cHRM": (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)}
"""The exponent, and the chromaticities of white, red, green and blue, times 100,000."""

_SRGB_CODES = bytes((1, 13))
"""Of the primaries and the curve, by ITU-T H.273."""


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and contents of chunks; of pixels, the names alone."""
    while len(start := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        content = b"" if name == b"IDAT" else file.read(length)
        yield name, content
        file.seek(4 + (length if name == b"IDAT" else 0), 1)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def _compressed(pixels: NDArray[np.uint16]) -> bytes:
    """Return the rows, filtered and compressed, a few at a time: the filter takes much memory."""
    height, _, samples = pixels.shape
    rows = np.ascontiguousarray(pixels, dtype=">u2").view(np.uint8).reshape(height, -1)
    deflate = zlib.compressobj(6)
    above = np.zeros((1, rows.shape[1]), np.uint8)
    parts = []
    for top in range(0, height, _ROWS):
        block = rows[top : top + _ROWS]
        parts.append(deflate.compress(_filtered(block, above, step=2 * samples)))
        above = block[-1:]
    return b"".join([*parts, deflate.flush()])


_ROWS = 64


def _filtered(block: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> bytes:
    """Return rows of bytes, each predicted from its neighbours by Paeth's filter.

    Parameters
    ----------
    block : array of shape (R, W)
        Rows of the picture.
    above : array of shape (1, W)
        The row before them.
    step : int
        Bytes of a pixel.
    """
    rows = block.astype(np.int16)
    upper = np.concatenate([above, block[:-1]]).astype(np.int16)
    left, corner = np.zeros_like(rows), np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    corner[:, step:] = upper[:, :-step]
    guess = left + upper - corner
    far_left, far_upper, far_corner = (abs(guess - side) for side in (left, upper, corner))
    predicted = np.where(far_upper <= far_corner, upper, corner)
    predicted = np.where((far_left <= far_upper) & (far_left <= far_corner), left, predicted)
    lines = np.full((len(rows), rows.shape[1] + 1), _PAETH, np.uint8)
    lines[:, 1:] = (rows - predicted).astype(np.uint8)
    return lines.tobytes()


_PAETH = 4
"""The number of that filter."""
