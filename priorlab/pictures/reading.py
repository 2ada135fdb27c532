"""Read image files to float32 arrays (C, H, W), without losing precision.

The rules, each of them the least surprising one:

- White is 1. It is stored as 255 in 8 bits, 65535 in 16, and as what a file declares; counts of
  a camera, 10 to 14 bits in 16, are found by their range (`priorlab.pictures.levels`).
- Gray files (1 to 16 bits) give one channel. Colour files give three, also where the channels
  are equal: as stored. Palettes are colour; CMYK, CIELab and YCbCr are converted to RGB.
- A NumPy file holds an array (H, W) or (H, W, C), and gives C channels; booleans, and
  integers of other kinds that are all 0 or 1, are black and white. The further samples of
  a TIFF file are channels, too, unless it says that they are opacity.
- `load` gives colours and opacity apart, `read` shows what is transparent on white.
- The orientation that a camera noted in the file is applied. Colour profiles are not.
- Of a file with several pictures the first is read, or the one with the number in brackets:
  ``scan.tif[2]`` is the third. Thumbnails do not count.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from priorlab.errors import UsageError
from priorlab.ground.files import other_than_file
from priorlab.pictures import arrays, formats, levels, reading_pillow, reading_raw, reading_tiff
from priorlab.pictures.formats import KINDS, MOST_PIXELS, check_size
from priorlab.pictures.picture import Picture
from priorlab.pictures.stored import Stored, check_floats


def load(path: str | os.PathLike[str], white: int | None = None) -> Picture:
    """Read an image file of any size, with what it says about its picture.

    Parameters
    ----------
    path : path
        As `read` takes it.
    white : int, optional
        The number that is white, where it is known from other files of the same origin; what
        the file itself declares goes first.

    Returns
    -------
    Picture
        Floats are within [-1, 2].

    Raises
    ------
    UsageError
        If the file is missing, no image, damaged, too large, of an unknown kind of pixel, or
        a float image with values that are not finite or far from [0, 1].

    Examples
    --------
    >>> load("photo.png").image.shape
    (3, 32, 40)
    """
    named = Path(path)
    place, frame = formats.split_frame(named)
    picture = _stored(place, frame).picture(named, white)
    check_floats(picture.image, str(named))
    return picture


def read(path: str | os.PathLike[str], white: int | None = None) -> NDArray[np.float32]:
    """Read the pixels of an image file of any size, shown on white.

    Parameters
    ----------
    path : path
        A file of one of the `formats.KINDS`; the content decides, not the suffix.
    white : int, optional
        The number that is white, where it is known from other files of the same origin; what
        the file itself declares goes first.

    Returns
    -------
    ndarray of float32, shape (C, H, W)
        In [0, 1]; C = 1 is gray, 3 is RGB.

    Raises
    ------
    UsageError
        As `load` raises it, and for values that are not in [0, 1].

    Examples
    --------
    >>> from priorlab.pictures import datasets
    >>> read(datasets.load("photos").images[0].path).shape
    (3, 256, 256)
    """
    return shown(load(path, white))


def shown(picture: Picture) -> NDArray[np.float32]:
    """Return the pixels of a picture that was loaded, as `read` does.

    Examples
    --------
    >>> shown(load("photo.png")).shape
    (3, 32, 40)
    """
    if picture.quantum:  # noise that was added to counts may exceed white, but not for long
        np.clip(picture.image, 0, 1, out=picture.image)
    arrays.check_values(picture.image, picture.name)
    return picture.on_white()


def numbers(path: str | os.PathLike[str]) -> NDArray[np.signedinteger] | None:
    """Return the different numbers in a file of 16 bits that does not declare its white.

    Returns
    -------
    array of shape (N,) or None
        Rising; None for any other file.

    Examples
    --------
    >>> numbers("photo.png") is None
    True
    """
    stored = _stored(*formats.split_frame(Path(path)))
    if stored.declared() or stored.bits:
        return None
    return levels.distinct(stored.pixels)


def _stored(path: Path, frame: int | None) -> Stored:
    """Return what a file holds, or say what is wrong with it."""
    if other := other_than_file(path):
        raise UsageError(f"{path} is {other}, not an image file")
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if not start:
        raise UsageError(f"{path} is an empty file, not an image")
    try:
        return _decoder(path, start)(path, frame)
    except UsageError:
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise UsageError(f"{path} is too large; the most is {MOST_PIXELS} pixels") from None
    except UnidentifiedImageError:
        if found := formats.begins_as(start):
            raise UsageError(
                f"{path} is damaged or cut short: it begins as a {found} file and goes on otherwise"
            ) from None
        raise UsageError(f"{path} is not an image that can be read ({KINDS})") from None
    except Exception as error:  # decoders raise anything at all on damaged bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path} is damaged or cut short: {reason}") from None


def _decoder(path: Path, start: bytes) -> Callable[[Path, int | None], Stored]:
    """Return what decodes a file that begins in some way."""
    if path.suffix.lower() in formats.RAW_SUFFIXES:
        return reading_raw.decode
    if start.startswith(npy.MAGIC_PREFIX):
        return _decode_numpy
    return reading_tiff.decode if start.startswith(reading_tiff.MAGIC) else reading_pillow.decode


def _decode_numpy(path: Path, frame: int | None) -> Stored:
    """Decode a .npy file; it is mapped first, so that a large one is refused without being read."""
    formats.which_frame(path, 1, frame)
    if 0 in (shape := _numpy_shape(path)):  # which cannot be mapped
        raise UsageError(f"{path} is empty: the shape of its array is {shape}")
    pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    if pixels.ndim not in (2, 3):
        raise UsageError(f"{path} has shape {pixels.shape}; expected (H, W) or (H, W, C)")
    height, width, *samples = pixels.shape
    size = pixels.dtype.itemsize
    check_size(width, height, path, samples=math.prod(samples), itemsize=size)
    # Not compared with numpy's own types: files may have either order of bytes.
    if pixels.dtype.kind != "f" and (pixels.dtype.kind, size) not in (("u", 1), ("u", 2)):
        if pixels.dtype.kind in "biu" and ((pixels == 0) | (pixels == 1)).all():
            two = np.where(pixels, np.uint8(255), np.uint8(0))
            return Stored(pixels=two.reshape(height, width, -1), bits=1)
        raise UsageError(
            f"{path} stores {pixels.dtype} values; expected uint8, uint16, floats or booleans"
        )
    native = pixels.astype(pixels.dtype.newbyteorder("="))
    return Stored(pixels=native.reshape(height, width, -1))


def _numpy_shape(path: Path) -> tuple[int, ...]:
    """Return the shape that the header of a .npy file has; nothing for versions without images."""
    with path.open("rb") as file:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        return read(file)[0] if read else ()
