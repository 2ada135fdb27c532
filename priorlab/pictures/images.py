"""Images: files to float32 arrays (C, H, W) in [0, 1] and back, without losing precision.

The rules for reading, each of them the least surprising one:

- 8-bit values are divided by 255, 16-bit values by 65535, floats must already be in [0, 1].
- Gray files (1 to 16 bits) give one channel. Colour files give three, also where the channels
  are equal: as stored. Palettes are colour, CMYK and YCbCr are converted to RGB.
- What is transparent is shown on white; a fully opaque alpha channel changes nothing.
- The orientation that a camera noted in the file is applied. Colour profiles are not.
- Of a file with several pages the first is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from priorlab.errors import UsageError
from priorlab.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST_SIDE = 16
"""Images that are restored or measured have at least this many rows and columns."""

MOST_PIXELS = 2**26
"""Files with more pixels are refused before they are decoded: 8192 x 8192."""

SUFFIXES: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ".bmp": ("BMP", {}),
    ".webp": ("WEBP", {"lossless": True}),
}
"""Suffixes that are read and written: Pillow's name of the format, options for writing."""

_READ_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
_KINDS = "PNG, JPEG, TIFF, BMP or WebP"
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}

# Otherwise Python prints the details of damaged files that tifffile logs.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def read(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Read an image file of any size.

    Parameters
    ----------
    path : path
        A PNG, JPEG, TIFF, BMP or WebP file; the content decides, not the suffix.

    Returns
    -------
    ndarray of float32, shape (C, H, W)
        In [0, 1], with C = 1 (gray) or 3 (RGB).

    Raises
    ------
    UsageError
        If the file is missing, no image, damaged, too large, of an unknown kind of pixel, or
        a float image with values that are not finite or not in [0, 1].
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder, not an image file") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if not magic:
        raise UsageError(f"{path} is an empty file, not an image")
    try:
        pixels = _read_tiff(path) if magic in _TIFF_MAGIC else _read_pillow(path)
    except UsageError:
        raise
    except (Image.DecompressionBombError, MemoryError):
        raise UsageError(f"{path} is too large; the most is {MOST_PIXELS} pixels") from None
    except UnidentifiedImageError:
        raise UsageError(f"{path} is not an image that can be read ({_KINDS})") from None
    except Exception as error:  # decoders raise anything at all on damaged bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path} is damaged or cut short: {reason}") from None
    _check_values(pixels, str(path))
    return pixels


def write(path: str | os.PathLike[str], image: ArrayLike, bits: int = 8) -> None:
    """Write an image; the file appears complete or not at all.

    Parameters
    ----------
    path : path
        Its suffix decides the format: see `SUFFIXES`. An existing file is replaced.
    image : array of float, shape (C, H, W)
        C = 1 or 3. Values are clipped to [0, 1] and rounded to the nearest level.
    bits : int
        8, or 16 for a TIFF file.

    Raises
    ------
    UsageError
        For an unknown suffix, values that are not finite, or a file that cannot be written.
    """
    path = Path(path)
    check_writable(path)
    kind, options = SUFFIXES[path.suffix.lower()]
    if bits not in (8, 16) or (bits == 16 and kind != "TIFF"):
        raise UsageError(f"cannot write {path} with {bits} bits: 8 bits, or 16 in a .tif file")
    values = np.asarray(image, dtype=np.float32)
    _check_shape(values, f"the image for {path}")
    if not np.isfinite(values).all():
        raise UsageError(f"cannot write {path}: the image has values that are not finite")
    levels = np.rint(np.clip(values, 0, 1) * np.float32(2**bits - 1))
    pixels = levels.astype(np.uint8 if bits == 8 else np.uint16).transpose(1, 2, 0)
    pixels = np.ascontiguousarray(pixels[..., 0] if len(values) == 1 else pixels)
    buffer = io.BytesIO()
    if bits == 16:
        photometric = "minisblack" if len(values) == 1 else "rgb"
        tifffile.imwrite(
            buffer, pixels, photometric=photometric, compression="zlib", predictor=2, metadata=None
        )
    else:
        Image.fromarray(pixels).save(buffer, format=kind, **options)
    write_atomically(path, buffer.getvalue())


