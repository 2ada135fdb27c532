"""The libraries of metrics: whether they are there, which version, and images as they take them."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab.ground.extras import check_installed, prepare_torchvision

Image = NDArray[np.float32]


def check(library: str, needed_by: str) -> str:
    """Return how a specification names a library, or raise a `UsageError` if it is not there.

    It is one that imports torchvision, which is made to work.

    Examples
    --------
    >>> check("piq", "fsim").startswith("piq ")
    True
    """
    for module in (library, "torchvision"):
        check_installed(module, "metrics", needed_by)
    prepare_torchvision()
    return f"{library} {metadata.version(library)}"


def as_batch(image: Image, device: torch.device | None = None) -> Tensor:
    """Return an image (C, H, W) as a batch of one."""
    return torch.from_numpy(np.ascontiguousarray(image))[None].to(device)


def as_rgb(image: Image, device: torch.device | None = None) -> Tensor:
    """Return a gray or colour image as a batch of one with three channels.

    Examples
    --------
    >>> as_rgb(np.zeros((1, 4, 5), np.float32)).shape
    torch.Size([1, 3, 4, 5])
    """
    return as_batch(image, device).expand(1, 3, *image.shape[1:])
