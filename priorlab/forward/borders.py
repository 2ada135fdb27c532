"""How an image continues beyond its border, and how far a kernel looks there."""

from __future__ import annotations

import torch
from torch import Tensor


def reach(size: int) -> tuple[int, int]:
    """Return how far beyond the first and the last pixel a kernel's side reaches."""
    return (size - 1) // 2, size // 2


def mirrored(x: Tensor) -> Tensor:
    """Return the image with its mirror images to the right and below."""
    wide = torch.cat((x, x.flip(-1)), -1)
    return torch.cat((wide, wide.flip(-2)), -2)


def reflect(x: Tensor, before: int, after: int, dim: int) -> Tensor:
    """Add a border in which the image is mirrored: ``ba|abcd|dc``."""
    if not before and not after:
        return x
    first = x.narrow(dim, 0, before).flip(dim)
    last = x.narrow(dim, x.shape[dim] - after, after).flip(dim)
    return torch.cat((first, x, last), dim)


def fold(x: Tensor, before: int, after: int, dim: int) -> Tensor:
    """Add each pixel of the border to the one it mirrors: the adjoint of `reflect`."""
    length = x.shape[dim] - before - after
    inner = x.narrow(dim, before, length).clone()
    inner.narrow(dim, 0, before).add_(x.narrow(dim, 0, before).flip(dim))
    inner.narrow(dim, length - after, after).add_(x.narrow(dim, before + length, after).flip(dim))
    return inner
