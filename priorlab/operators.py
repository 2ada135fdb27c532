"""Linear operators A: forward, adjoint, and the quadratic solve that the solvers need."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

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

        Operators with a closed form override this; here it is conjugate gradients, started
        at `v`, to a relative residual of 1e-6 (float32) or 1e-10 (float64).
        """
        return _conjugate_gradients(self, self.adjoint(y) + rho * v, v, rho)

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
