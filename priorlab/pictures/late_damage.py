"""Whether data in the middle of a WebP or AVIF file are damaged: decoders go on without a word.

Neither has a checksum. After a wrong byte what follows is decoded otherwise, and mostly ends
elsewhere than it should. If the data end too early, decoders say so; if too late, they leave the
rest: other bytes there then change nothing, whereas the end of a whole file holds a part of the
picture. Codes of lossless WebP files soon get back into step, and tiles of AVIF files before the
last are decoded by themselves, so that damage to them mostly does not show.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from priorlab.pictures import avif_files, webp_files

_END = 16
"""So many bytes at the end are replaced: encoders write less than that for nothing."""


def damaged(path: Path, image: Any) -> bool:
    """Return whether a file shows damage in its first picture, which Pillow decoded.

    Takes as long as decoding it once more.

    Examples
    --------
    >>> Image.open("photo.png").save("photo.webp")
    >>> with Image.open("photo.webp") as image:
    ...     damaged(Path("photo.webp"), image)
    False
    """
    data = path.read_bytes()
    place = _of_webp(data) if image.format == "WEBP" else avif_files.picture_data(data)
    if place is None or (image.format == "AVIF" and getattr(image, "n_frames", 1) > 1):
        return False
    start, end = place
    changed = max(start, end - _END)
    other_end = bytes(byte ^ 0x55 for byte in data[changed:end])
    data = data[:changed] + other_end + data[end:]
    try:
        with Image.open(io.BytesIO(data), formats=[image.format]) as other:
            return np.array_equal(np.asarray(image), np.asarray(other))
    except Exception:  # decoders raise anything at all on damaged bytes
        return False


def _of_webp(data: bytes) -> tuple[int, int] | None:
    parts = (part for part in webp_files.chunks(data) if part[0] in (b"VP8 ", b"VP8L"))
    return next(((start, end) for _, start, end in parts), None)
