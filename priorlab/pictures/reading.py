"""Read image files to float32 arrays (C, H, W) in [0, 1], without losing precision.

The rules, each of them the least surprising one:

- 8-bit values are divided by 255, 16-bit values by 65535, floats must already be in [0, 1].
- Gray files (1 to 16 bits) give one channel. Colour files give three, also where the channels
  are equal: as stored. Palettes are colour, CMYK and YCbCr are converted to RGB.
- A NumPy file holds an array (H, W) or (H, W, C), and gives C channels. The further samples of
  a TIFF file are channels, too, unless it says that they are opacity.
- What is transparent is shown on white; a fully opaque alpha channel changes nothing.
- The orientation that a camera noted in the file is applied. Colour profiles are not.
- Of a file with several pages the first is read.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from priorlab.errors import UsageError
from priorlab.pictures import arrays, reading_pillow, reading_tiff
from priorlab.pictures.formats import KINDS, MOST_PIXELS, check_size


def read(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Read an image file of any size.

    Parameters
    ----------
    path : path
        A PNG, JPEG, TIFF, BMP, WebP or NumPy file; the content decides, not the suffix.

    Returns
    -------
    ndarray of float32, shape (C, H, W)
        In [0, 1]; C = 1 is gray, 3 is RGB.

    Raises
    ------
    UsageError
        If the file is missing, no image, damaged, too large, of an unknown kind of pixel, or
        a float image with values that are not finite or not in [0, 1].

    Examples
    --------
    >>> from priorlab.pictures import datasets
    >>> read(datasets.load("photos").images[0].path).shape
    (3, 256, 256)
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC_PREFIX))
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder, not an image file") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if not start:
        raise UsageError(f"{path} is an empty file, not an image")
    try:
        if start.startswith(reading_tiff.MAGIC):
            pixels = reading_tiff.decode(path)
        elif start == MAGIC_PREFIX:
            pixels = _decode_numpy(path)
        else:
            pixels = reading_pillow.decode(path)
    except UsageError:
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise UsageError(f"{path} is too large; the most is {MOST_PIXELS} pixels") from None
    except UnidentifiedImageError:
        raise UsageError(f"{path} is not an image that can be read ({KINDS})") from None
    except Exception as error:  # decoders raise anything at all on damaged bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path} is damaged or cut short: {reason}") from None
    arrays.check_values(pixels, str(path))
    return pixels


def _decode_numpy(path: Path) -> NDArray[np.float32]:
    """Decode a .npy file; it is mapped first, so that a large one is refused without being read."""
    pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    if pixels.ndim not in (2, 3):
        raise UsageError(f"{path} has shape {pixels.shape}; expected (H, W) or (H, W, C)")
    check_size(pixels.shape[1], pixels.shape[0], path)
    # Not compared with numpy's own types: files may have either order of bytes.
    if pixels.dtype.kind != "f" and (pixels.dtype.kind, pixels.dtype.itemsize) not in (
        ("u", 1),
        ("u", 2),
    ):
        raise UsageError(f"{path} stores {pixels.dtype} values; expected uint8, uint16 or floats")
    return arrays.from_pixels(pixels)
