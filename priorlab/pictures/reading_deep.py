"""Files of more than 8 bits of which Pillow keeps 8: netpbm, JPEG 2000, AVIF, HEIF, SGI.

Of JPEG 2000 it even makes white black (as of 13.0): what is rounded up to 256 becomes 0.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from priorlab.errors import UsageError
from priorlab.pictures import levels
from priorlab.pictures.formats import INSTALL
from priorlab.pictures.stored import Stored


def decode(path: Path, image: Any) -> Stored | None:
    """Return all bits of a picture, where Pillow does not; None where it does, or nothing can.

    Parameters
    ----------
    path : Path
        The file.
    image : PIL.Image.Image
        Opened from it, and not loaded yet.

    Examples
    --------
    >>> from PIL import Image
    >>> _ = Path("two.ppm").write_bytes(b"P6 2 1 1023 " + np.arange(6, dtype=">u2").tobytes())
    >>> with Image.open("two.ppm") as image:
    ...     decode(Path("two.ppm"), image).pixels.tolist()
    [[[0, 1, 2], [3, 4, 5]]]
    """
    if image.format == "PPM" and image.tile and image.tile[0][0] in ("ppm", "ppm_plain"):
        white = int(image.tile[0][3][-1])
        return _netpbm(path, image, white) if white > 255 else None
    if image.format == "JPEG2000" and image.mode in ("RGB", "RGBA", "LA"):
        bits = _bits_of_jpeg_2000(path.read_bytes())
        return _jpeg_2000(path, image, bits) if bits > 8 else None
    return None


def kept_notes(path: Path, image: Any) -> tuple[str, ...]:
    """Return a note where Pillow keeps 8 bits of more, and `decode` knows no better.

    Examples
    --------
    >>> from PIL import Image
    >>> kept_notes(Path("photo.png"), Image.open("photo.png"))
    ()
    """
    bits = 8
    if image.format == "HEIF":
        bits = int(image.info.get("bit_depth", 8))
    elif image.format == "AVIF":
        bits = _bits_of_avif(path.read_bytes())
    elif image.format == "SGI":
        bits = 8 * path.read_bytes()[3]
    if bits <= 8:
        return ()
    return (f"8 of its {bits} bits are read: convert it to .tif or .png to use them all",)


def _netpbm(path: Path, image: Any, white: int) -> Stored:
    """Return the numbers of a PGM or PPM file, as they are, with the white that it declares."""
    content = path.read_bytes()[image.tile[0][2] :]
    shape = (image.height, image.width, 3 if image.mode == "RGB" else 1)
    count = int(np.prod(shape))
    if image.tile[0][0] == "ppm_plain":
        words = re.sub(rb"#[^\r\n]*", b"", content).split()
        numbers = np.array(words[:count], np.uint16)
    else:
        numbers = np.frombuffer(content, ">u2", min(count, len(content) // 2)).astype(np.uint16)
    if len(numbers) < count:
        raise ValueError(f"{len(numbers)} of {count} numbers")
    if numbers.max() > white:
        raise ValueError(f"a number is {numbers.max()}, and white is {white}")
    most = np.iinfo(np.uint16).max
    if white == most:  # what programs write that do not know
        return Stored(pixels=numbers.reshape(shape))
    if levels.declared(white) is None:
        numbers, white = np.rint(numbers * (most / white)).astype(np.uint16), most
    return Stored(pixels=numbers.reshape(shape), white=white)


def _jpeg_2000(path: Path, image: Any, bits: int) -> Stored:
    try:
        import imagecodecs
    except ImportError:
        raise UsageError(
            f"{path} cannot be decoded without imagecodecs (JPEG 2000 of {bits} bits): {INSTALL}"
        ) from None
    pixels = np.asarray(imagecodecs.jpeg2k_decode(path.read_bytes()))
    if pixels.shape != (image.height, image.width, len(image.mode)) or pixels.dtype != np.uint16:
        raise UsageError(f"{path} stores {pixels.dtype} values of shape {pixels.shape}")
    white = float(2**bits - 1)
    if image.mode == "RGB":
        return Stored(pixels=pixels, white=white)
    return Stored(pixels=pixels[..., :-1], opacity=pixels[..., -1], white=white)


def _bits_of_jpeg_2000(content: bytes) -> int:
    """Return the bits of the first channel, by the marker SIZ (ISO 15444-1, A.5.1)."""
    start = content.find(b"\xff\x4f\xff\x51")
    return (content[start + 42] & 0x7F) + 1 if start >= 0 and len(content) > start + 42 else 8


def _bits_of_avif(content: bytes) -> int:
    """Return the bits of each number, by the box av1C (AV1 in ISOBMFF, 2.3.3)."""
    start = content.find(b"av1C")
    flags = content[start + 6] if 0 <= start < len(content) - 6 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
