"""Where an AVIF file has the data of its picture.

ISO/IEC 23008-12 (HEIF) and 14496-12: boxes, of which `meta` holds the places of all items.
"""

from __future__ import annotations

from collections.abc import Iterator

_WITHIN_META = 4
"""Its version and flags come before the boxes in it."""


def picture_data(data: bytes) -> tuple[int, int] | None:
    """Return the first byte and the end of the main picture's data.

    None where they are in parts, or where the file does not say it.

    Examples
    --------
    >>> from PIL import Image
    >>> Image.open("photo.png").save("photo.avif")
    >>> with open("photo.avif", "rb") as file:
    ...     content = file.read()
    >>> start, end = picture_data(content)
    >>> end == len(content)
    True
    """
    try:
        return _found(data)
    except IndexError:  # it ends within what says where
        return None


def _found(data: bytes) -> tuple[int, int] | None:
    for name, start, end in _boxes(data, 0, len(data)):
        if name == b"meta":
            inner = {name: place for name, *place in _boxes(data, start + _WITHIN_META, end)}
            if b"pitm" in inner and b"iloc" in inner:
                wide = data[inner[b"pitm"][0]] > 0
                number = _number(data, inner[b"pitm"][0] + 4, 4 if wide else 2)
                return _place(data, inner[b"iloc"][0], number)
    return None


def _place(data: bytes, at: int, wanted: int) -> tuple[int, int] | None:
    """Return where the box `iloc` says that an item is."""
    version = data[at]
    offset_size, length_size = data[at + 4] >> 4, data[at + 4] & 15
    base_size, index_size = data[at + 5] >> 4, data[at + 5] & 15 if version else 0
    wide = 4 if version == 2 else 2
    count = _number(data, at + 6, wide)
    at += 6 + wide
    for _ in range(count):
        item = _number(data, at, wide)
        at += wide
        in_file = not version or not data[at + 1] & 15
        at += 4 if version else 2
        base = _number(data, at, base_size)
        parts = _number(data, at + base_size, 2)
        at += base_size + 2
        if item == wanted:
            start = base + _number(data, at + index_size, offset_size)
            end = start + _number(data, at + index_size + offset_size, length_size)
            return (start, end) if in_file and parts == 1 and start < end <= len(data) else None
        at += parts * (index_size + offset_size + length_size)
    return None


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end:
        size = _number(data, at, 4)
        if size < 8:  # up to the end of the file, or of more than 4 GB
            return
        yield data[at + 4 : at + 8], at + 8, min(at + size, end)
        at += size


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
