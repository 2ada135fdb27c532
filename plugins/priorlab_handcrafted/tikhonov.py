"""Tikhonov regularisation: the squared gradient."""

import dataclasses
from typing import ClassVar

from torch import Tensor

from priorlab.components import parameter
from priorlab.priors import Regularizer
from priorlab_handcrafted.variation.cosine_transform import dct2, idct2, laplacian_eigenvalues


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tikhonov(Regularizer):
    """Squared gradient: images are smooth everywhere, edges included.

    ``energy(x) = weight / 2 * |grad x|^2`` with forward differences and a replicated border.
    With Gaussian noise its minimiser is a linear filter; the prox is one in the DCT domain.

    A. N. Tikhonov: Solution of incorrectly formulated problems and the regularization method,
    Soviet Mathematics Doklady 4, 1963.

    Differences from the paper
    --------------------------
    - The weight is relative to the noise level, and smaller by default where that is low (paper:
      free; later papers choose it by the residual or by cross-validation).
    - The penalty is on first differences of an image alone (paper: on a function and its
      derivative).

    Examples
    --------
    >>> import torch
    >>> ramp = torch.linspace(0, 0.9, 10).expand(1, 1, 1, 10)  # nine differences of 0.1
    >>> Tikhonov(weight=2).energy(ramp)
    tensor([0.0900])
    """

    name: ClassVar[str] = "tikhonov"
    knows_exposure: ClassVar[bool] = True
    weight: float = parameter(
        8.0, "strength of the smoothing, relative to the noise level", low=0, search=(0.1, 50)
    )

    def energy(self, x: Tensor) -> Tensor:
        """Return ``weight / 2 * |grad x|^2`` of each image (B, C, H, W): shape (B,)."""
        down, right = x.diff(dim=2), x.diff(dim=3)
        squares = down.square().flatten(1).sum(1) + right.square().flatten(1).sum(1)
        return self.weight / 2 * squares

    def prox(self, v: Tensor, step: float) -> Tensor:
        """Return ``(1 + step weight D^T D)^-1 v``, exactly."""
        eigenvalues = laplacian_eigenvalues(v.shape[-2], v.shape[-1], v)
        return idct2(dct2(v) / (1 + step * self.weight * eigenvalues))
