"""Whether the data in the middle of a JPEG file are damaged: decoders then go on without a word.

JPEG has no checksum, so that a single wrong bit mostly does not show. What is lost or overwritten,
such as a sector of a disk, as a rule makes data end before all blocks are decoded, and decoders
fill in what is missing. They read on where more data follow, so that other bytes there change the
picture; of a file that is whole they change nothing.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
"""Within coded data 0xFF is followed by 0."""

_RESTARTS = range(0xD0, 0xD8)
_START_OF_SCAN, _END = 0xDA, 0xD9
_BETWEEN_SCANS = {_START_OF_SCAN, _END, 0xC4, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}
"""Of the markers those that may follow coded data: tables, comments, and what programs add."""

_ARITHMETIC = {0xC9, 0xCA}
"""Frames whose data may be read beyond their end."""

_MORE = b"\x55" * 16


def damaged(path: Path, image: Any) -> bool:
    """Return whether the file of a picture that Pillow decoded shows damage.

    Takes as long as decoding it once more.

    Examples
    --------
    >>> Image.open("photo.png").save("photo.jpg")
    >>> with Image.open("photo.jpg") as image:
    ...     damaged(Path("photo.jpg"), image)
    False
    """
    data = path.read_bytes()
    ends = _ends_of_coded_data(data)
    if ends is None:
        return True
    starts = [0, *ends]
    parts = [data[start:end] for start, end in zip(starts, [*ends, len(data)], strict=True)]
    try:
        with Image.open(io.BytesIO(_MORE.join(parts)), formats=["JPEG"]) as other:
            return not np.array_equal(np.asarray(image), np.asarray(other))
    except OSError:
        return True


def _ends_of_coded_data(data: bytes) -> list[int] | None:
    """Return where coded data end, or None where markers are not as they are to be.

    Nothing, for data that are coded in another way than by Huffman's.
    """
    ends: list[int] = []
    at = 2
    while True:
        found = _MARKER.search(data, at)
        if not found:
            return None
        marker, at = found[1][0], found.end()
        if marker == _END:
            return ends
        if marker in _ARITHMETIC:
            return []
        at += int.from_bytes(data[at : at + 2], "big")
        restarts = 0
        while marker == _START_OF_SCAN:
            found = _MARKER.search(data, at)
            if not found:
                return None
            ends.append(found.start())
            following = found[1][0]
            if following in _BETWEEN_SCANS:
                at = found.start()
                break
            if following != _RESTARTS[restarts % len(_RESTARTS)]:
                return None
            restarts, at = restarts + 1, found.end()
