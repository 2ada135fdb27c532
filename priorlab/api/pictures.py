"""How a picture comes in and how it goes out: its layout changes once each way.

Files are read as (C, H, W) and written from that. Users' arrays are (H, W) or (H, W, C).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from priorlab.errors import UsageError, kind, said
from priorlab.pictures import arrays, reading, writing
from priorlab.pictures.picture import Picture
from priorlab.pictures.stored import Stored, check_floats

PictureSource = str | Path | NDArray[Any] | torch.Tensor | Image.Image
"""A file, an array or tensor (H, W) or (H, W, C), float in [0, 1], 8-bit or 16-bit, or an image of
Pillow in gray or RGB."""

MOST_COLOURS = 4
"""So many channels have arrays whose layout needs no word: gray, RGB, and opacity."""


def load(image: PictureSource) -> Picture:
    """Return a file or array as a picture, with what is known of it.

    Raises
    ------
    UsageError
        If it cannot be read, is too small, or is not an image.

    Examples
    --------
    >>> load("photo.png").image.shape, load(np.zeros((32, 40))).image.shape
    ((3, 32, 40), (1, 32, 40))
    """
    picture = reading.load(image) if isinstance(image, str | Path) else _of_array(_array(image))
    channels, height, width = picture.image.shape
    if min(height, width) < arrays.SMALLEST_SIDE:
        least = f"{arrays.SMALLEST_SIDE}x{arrays.SMALLEST_SIDE}"
        first = min(channels, width) >= arrays.SMALLEST_SIDE
        hint = "; if its channels come first, move them to the end: (H, W, C)" if first else ""
        raise UsageError(f"{picture.name} is {width}x{height} pixels; the least is {least}{hint}")
    return picture


def _array(image: Any) -> NDArray[Any]:
    """Return what a user gives for an image as an array, if that loses nothing."""
    try:
        return _of_tensor(image) if isinstance(image, torch.Tensor) else _of_any(image)
    except UsageError:
        raise
    except Exception as error:  # of a closed file, rows of different lengths, a class of its own
        raise UsageError(
            f"the image is no array of numbers: {kind(error)}: {said(error).partition(chr(10))[0]}"
        ) from None


def _of_tensor(image: torch.Tensor) -> NDArray[Any]:
    if image.is_meta:
        raise UsageError("a tensor on the device 'meta' has no values: it is no image")
    if image.layout != torch.strided or image.is_quantized:
        hint = "dequantize" if image.is_quantized else "to_dense"
        raise UsageError(f"an image is a plain tensor; give what its .{hint}() returns")
    image = image.detach().cpu().resolve_neg().resolve_conj()
    return np.asarray(image.float() if image.is_floating_point() else image)


def _of_any(image: Any) -> NDArray[Any]:
    if isinstance(image, Image.Image):
        if image.mode not in ("L", "RGB") or "transparency" in image.info:
            what = image.mode + " with a transparent colour" * ("transparency" in image.info)
            raise UsageError(
                f"an image of Pillow is in mode L or RGB, not {what}; convert it, or give the"
                " path of its file"
            )
        return np.asarray(ImageOps.exif_transpose(image))
    if isinstance(image, np.ma.MaskedArray):
        raise UsageError("a masked array is no image: name what is missing by inpaint:mask=FILE")
    array = np.asarray(image)
    if array.ndim == 0:
        raise UsageError(
            "an image is a path, an image of Pillow, or an array or tensor of shape (H, W) or"
            f" (H, W, C), not {type(image).__name__}"
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _of_array(array: NDArray[Any]) -> Picture:
    """Return a user's array as a picture; opacity is nothing that arrays say of a channel."""
    arrays.check_user(array)
    picture = Stored(pixels=array.reshape(*array.shape[:2], -1)).picture(None)
    check_floats(picture.image, picture.name)
    channels, height, width = picture.image.shape
    if channels > max(MOST_COLOURS, height):
        note = f"the array is taken for {width}x{height} pixels with {channels} channels"
        picture = dataclasses.replace(picture, notes=(*picture.notes, f"{note}, which come last"))
    return picture


def to_array(image: torch.Tensor) -> NDArray[np.float32]:
    """Return a tensor (1, C, H, W) as an array (H, W) or (H, W, C).

    Examples
    --------
    >>> to_array(torch.zeros(1, 3, 32, 40)).shape, to_array(torch.zeros(1, 1, 32, 40)).shape
    ((32, 40, 3), (32, 40))
    """
    return arrays.to_user(arrays.from_tensor(image))


def write(path: Path, image: torch.Tensor, like: Picture | None = None) -> tuple[str, ...]:
    """Write a tensor (1, C, H, W) as `priorlab.pictures.writing.write` does; returns its notes.

    Examples
    --------
    >>> write(Path("gray.png"), torch.full((1, 1, 32, 40), 0.5))
    ()
    >>> load("gray.png").image.shape
    (1, 32, 40)
    """
    return writing.write(path, arrays.from_tensor(image), like)
