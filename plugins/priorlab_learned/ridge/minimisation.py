"""Minimise ``1/2 |A x - y|^2 + R(x)`` for a smooth R that knows how fast its gradient changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Smooth(Protocol):
    """A differentiable function of images."""

    def gradient(self, x: Tensor) -> Tensor:
        """Return its gradient, in the shape of `x`."""

    @property
    def lipschitz(self) -> float:
        """A Lipschitz constant of the gradient."""


Fit = Callable[[Tensor, float], Tensor]
"""Maps ``(v, rho)`` to argmin over x of ``1/2 |A x - y|^2 + rho/2 |x - v|^2``."""

Report = Callable[[int, Tensor, float], None]
"""Called with the iteration, the images and the residual."""


@dataclasses.dataclass(frozen=True)
class Minimum:
    """Where a minimisation ended.

    Attributes
    ----------
    x : Tensor
        The images.
    residual : float
        The largest norm of a step relative to that of its image, times ``1 + rho``. Where A is the
        identity, the step is the gradient of the objective at the point that it began from, divided
        by ``1 + rho``: the residual is then the relative norm of that gradient.
    """

    x: Tensor
    residual: float


def noisy_image(y: Tensor) -> Fit:
    """Return the `Fit` to an image with noise: A is the identity."""
    return lambda v, rho: (y + rho * v) / (1 + rho)


@torch.no_grad()
def minimise(
    function: Smooth,
    fit: Fit,
    start: Tensor,
    tolerance: float,
    iterations: int,
    report: Report | None = None,
) -> Minimum:
    """Minimise by the accelerated proximal gradient method, restarted where it overshoots.

    A. Beck, M. Teboulle: A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems, SIAM Journal on Imaging Sciences 2(1), 2009; B. O'Donoghue, E. Candes: Adaptive
    restart for accelerated gradient schemes, Foundations of Computational Mathematics 15, 2015.

    Parameters
    ----------
    function : Smooth
        R.
    fit : callable
        See `Fit`.
    start : Tensor
        Images (B, C, H, W) to begin with; each is solved by itself.
    tolerance : float
        Residual at which to stop: see `Minimum`.
    iterations : int
        The most.
    report : callable, optional
        Told of every iteration.

    Examples
    --------
    >>> class Dark:
    ...     lipschitz = 1.0
    ...     def gradient(self, x):
    ...         return x
    >>> y = torch.full((1, 1, 1, 2), 0.6)
    >>> minimise(Dark(), noisy_image(y), start=y, tolerance=1e-5, iterations=50).x
    tensor([[[[0.3000, 0.3000]]]])
    """
    rho = max(function.lipschitz, 1e-6)
    x, z = start, start
    age = torch.zeros(len(start), 1, 1, 1, device=start.device)
    residual = float("inf")
    for iteration in range(1, iterations + 1):
        x, before = fit(z - function.gradient(z) / rho, rho), x
        back = z - x
        residual = (1 + rho) * _largest(back, x)
        if report:
            report(iteration, x, residual)
        if residual <= tolerance:
            break
        overshot = (back * (x - before)).sum((1, 2, 3), keepdim=True) > 0
        age = torch.where(overshot, 0.0, age + 1)
        z = x + age / (age + 3) * (x - before)
    return Minimum(x, residual)


def _largest(step: Tensor, x: Tensor) -> float:
    """Return the largest norm of a step, relative to that of its image."""
    sizes = x.flatten(1).norm(dim=1).clamp(min=1e-12)
    return float((step.flatten(1).norm(dim=1) / sizes).max())
