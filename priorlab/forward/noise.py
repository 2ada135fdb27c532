"""Noise models: how to draw from them, their closeness E = -log p(y | u), and its prox.

Each closeness is the negative log-likelihood of the data `y` given the noise-free data
``u = A x``, up to a constant: squared error for Gaussian noise, L1 for impulse noise, the
Poisson likelihood for counts.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]


class Noise(ABC):
    """How measured data scatter about the noise-free data."""

    @property
    @abstractmethod
    def level(self) -> float:
        """Standard deviation, on the [0, 1] scale, of Gaussian noise of about this strength."""

    @property
    def spread(self) -> tuple[float, float]:
        """Least and greatest standard deviation of a pixel's error: both `level`, if alike."""
        return self.level, self.level

    @abstractmethod
    def sample(self, clean: Array, rng: np.random.Generator) -> Array:
        """Draw noisy data. `clean` is noise-free data in about [0, 1], of any shape."""

    @abstractmethod
    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``-log p(y | u)`` up to a constant, summed over each image: shape (B,)."""

    @abstractmethod
    def prox(self, v: Tensor, y: Tensor, step: float) -> Tensor:
        """Return argmin over u of ``nll(u, y) + |u - v|^2 / (2 step)``."""


@dataclasses.dataclass(frozen=True)
class Gaussian(Noise):
    """Additive white Gaussian noise of standard deviation `sigma` on the [0, 1] scale."""

    sigma: float

    @property
    def level(self) -> float:
        """Return `sigma`."""
        return self.sigma

    def sample(self, clean: Array, rng: np.random.Generator) -> Array:
        """Add the noise; nothing is clipped."""
        return clean + self.sigma * rng.standard_normal(clean.shape)

    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``|u - y|^2 / (2 sigma^2)`` for each image."""
        return (u - y).square().flatten(1).sum(1) / (2 * self.sigma**2)

    def prox(self, v: Tensor, y: Tensor, step: float) -> Tensor:
        """Return the mean of `v` and `y`, weighted by their precisions."""
        return (self.sigma**2 * v + step * y) / (self.sigma**2 + step)


class NoNoise(Gaussian):
    """No noise but the rounding to 8 bits, whose standard deviation is 1 / (255 sqrt(12))."""

    def __init__(self) -> None:
        super().__init__(sigma=1 / (255 * 12**0.5))

    def sample(self, clean: Array, rng: np.random.Generator) -> Array:
        """Return the data as they are."""
        return clean


@dataclasses.dataclass(frozen=True)
class Poisson(Noise):
    """Photon noise: ``peak * y`` is a Poisson count of mean ``peak * u``."""

    peak: float

    @property
    def level(self) -> float:
        """Return the standard deviation at mid-gray."""
        return float((0.5 / self.peak) ** 0.5)

    def sample(self, clean: Array, rng: np.random.Generator) -> Array:
        """Draw the counts and divide by the peak."""
        return rng.poisson(np.maximum(clean, 0) * self.peak) / self.peak

    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``peak * sum(u - y log u)`` for each image; `u` is kept above 1e-6."""
        u = u.clamp_min(1e-6)
        return self.peak * (u - y * u.log()).flatten(1).sum(1)

    def prox(self, v: Tensor, y: Tensor, step: float) -> Tensor:
        """Return the positive root of ``u^2 + (step peak - v) u - step peak y = 0``."""
        weight = step * self.peak
        half, product = (v - weight) / 2, weight * y.clamp_min(0)
        root = (half.square() + product).sqrt()
        # The product of both roots is known: where `half` is negative, adding `root` to it
        # would cancel most digits.
        return torch.where(half < 0, product / (root - half), half + root)


@dataclasses.dataclass(frozen=True)
class SaltAndPepper(Noise):
    """Impulse noise: a fraction `amount` of the values is 0 or 1, each with equal chance.

    The channels of a pixel are hit independently, as is usual for colour images. Its
    closeness is L1, the likelihood of Laplace noise with the scale ``amount / 2``, because
    the true likelihood has no useful gradient.
    """

    amount: float

    @property
    def level(self) -> float:
        """Return the scale of the Laplace noise that stands in for the impulses."""
        return self.amount / 2

    @property
    def spread(self) -> tuple[float, float]:
        """Return 0, for the pixels that are not hit, and 0.5, for those that are."""
        return 0.0, 0.5

    def sample(self, clean: Array, rng: np.random.Generator) -> Array:
        """Replace a random fraction of the values by 0 or 1."""
        draw = rng.random(clean.shape)
        noisy = np.where(draw < self.amount / 2, 0.0, clean)
        return np.where(draw > 1 - self.amount / 2, 1.0, noisy)

    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``|u - y|_1 / level`` for each image."""
        return (u - y).abs().flatten(1).sum(1) / self.level

    def prox(self, v: Tensor, y: Tensor, step: float) -> Tensor:
        """Return `y` plus the soft-thresholded ``v - y``."""
        return y + torch.nn.functional.softshrink(v - y, step / self.level)
