"""What a WebP file says of its compression: nothing lost, or how coarsely it is quantised.

J. Bankoski et al.: VP8 Data Format and Decoding Guide, RFC 6386, 2011.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from priorlab.pictures import formats

STEPS = (*range(4, 59), *range(60, 117, 2), *range(119, 174, 3), *range(177, 230, 4),
         234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284)  # fmt: skip
"""The step of the coefficients of brightness by its index (section 14.1)."""

SCALE, POWER = 0.88, 0.54
"""The error of the pixels, on the 0-255 scale, is about ``SCALE * step ** POWER``: fitted to 24
training photographs at half their size, stored at qualities from 30 to 95. Within a factor of 2."""


def is_webp(path: Path) -> bool:
    """Return whether a file is a WebP file, by its content.

    Examples
    --------
    >>> is_webp(Path("photo.png"))
    False
    """
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError:
        return False
    return formats.begins_as(start) == "WebP"


def error(path: Path) -> float | None:
    """Return by how much the pixels of a WebP file err, on the [0, 1] scale.

    0 where nothing is lost, None where the file does not tell.

    Examples
    --------
    >>> from PIL import Image
    >>> Image.open("photo.png").save("photo.webp", lossless=True)
    >>> error(Path("photo.webp"))
    0.0
    """
    data = path.read_bytes()
    for name, start, end in chunks(data):
        content = data[start:end]
        if name == b"VP8L":
            return 0.0
        if name == b"VP8 " and content[3:6] == b"\x9d\x01\x2a":
            steps = [STEPS[min(max(index, 0), 127)] for index in _indices(content[10:])]
            mean = math.exp(sum(map(math.log, steps)) / len(steps))
            return SCALE * math.pow(mean, POWER) / 255
    return None


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the names of a file's chunks, with the first byte and the end of what they hold.

    Those of an animation's frames, too.

    Examples
    --------
    >>> list(chunks(b"RIFF" + b"...." + b"WEBP" + b"EXIF" + b"\\2\\0\\0\\0" + b"ab"))
    [(b'EXIF', 20, 22)]
    """
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        yield name, at + 8, min(at + 8 + size, len(data))
        at += 24 if name == b"ANMF" else 8 + size + size % 2


def _indices(header: bytes) -> list[int]:
    """Return the indices of the steps of each segment, or the one of all (section 9)."""
    bits = _Bits(header)
    bits.number(2)
    changes, absolute = [], False
    if bits.number(1):
        update_map, update_data = bits.number(1), bits.number(1)
        if update_data:
            absolute = bool(bits.number(1))
            changes = [bits.optional(7) for _ in range(4)]
            for _ in range(4):
                bits.optional(6)
        if update_map:
            for _ in range(3):
                if bits.number(1):
                    bits.number(8)
    bits.number(1 + 6 + 3)
    if bits.number(1) and bits.number(1):
        for _ in range(8):
            bits.optional(6)
    bits.number(2)
    index = bits.number(7)
    return [change if absolute else index + change for change in changes] or [index]


class _Bits:
    """Decodes bits that are as often 0 as 1 (section 7)."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.left = data, 2, 8
        self.value, self.range = int.from_bytes(data[:2], "big"), 255

    def bit(self) -> int:
        split = 1 + ((self.range - 1) * 128 >> 8)
        found = int(self.value >= split << 8)
        if found:
            self.range, self.value = self.range - split, self.value - (split << 8)
        else:
            self.range = split
        while self.range < 128:
            self.value, self.range, self.left = self.value << 1, self.range << 1, self.left - 1
            if not self.left:
                self.value |= self.data[self.at] if self.at < len(self.data) else 0
                self.at, self.left = self.at + 1, 8
        return found

    def number(self, bits: int) -> int:
        """Return an unsigned number."""
        value = 0
        for _ in range(bits):
            value = 2 * value + self.bit()
        return value

    def optional(self, bits: int) -> int:
        """Return a number with its sign, 0 where there is none."""
        if not self.number(1):
            return 0
        value = self.number(bits)
        return -value if self.number(1) else value
