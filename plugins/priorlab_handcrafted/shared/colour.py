"""Gray, RGB and other images, and the opponent colours of RGB.

Photographs have most of their detail in the first opponent colour, the luma.
"""

import torch
from torch import Tensor

OPPONENT = ((1, 1, 1), (1, 0, -1), (1, -2, 1))
"""Luma and two colour differences; with rows scaled to length one, white noise stays white."""


def gray_or_rgb(x: Tensor) -> Tensor:
    """Return images (B, C, H, W) with one or three channels as they are.

    Those with another number of channels become gray images, (B C, 1, H, W).
    """
    return x if x.shape[1] in (1, 3) else x.reshape(-1, 1, *x.shape[2:])


def to_opponent(x: Tensor) -> Tensor:
    """Return images (B, 3, H, W) in orthonormal opponent colours, and others as they are."""
    return _mix(x, _matrix(x)) if x.shape[1] == 3 else x


def from_opponent(x: Tensor) -> Tensor:
    """Return the inverse of `to_opponent`."""
    return _mix(x, _matrix(x).T) if x.shape[1] == 3 else x


def _matrix(x: Tensor) -> Tensor:
    matrix = torch.tensor(OPPONENT).to(x)
    return matrix / matrix.norm(dim=1, keepdim=True)


def _mix(x: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", matrix, x)
