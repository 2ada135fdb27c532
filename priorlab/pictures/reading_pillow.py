"""Decode the files that Pillow reads, among them 16-bit colour, of which it keeps 8 bits alone."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from priorlab.errors import UsageError
from priorlab.pictures import colours, jpeg_damage, late_damage, metadata, png, reading_deep
from priorlab.pictures.formats import INSTALL, PILLOW_FORMATS, begins_as, check_size, which_frame
from priorlab.pictures.picture import NOTHING, Metadata
from priorlab.pictures.stored import Stored

DAMAGED = "its {} data are damaged, so that a part of it does not show what was stored"

_WITHOUT_CHECKSUM: dict[str, tuple[str, Callable[[Path, Any], bool]]] = {
    "JPEG": ("JPEG", jpeg_damage.damaged),
    "MPO": ("JPEG", jpeg_damage.damaged),
    "WEBP": ("WebP", late_damage.damaged),
    "AVIF": ("AVIF", late_damage.damaged),
}
"""By what Pillow calls a format: the name of its data, and what tells whether they are damaged."""


def decode(path: Path, frame: int | None = None) -> Stored:
    """Decode one picture of a file in one of `PILLOW_FORMATS`.

    Parameters
    ----------
    path : Path
        The file.
    frame : int, optional
        Which of several pictures, from 0; by default the first, with a note.

    Examples
    --------
    >>> pixels = decode(Path("photo.png")).pixels
    >>> pixels.shape, pixels.dtype
    ((32, 40, 3), dtype('uint8'))
    """
    with _opened(path) as image:
        notes = _seek(path, image, frame)
        head = png.head(path) if image.format == "PNG" else png.Head(8, None, ())
        if _low_bytes_mode(image) is not None:
            stored = _deep(path, image)
        elif whole := reading_deep.decode(path, image):
            stored = whole
        else:
            notes = (*notes, *reading_deep.kept_notes(path, image))
            stored = _shallow(path, ImageOps.exif_transpose(image), head.stored)
        if image.format in _WITHOUT_CHECKSUM and not frame:
            called, is_damaged = _WITHOUT_CHECKSUM[image.format]
            if is_damaged(path, image):
                notes = (*notes, DAMAGED.format(called))
        # Last: it makes Pillow decode PNG files in its own way. Of TIFF files it is not asked for.
        said, damaged = (NOTHING, ()) if image.format == "TIFF" else metadata.of_pillow(image)
    return dataclasses.replace(
        stored,
        bits=stored.bits or head.meant,
        metadata=dataclasses.replace(
            said,
            icc_profile=stored.metadata.icc_profile or said.icc_profile,
            colour_chunks=head.colour_chunks,
        ),
        notes=(*notes, *stored.notes, *damaged),
    )


def _shallow(path: Path, image: Any, stored_bits: int) -> Stored:
    """Return the pixels of an image that Pillow holds with all of their bits."""
    if image.mode.startswith("I"):
        return _integers(path, image)
    if image.mode == "F":
        return Stored(pixels=np.atleast_3d(np.asarray(image)))
    key = image.info.get("transparency")
    if image.mode in ("1", "L", "RGB") and key is not None:
        pixels = np.atleast_3d(np.asarray(image.convert("L") if image.mode == "1" else image))
        if image.mode == "1":
            key = 255 if key else 0  # up to Pillow 12 white is 1 there
        # Pillow spreads gray of 2 and 4 bits over 8, but not the number that is clear.
        scale = 255 // (2**stored_bits - 1) if image.mode == "L" else 1
        return Stored(pixels=pixels, opacity=_all_but(pixels, np.multiply(key, scale)))
    converted, profile, notes = colours.to_gray_or_rgb(path, image)
    pixels = np.atleast_3d(np.asarray(converted))
    stored = Stored(
        pixels=pixels,
        bits=1 if image.mode == "1" else None,
        metadata=Metadata(icc_profile=profile),
        notes=notes,
    )
    if not converted.mode.endswith("A"):
        return stored
    return dataclasses.replace(stored, pixels=pixels[..., :-1], opacity=pixels[..., -1])


def _integers(path: Path, image: Any) -> Stored:
    """Return the pixels of an image in one of Pillow's modes for deep gray."""
    values = np.asarray(image)
    if image.mode == "I" and (values.min() < 0 or values.max() > 65535):
        raise UsageError(
            f"{path} stores values from {values.min()} to {values.max()}; expected 0 to 65535"
        )
    pixels = np.atleast_3d(values.astype(np.uint16))
    key = image.info.get("transparency")
    return Stored(pixels=pixels, opacity=None if key is None else _all_but(pixels, key))


