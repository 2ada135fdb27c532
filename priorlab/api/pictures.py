"""How a picture comes in and how it goes out: its layout changes once each way.

Files are read as (C, H, W) and written from that. Users' arrays are (H, W) or (H, W, C).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.pictures import arrays, reading, writing

PictureSource = str | Path | NDArray[Any]
"""A file, or an array (H, W) or (H, W, C): float in [0, 1], 8-bit or 16-bit."""


def load(image: PictureSource) -> NDArray[np.float32]:
    """Return a file or array as float32 (C, H, W) in [0, 1].

    Raises
    ------
    UsageError
        If it cannot be read, is too small, or is not an image.

    Examples
    --------
    >>> load("photo.png").shape, load(np.zeros((32, 40))).shape
    ((3, 32, 40), (1, 32, 40))
    """
    if isinstance(image, str | Path):
        data, where = reading.read(image), str(image)
    else:
        data, where = arrays.from_user(np.asarray(image)), "the array"
    if min(data.shape[1:]) < arrays.SMALLEST_SIDE:
        height, width = data.shape[1:]
        least = f"{arrays.SMALLEST_SIDE}x{arrays.SMALLEST_SIDE}"
        raise UsageError(f"{where} is {width}x{height} pixels; the least is {least}")
    return data


def to_array(image: torch.Tensor) -> NDArray[np.float32]:
    """Return a tensor (1, C, H, W) as an array (H, W) or (H, W, C).

    Examples
    --------
    >>> to_array(torch.zeros(1, 3, 32, 40)).shape, to_array(torch.zeros(1, 1, 32, 40)).shape
    ((32, 40, 3), (32, 40))
    """
    return arrays.to_user(arrays.from_tensor(image))


def write(path: Path, image: torch.Tensor) -> None:
    """Write a tensor (1, C, H, W), with as many bits as the format allows.

    Examples
    --------
    >>> write(Path("gray.png"), torch.full((1, 1, 32, 40), 0.5))
    >>> load("gray.png").shape
    (1, 32, 40)
    """
    writing.write(path, arrays.from_tensor(image))
