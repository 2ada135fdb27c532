"""Conjugate gradients on a batch of images, each with its own steps and its own stop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

MOST_STEPS = 1000


def conjugate_gradients(
    apply: Callable[[Tensor], Tensor],
    b: Tensor,
    precondition: Callable[[Tensor], Tensor] = lambda r: r,
) -> Tensor:
    """Solve ``M w = b`` for each image of a batch, from ``w = 0``.

    Parameters
    ----------
    apply : callable
        ``w -> M w`` on batches (B, C, H, W), with M symmetric, positive definite and the
        same for each image.
    b : Tensor
        Shape (B, C, H, W).
    precondition : callable
        ``r -> about M^-1 r``, also symmetric and positive definite.

    Returns
    -------
    Tensor
        w, with a residual of at most 1e-6 (float32) or 1e-10 (float64) relative to b in each
        image, unless `MOST_STEPS` were not enough. An image gets the same w, up to rounding,
        whatever the others in its batch are.
    """
    goal = (1e-10 if b.dtype == torch.float64 else 1e-6) * _dot(b, b).sqrt()
    w, residual = torch.zeros_like(b), b
    direction = precondition(residual)
    product = _dot(residual, direction)
    for _ in range(MOST_STEPS):
        active = _dot(residual, residual).sqrt() > goal
        if not bool(active.any()):
            break
        image = apply(direction)
        step = torch.where(active, product / _dot(direction, image), 0)
        w = w + step * direction
        residual = residual - step * image
        z = precondition(residual)
        previous, product = product, _dot(residual, z)
        # An image that is done takes no more steps, and none of its 0/0 either.
        direction = z + torch.where(active, product / previous, 0) * direction
    return w


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner product of each image, shape (B, 1, 1, 1)."""
    return (a * b).sum((1, 2, 3), keepdim=True)
