"""Whether the data in the middle of a WebP file are damaged: decoders then go on without a word.

WebP has no checksum. After a wrong byte what follows is decoded otherwise, and mostly does not end
where the data do. If they end too early, decoders say so; if too late, they leave the rest: other
bytes there then change nothing, whereas the end of a whole file holds a part of the picture. Codes
of files without loss soon find into step again, so that damage to them is mostly not seen.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from priorlab.pictures import webp_files

NOTE = "its WebP data are damaged, so that a part of it does not show what was stored"

_END = 16
"""So many bytes at the end are replaced: encoders write less than that for nothing."""


def damaged(path: Path, image: Any) -> bool:
    """Return whether the file, whose first picture Pillow decoded, is seen to be damaged in it.

    Takes as long as decoding it once more.

    Examples
    --------
    >>> Image.open("photo.png").save("photo.webp")
    >>> with Image.open("photo.webp") as image:
    ...     damaged(Path("photo.webp"), image)
    False
    """
    data = path.read_bytes()
    parts = [part for name, *part in webp_files.chunks(data) if name in (b"VP8 ", b"VP8L")]
    if not parts:
        return False
    start, end = parts[0]
    changed = max(start, end - _END)
    other_end = bytes(byte ^ 0x55 for byte in data[changed:end])
    data = data[:changed] + other_end + data[end:]
    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as other:
            return np.array_equal(np.asarray(image), np.asarray(other))
    except OSError:
        return False