def check_writable(
    path: str | os.PathLike[str], suffixes: Collection[str] = tuple(SUFFIXES)
) -> None:
    """Find out early that a file cannot be written, before hours of work lead up to it.

    Raises
    ------
    UsageError
        For a suffix that is not one of `suffixes`, or a folder that does not exist or is
        read-only.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"cannot write {path}: the suffix is not one of {', '.join(suffixes)}")
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"cannot write {path}: the folder {path.parent} is read-only")


def digest(image: NDArray[np.float32]) -> str:
    """Return the SHA-256 over shape and values, as hexadecimal digits.

    Files of different formats that hold the same picture have the same digest.
    """
    values = np.ascontiguousarray(image, dtype="<f4")
    sha = hashlib.sha256(repr(values.shape).encode())
    sha.update(values.data)
    return sha.hexdigest()


def check(image: ArrayLike, where: str) -> NDArray[np.float32]:
    """Return an image that is fit to be restored or measured, as float32.

    Parameters
    ----------
    image : array, shape (C, H, W)
        C = 1 or 3, values in [0, 1], at least `SMALLEST_SIDE` rows and columns.
    where : str
        What the image is, for the error: its path, or "the image".

    Raises
    ------
    UsageError
        If shape or values are not as described.
    """
    values = np.asarray(image)
    if values.dtype.kind != "f":
        raise UsageError(f"{where} has {values.dtype} values; expected floats in [0, 1]")
    values = values.astype(np.float32, copy=False)
    _check_shape(values, where)
    height, width = values.shape[1:]
    if min(height, width) < SMALLEST_SIDE:
        least = f"{SMALLEST_SIDE}x{SMALLEST_SIDE}"
        raise UsageError(f"{where} is {width}x{height} pixels; the smallest image is {least}")
    _check_values(values, where)
    return values


def luma(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the luma Y of ITU-R BT.601 on its studio range, as super-resolution papers use it.

    ``Y = (65.481 R + 128.553 G + 24.966 B + 16) / 255`` for RGB in [0, 1]: black is 16/255 and
    white 235/255. A gray image is returned as it is, on its full range: the same convention
    as those papers, whose gray test images are never converted.

    Parameters
    ----------
    image : ndarray, shape (C, H, W)
        In [0, 1]; C = 1 or 3.

    Returns
    -------
    ndarray, shape (1, H, W)
    """
    if len(image) == 1:
        return image
    weights = np.array([65.481, 128.553, 24.966], dtype=image.dtype)
    luminance = np.tensordot(weights, image, axes=1) + image.dtype.type(16)
    return np.asarray(luminance / image.dtype.type(255))[None]


def to_tensor(image: NDArray[np.float32]) -> Tensor:
    """Return an image (C, H, W) as a float32 tensor (1, C, H, W) with memory of its own."""
    import torch

    return torch.from_numpy(np.array(image, dtype=np.float32))[None]


def from_tensor(image: Tensor) -> NDArray[np.float32]:
    """Return a tensor (1, C, H, W) on any device as a float32 array (C, H, W).

    The array may share the tensor's memory.
    """
    values: NDArray[np.float32] = image.detach().squeeze(0).float().cpu().numpy()
    return values


def _read_pillow(path: Path) -> NDArray[np.float32]:
    """Decode with Pillow, which handles everything but deep TIFF files."""
    with _opened(path) as image:
        if _low_bytes_mode(image) is not None:
            return _float(_deep_pixels(path, image), alpha=image.mode == "RGBA")
        image = ImageOps.exif_transpose(image)
        if image.mode in ("I;16", "I;16L", "I;16B") or (image.mode, image.format) == ("I", "PNG"):
            return _float(np.asarray(image).astype(np.uint16), alpha=False)
        if image.mode == "F":
            return _float(np.asarray(image), alpha=False)
        if image.mode not in _MODES:
            raise UsageError(f"{path} has pixels of a kind that is not supported: {image.mode}")
        mode = _MODES[image.mode]
        if "transparency" in image.info and mode in ("L", "RGB"):
            mode = "RGBA" if mode == "RGB" else "LA"
        return _float(np.asarray(image.convert(mode)), alpha=mode.endswith("A"))


_MODES = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "P": "RGB",
    "PA": "RGBA",
    "RGB": "RGB",
    "RGBX": "RGB",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
    "CMYK": "RGB",
    "YCbCr": "RGB",
}
"""For each 8-bit mode of Pillow the one that it is converted to."""


