"""Linear operators A: forward, adjoint, and the quadratic solve that the solvers need.

Blur and decimation are in `priorlab.forward.convolution`.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor

from priorlab.forward.conjugate_gradients import conjugate_gradients, norm
from priorlab.forward.interpolation import fill_missing

Shape = tuple[int, int, int, int]


class LinearOperator(ABC):
    """A linear map from images (B, C, H, W) to data (B, C, h, w), the same for each image.

    Every operator passes the adjoint test ``<A x, y> = <x, A^T y>`` and works in float32 and
    float64, on the device of the tensors it holds (see `to`).
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return ``A x``."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """Return ``A^T y``."""

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return argmin over x of ``1/2 |A x - y|^2 + rho/2 |x - v|^2``, with ``rho > 0``.

        The minimiser is ``v + A^T w`` with ``(A A^T + rho) w = y - A v``. Operators with a
        closed form override this; here w is found by conjugate gradients, in each image to a
        residual of 1e-6 (float32) or 1e-10 (float64) of ``|y| + |A v|``.
        """
        predicted = self.forward(v)
        w = conjugate_gradients(
            lambda w: self.forward(self.adjoint(w)) + rho * w,
            y - predicted,
            scale=norm(y) + norm(predicted),
        )
        return v + self.adjoint(w)

    def initial(self, y: Tensor, shape: Shape) -> Tensor:
        """Return an image of `shape` made from `y` without any prior (may leave [0, 1])."""
        if y.shape != shape:
            raise ValueError(f"{type(self).__name__} must define initial(): {y.shape} != {shape}")
        return y

    def to(self, device: torch.device | str) -> LinearOperator:
        """Return the same operator with its tensors on `device`."""
        return self


class Identity(LinearOperator):
    """A = I: denoising."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`."""
        return x

    def adjoint(self, y: Tensor) -> Tensor:
        """Return `y`."""
        return y

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return the weighted mean of `y` and `v`."""
        return (y + rho * v) / (1 + rho)


class Mask(LinearOperator):
    """A = diag(mask): inpainting. The data have the image's shape, 0 where pixels miss.

    Parameters
    ----------
    mask : Tensor
        Shape (1, 1, H, W), or (1, C, H, W) for a mask that differs between channels: 1 where
        a pixel is known, 0 where it is missing.
    """

    def __init__(self, mask: Tensor) -> None:
        if mask.ndim != 4 or mask.shape[0] != 1 or not bool(((mask == 0) | (mask == 1)).all()):
            raise ValueError(f"expected a mask (1, 1 or C, H, W) of 0 and 1, not {mask.shape}")
        self.mask = mask

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` with the missing pixels set to 0."""
        return x * self.mask.to(x.dtype)

    def adjoint(self, y: Tensor) -> Tensor:
        """Return `y` with the missing pixels set to 0."""
        return y * self.mask.to(y.dtype)

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return the weighted mean of `y` and `v` at known pixels, `v` at missing ones."""
        mask = self.mask.to(y.dtype)
        return (mask * y + rho * v) / (mask + rho)

    def initial(self, y: Tensor, shape: Shape) -> Tensor:
        """Return `y` with the missing pixels interpolated from the known ones around them."""
        return fill_missing(y, self.mask)

    def to(self, device: torch.device | str) -> Self:
        """Return the same operator with its mask on `device`."""
        moved = copy.copy(self)
        moved.mask = self.mask.to(device)
        return moved
