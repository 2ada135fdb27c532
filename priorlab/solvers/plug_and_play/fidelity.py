"""The fidelity to the data, as the algorithms use it: its prox and its gradient."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from priorlab.forward.measurement import Measurement

SMOOTHING = 0.25
"""For noise that is not Gaussian `Fidelity.gradient` is that of the Moreau envelope, since that of
the fidelity itself may be infinite (Poisson) or jump (impulses). The envelope counts as Gaussian
noise on top of that of the data; this is its variance, relative to that of the data."""

MARGIN = 1.06
"""Factor by which power iterations may end below the squared norm of an operator."""

SPLIT = 0.23
"""Weight of ``|x - v|^2`` relative to that of ``|A x - z|^2``, where z is split from ``A x``."""


class Fidelity:
    """``f(x) = level^2 nll(A x; y)``; with Gaussian noise that is ``1/2 |A x - y|^2``.

    Examples
    --------
    >>> from priorlab.forward.noise import Gaussian
    >>> from priorlab.forward.operators import Identity
    >>> y = torch.ones(1, 1, 2, 2)
    >>> fidelity = Fidelity(Measurement(y, Identity(), Gaussian(0.1), (1, 1, 2, 2)))
    >>> fidelity.near(0 * y, rho=3.0).unique(), fidelity.gradient(0 * y).unique()
    (tensor([0.2500]), tensor([-1.]))
    """

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self.noise, self.operator = measurement.noise, measurement.operator
        self._solve = measurement.operator.solver()

    def near(self, v: Tensor, rho: float) -> Tensor:
        """Return argmin over x of ``f(x) + rho/2 |x - v|^2``.

        With noise that is not Gaussian, and an operator that is not the identity, it is one step
        towards that: the data are denoised first, and then inverted.
        """
        y, noise = self.measurement.y, self.noise
        if noise.is_gaussian:
            return self._solve(y, v, rho)
        if self.operator.is_identity:
            return noise.prox(v, y, noise.level**2 / rho)
        z = noise.prox(self.operator.forward(v), y, noise.level**2 * SPLIT / rho)
        return self._solve(z, v, SPLIT)

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient of f or, of noise that is not Gaussian, of its envelope."""
        y, noise = self.measurement.y, self.noise
        u = self.operator.forward(x)
        if noise.is_gaussian:
            return self.operator.adjoint(u - y)
        z = noise.prox(u, y, SMOOTHING * noise.level**2)
        return self.operator.adjoint((u - z) / SMOOTHING)

    @cached_property
    def lipschitz(self) -> float:
        """A Lipschitz constant of `gradient`, from the squared norm of A."""
        like = torch.zeros(self.measurement.shape, device=self.measurement.y.device)
        square = 1.0 if self.operator.is_identity else MARGIN * self.operator.squared_norm(like)
        return square if self.noise.is_gaussian else square / SMOOTHING