@contextlib.contextmanager
def _opened(path: Path) -> Any:
    """Open with Pillow, refusing files that are too large before they are decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on metadata; what is wrong with pixels is an error
        # Not by its path: Pillow would map the file, and garble rotated TIFF files (as of 13.0).
        with path.open("rb") as file, Image.open(file, formats=_READ_FORMATS) as image:
            _check_size(image.width, image.height, path)
            yield image


def _low_bytes_mode(image: Any) -> str | None:
    """Return the raw mode that decodes the low bytes of 16-bit colour; None for other images.

    Pillow keeps only the high byte of such images, by a raw mode such as ``RGB;16B``
    (big-endian). The raw mode of the other byte order keeps the low byte instead.
    """
    if not image.tile:
        return None
    arguments = image.tile[0][3]
    raw = arguments if isinstance(arguments, str) else arguments[0]
    mode, _, depth = raw.partition(";16")
    if mode in ("RGB", "RGBA") and depth in _OTHER_BYTE:
        return f"{mode};16{_OTHER_BYTE[depth]}"
    if raw == "LA;16B" and image.mode == "RGBA":
        return "RGBA"  # the four bytes of a pixel: high and low of gray, high and low of alpha
    return None


def _deep_pixels(path: Path, image: Image.Image) -> NDArray[Any]:
    """Decode 16-bit colour twice, for the high and for the low bytes: (H, W, 2, 3 or 4)."""
    raw_mode = _low_bytes_mode(image)
    with _opened(path) as again:
        tile = list(again.tile[0])
        arguments = tile[3]
        tile[3] = raw_mode if isinstance(arguments, str) else (raw_mode, *arguments[1:])
        again.tile = [type(again.tile[0])(*tile)]
        low = np.asarray(ImageOps.exif_transpose(again)).astype(np.uint16)
    if raw_mode == "RGBA":
        return low[..., 0::2] << 8 | low[..., 1::2]
    high = np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16)
    return high << 8 | low


def _read_tiff(path: Path) -> NDArray[np.float32]:
    """Decode with tifffile where pixels are deeper than 8 bits, else with Pillow."""
    with tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        _check_size(page.imagewidth, page.imagelength, path)
        if page.bitspersample <= 8:
            return _read_pillow(path)
        kind = page.dtype.kind if page.dtype else "?"
        if kind != "f" and (kind, page.bitspersample) != ("u", 16):
            stored = f"{page.bitspersample}-bit {page.dtype}"
            raise UsageError(f"{path} stores {stored} values; expected 8 or 16 bits or floats")
        try:
            pixels = page.asarray()
        except ValueError as error:  # a compression that only Pillow's libtiff knows, as LZW
            if "imagecodecs" not in str(error):
                raise
            return _read_pillow(path)
        samples = page.samplesperpixel
        if page.planarconfig == 2 and samples > 1:
            pixels = np.moveaxis(pixels, 0, -1)
        name = page.photometric.name
        colours = {"MINISBLACK": 1, "MINISWHITE": 1, "RGB": 3}.get(name, 0)
        if not colours or samples < colours:
            raise UsageError(f"{path} stores {name} colours; expected gray or RGB")
        alpha = tuple(page.extrasamples)[:1] in ((1,), (2,))
        orientation = page.tags.get(274)
    pixels = pixels.reshape(*pixels.shape[:2], samples)[..., : colours + alpha]
    pixels = _oriented(pixels, orientation.value if orientation else 1)
    if name == "MINISWHITE":
        white = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
        pixels = white - pixels
    return _float(pixels, alpha=alpha)


def _oriented(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored rows and columns (H, W, C) upright by the TIFF tag, which counts from 1."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _float(pixels: NDArray[Any], alpha: bool) -> NDArray[np.float32]:
    """Scale (H, W) or (H, W, C) pixels to [0, 1], put alpha on white, and order (C, H, W)."""
    if pixels.dtype.kind == "u":
        image = pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    else:
        image = pixels.astype(np.float32)
    image = image.reshape(*image.shape[:2], -1)
    if alpha:
        opacity = image[..., -1:]
        image = image[..., :-1] * opacity + (1 - opacity)
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def _check_size(width: int, height: int, path: Path) -> None:
    if width * height > MOST_PIXELS:
        raise UsageError(
            f"{path} is {width}x{height} pixels, too large; the most is {MOST_PIXELS} pixels"
        )


def _check_shape(image: NDArray[np.float32], where: str) -> None:
    if image.ndim != 3 or image.shape[0] not in (1, 3) or image.size == 0:
        raise UsageError(f"{where} has shape {image.shape}; expected (1 or 3, height, width)")


def _check_values(image: NDArray[np.float32], where: str) -> None:
    if not np.isfinite(image).all():
        raise UsageError(f"{where} has values that are not finite (NaN or infinity)")
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 1:
        raise UsageError(f"{where} has values from {low:g} to {high:g}; expected [0, 1]")
