"""The pictures of a page: lossless WebP as text, each different one once."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

LARGEST = 16383
"""Pixels of a side that WebP can have."""
_EFFORT = {"method": 4, "quality": 50, "exact": True}
"""More makes files smaller by 0.1 % and takes three times as long."""


class Pictures:
    """Pictures that are wanted, each under a name of its own.

    Attributes
    ----------
    encoded : dict of str to str
        By name, in base64; after `encode`.
    """

    def __init__(self) -> None:
        self.encoded: dict[str, str] = {}
        self._files: dict[str, Path] = {}
        self._names: dict[bytes, str] = {}

    def add(self, file: Path) -> str:
        """Return the name of the picture in a file; empty if it cannot be read.

        Files of equal content, such as the clean image of several tasks, share a name.
        """
        try:
            digest = hashlib.sha256(file.read_bytes()).digest()
        except OSError:
            return ""
        name = self._names.setdefault(digest, f"p{len(self._names)}")
        self._files.setdefault(name, file)
        return name

    def encode(self) -> None:
        """Encode all pictures; of one that is damaged nothing is known."""
        with ThreadPoolExecutor() as pool:
            found = pool.map(_encoded, self._files.values())
            self.encoded = dict(zip(self._files, found, strict=True))

    @property
    def size(self) -> int:
        """Characters of all that is encoded."""
        return sum(map(len, self.encoded.values()))

    def missing(self) -> Iterable[str]:
        """Return the names of the pictures that turned out to be damaged."""
        return [name for name, text in self.encoded.items() if not text]


def _encoded(file: Path) -> str:
    try:
        data = file.read_bytes()
        with Image.open(io.BytesIO(data)) as picture:
            shown = picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
            buffer = io.BytesIO()
            if max(picture.size) <= LARGEST:
                shown.save(buffer, "WEBP", lossless=True, **_EFFORT)
            else:
                shown.save(buffer, "PNG")
    except (OSError, ValueError, Image.DecompressionBombError):
        return ""
    return base64.b64encode(buffer.getvalue()).decode()
