"""The fixed inputs z of the networks."""

from __future__ import annotations

import torch
from torch import Tensor

COORDINATES = 2
"""Channels of `meshgrid`."""


def noise(channels: int, height: int, width: int) -> Tensor:
    """Return uniform noise between 0 and 0.1, shape (1, channels, height, width)."""
    return torch.rand(1, channels, height, width) / 10


def meshgrid(height: int, width: int) -> Tensor:
    """Return the coordinates of the pixels, each from 0 to 1: shape (1, 2, height, width)."""
    across = torch.linspace(0, 1, width).expand(height, width)
    down = torch.linspace(0, 1, height)[:, None].expand(height, width)
    return torch.stack([across, down])[None]
