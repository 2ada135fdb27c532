"""Conjugate gradients on a batch of images, each with its own steps and its own stop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MOST_STEPS = 1000


def conjugate_gradients(apply: Callable[[Tensor], Tensor], b: Tensor, scale: Tensor) -> Tensor:
    """Solve ``M w = b`` for each image of a batch, from ``w = 0``.

    Parameters
    ----------
    apply : callable
        ``w -> M w`` on batches (B, C, H, W), with M symmetric, positive definite and the
        same for each image.
    b : Tensor
        Shape (B, C, H, W).
    scale : Tensor
        Shape (B, 1, 1, 1): the residual's norm is to be at most 1e-6 (float32) or 1e-10
        (float64) of it in each image.

    Returns
    -------
    Tensor
        w, as good as `MOST_STEPS` allow. An image gets the same w, up to rounding, whatever
        the others in its batch are.
    """
    goal = (1e-10 if b.dtype == torch.float64 else 1e-6) * scale
    w, residual, direction = torch.zeros_like(b), b, b
    square = _dot(residual, residual)
    for _ in range(MOST_STEPS):
        active = square.sqrt() > goal
        if not bool(active.any()):
            break
        image = apply(direction)
        step = torch.where(active, square / _dot(direction, image), 0)
        w = w + step * direction
        residual = residual - step * image
        previous, square = square, _dot(residual, residual)
        # An image that is done takes no more steps, and none of its 0/0 either.
        direction = residual + torch.where(active, square / previous, 0) * direction
    return w


def norm(x: Tensor) -> Tensor:
    """Return the Euclidean norm of each image, shape (B, 1, 1, 1)."""
    return _dot(x, x).sqrt()


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner product of each image, shape (B, 1, 1, 1)."""
    return (a * b).sum((1, 2, 3), keepdim=True)
