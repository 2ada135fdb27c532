"""How a picture comes in and how it goes out: its layout changes once each way.

Files are read as (C, H, W) and written from that. Users' arrays are (H, W) or (H, W, 3).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.pictures import images

Picture = str | Path | NDArray[Any]
"""A file, or an array (H, W) or (H, W, 3): float in [0, 1], 8-bit or 16-bit."""


def load(image: Picture) -> NDArray[np.float32]:
    """Return a file or array as float32 (C, H, W) in [0, 1].

    Raises
    ------
    UsageError
        If it cannot be read, is too small, or is not an image.
    """
    if isinstance(image, str | Path):
        data, where = images.read(image), str(image)
    else:
        data, where = _from_array(np.asarray(image)), "the array"
    if min(data.shape[1:]) < images.SMALLEST_SIDE:
        height, width = data.shape[1:]
        least = f"{images.SMALLEST_SIDE}x{images.SMALLEST_SIDE}"
        raise UsageError(f"{where} is {width}x{height} pixels; the least is {least}")
    return data


def to_array(image: torch.Tensor) -> NDArray[np.float32]:
    """Return a tensor (1, C, H, W) as an array (H, W) or (H, W, 3)."""
    array = images.from_tensor(image)
    return array[0] if len(array) == 1 else np.ascontiguousarray(array.transpose(1, 2, 0))


def write(path: Path, image: torch.Tensor) -> None:
    """Write a tensor (1, C, H, W), with 16 bits where the format allows it."""
    deep = path.suffix.lower() in (".tif", ".tiff")
    images.write(path, images.from_tensor(image), bits=16 if deep else 8)


def _from_array(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return an array (H, W) or (H, W, 3) as (C, H, W), scaled to [0, 1]."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        raise UsageError(f"an image array has shape (H, W) or (H, W, 3), not {array.shape}")
    if array.dtype == np.uint8 or array.dtype == np.uint16:
        scaled = array.astype(np.float32) / np.iinfo(array.dtype).max
    elif np.issubdtype(array.dtype, np.floating):
        scaled = array.astype(np.float32)
    else:
        raise UsageError(f"an image array is float in [0, 1], uint8 or uint16, not {array.dtype}")
    if not np.isfinite(scaled).all():
        raise UsageError("the image array holds NaN or infinite values")
    if scaled.size and (scaled.min() < -1 or scaled.max() > 2):
        raise UsageError(
            f"an image array of floats lies in about [0, 1], not in "
            f"[{scaled.min():g}, {scaled.max():g}]; divide by 255?"
        )
    return np.ascontiguousarray(scaled[None] if scaled.ndim == 2 else scaled.transpose(2, 0, 1))