def _deep(path: Path, image: Any) -> Stored:
    """Return the pixels of an image of 16-bit colours."""
    pixels = _deep_pixels(path, image)
    if image.mode == "RGBA":
        return Stored(pixels=pixels[..., :-1], opacity=pixels[..., -1])
    key = image.info.get("transparency")
    return Stored(pixels=pixels, opacity=None if key is None else _all_but(pixels, key))


def _all_but(pixels: NDArray[Any], key: Any) -> NDArray[Any]:
    """Return the opacity (H, W) of pixels (H, W, C), of which those of one colour are clear."""
    most = np.iinfo(pixels.dtype).max
    return np.where((pixels == np.asarray(key)).all(-1), 0, most).astype(pixels.dtype)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open with Pillow, refusing files that are too large before they are decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on metadata; what is wrong with pixels is an error
        with path.open("rb") as file:
            start = file.read(12)
        if begins_as(start) not in _COMMON:  # all of Pillow's take a while to import
            Image.init()
        Image.preinit()
        if start[4:8] == b"ftyp" and start[8:] in _HEIF_BRANDS:
            _register_heif(path)
        known = [name for name in PILLOW_FORMATS if name in Image.OPEN]
        # Not by its path: Pillow would map the file, and garble rotated TIFF files (as of 13.0).
        with path.open("rb") as file, Image.open(file, formats=known) as image:
            _check_size(path, image)
            yield image


def _check_size(path: Path, image: Any) -> None:
    # Of 16-bit colour both halves are decoded, and floats are made of the whole of them.
    check_size(image.width, image.height, path, samples=len(image.getbands()), itemsize=4)


_COMMON = ("PNG", "JPEG")
"""Formats that Pillow knows from the start."""

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def _register_heif(path: Path) -> None:
    """Have Pillow read HEIF files, or say what that needs."""
    try:
        import pillow_heif
    except ImportError:
        raise UsageError(f"{path} is an HEIF picture, which needs pillow-heif: {INSTALL}") from None
    pillow_heif.register_heif_opener()


def _seek(path: Path, image: Any, frame: int | None) -> tuple[str, ...]:
    """Go to one of the file's pictures; returns a note where others are left out."""
    count = getattr(image, "n_frames", 1)
    if image.format == "MPO" and frame is None:
        return ()  # a photograph; what follows are its previews and depth maps
    chosen, notes = which_frame(path, count, frame)
    if chosen:
        image.seek(chosen)
        _check_size(path, image)  # each has a size of its own
    return notes


_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
"""For each order of bytes the other one."""


def _low_bytes_mode(image: Any) -> str | None:
    """Return the raw mode that decodes the low bytes of 16-bit colour; None for other images.

    Pillow keeps only the high byte of such images, by a raw mode such as ``RGB;16B``
    (big-endian). The raw mode of the other byte order keeps the low byte instead.
    """
    if not image.tile:
        return None
    arguments = image.tile[0][3]
    raw = arguments if isinstance(arguments, str) else arguments[0]
    mode, _, depth = str(raw).partition(";16")
    if mode in ("RGB", "RGBA") and depth in _OTHER_BYTE:
        return f"{mode};16{_OTHER_BYTE[depth]}"
    if raw == "LA;16B" and image.mode == "RGBA":
        return "RGBA"  # the four bytes of a pixel: high and low of gray, high and low of alpha
    return None


def _deep_pixels(path: Path, image: Any) -> NDArray[np.uint16]:
    """Decode 16-bit colour twice, for the high and for the low bytes: (H, W, 2, 3 or 4)."""
    raw_mode = _low_bytes_mode(image)
    with _opened(path) as again:
        again.seek(image.tell())
        _check_size(path, again)
        tile = list(again.tile[0])
        arguments = tile[3]
        tile[3] = raw_mode if isinstance(arguments, str) else (raw_mode, *arguments[1:])
        again.tile = [type(again.tile[0])(*tile)]
        low = np.asarray(ImageOps.exif_transpose(again)).astype(np.uint16)
    if raw_mode == "RGBA":
        return np.asarray(low[..., 0::2] << 8 | low[..., 1::2])
    high = np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16)
    return np.asarray(high << 8 | low)
