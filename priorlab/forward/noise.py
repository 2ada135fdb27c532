"""Noise models: how to draw from them, their data fidelity E = -log p(y | u), and its prox.

Each data fidelity is the negative log-likelihood of the data `y` given the noise-free data
``u = A x``, up to a constant: squared error for Gaussian noise, L1 for impulse noise, the
Poisson likelihood for counts.

A solver asks the model what it needs to know, by `Noise.is_gaussian` and the properties next to
it, and never which class the model has.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from priorlab.errors import Unsupported
from priorlab.forward import anscombe, impulses

Array = NDArray[np.float64]

ROUNDING = 1 / (255 * 12**0.5)
"""Standard deviation of the error of rounding to 8 bits."""


MANY_COUNTS = 25
"""Photons in white from which the Anscombe transform leaves nothing to gain by `dilutions`."""

LEAST_COUNT = 0.25
"""Photons below which `Poisson.fit_loss` goes on as a parabola instead of the likelihood."""

DARKEST = 0.02
"""Brightness below which it does so as well: of many photons the likelihood trusts dark places so
much that a fit is slow everywhere else."""


@dataclasses.dataclass(frozen=True)
class Stabiliser:
    """A transform after which the noise is Gaussian with a known, constant level.

    Attributes
    ----------
    forward : callable
        Maps the data to values in about [0, 1].
    inverse : callable
        Maps an estimate of the mean of the transformed data back, without bias.
    sigma : float
        The standard deviation of the transformed data; of noise that is not white, that of the
        white noise which is as strong at half the size.
    fine : float
        Standard deviation of a single value relative to `sigma`: 1 where the noise is white.

    Examples
    --------
    >>> stable = Poisson(peak=30.0).stabiliser()
    >>> round(stable.sigma, 3), stable.forward(torch.ones(1))
    (0.091, tensor([1.]))
    """

    forward: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]
    sigma: float
    fine: float = 1.0


class Noise(ABC):
    """How measured data scatter around the noise-free data."""

    @property
    @abstractmethod
    def level(self) -> float:
        """Standard deviation, on the [0, 1] scale, of Gaussian noise of about this strength."""

    @property
    def spread(self) -> tuple[float, float]:
        """Least and greatest standard deviation of a pixel's error: both `level`, if equal."""
        return self.level, self.level

    @property
    def is_gaussian(self) -> bool:
        """Whether `nll` is ``|u - y|^2 / (2 level^2)``."""
        return False

    @property
    def is_exact(self) -> bool:
        """Whether the data are noise-free, but for rounding."""
        return False

    @property
    def is_zero_mean(self) -> bool:
        """Whether the mean of the data, over draws of the noise, is the noise-free data."""
        return True

    @property
    def is_independent(self) -> bool:
        """Whether the errors of any two data values are independent of each other."""
        return True

    @property
    def has_outliers(self) -> bool:
        """Whether some values are replaced by others that carry no information about them."""
        return False

    @property
    def counts_light(self) -> bool:
        """Whether the mean of the data says how bright the image is, better than its pixels do."""
        return False

    def parts(self, channels: int) -> list[tuple[slice, Noise]]:
        """Return which channels are to be denoised together, with the noise of each part."""
        return [(slice(None), self)]

    def error(self, channels: int) -> float:
        """Return the root mean square error to expect of data of so many channels.

        By default `level`.
        """
        return self.level

    def scaled(self, factor: float) -> Noise:
        """Return the noise of data `factor` times as bright, where that is of the same kind."""
        raise Unsupported(f"{type(self).__name__} noise depends on how bright the data are")

    def reliable_pixels(self, y: Tensor) -> Tensor:
        """Return where `y` carries information about the image: boolean, in its shape."""
        return torch.ones_like(y, dtype=torch.bool)

    def stabiliser(self) -> Stabiliser | None:
        """Return a transform that makes the noise Gaussian; None if none is needed or known."""
        return None

    def dilutions(self) -> list[tuple[float, Noise]]:
        """Return shares s at which data are to be mixed with an estimate, the greatest first.

        With each comes the noise of ``s y + (1 - s) u``, u being the noise-free data, for which
        `stabiliser` is more precise. None are needed where it is precise already.
        """
        return []

    def variance(self, u: Tensor) -> Tensor:
        """Return the variance of each data value around the noise-free `u`, in its shape.

        Of a complex value it is ``E |y - u|^2``. By default ``level^2`` everywhere.
        """
        return torch.full_like(u.real, self.level**2 * (2 if u.is_complex() else 1))

    @abstractmethod
    def sample(self, clean: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Draw noisy data. `clean` is noise-free data of any shape, real or complex."""

    @abstractmethod
    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``-log p(y | u)`` up to a constant, summed over each image: shape (B,)."""

    def possible(self, u: Tensor, y: Tensor) -> Tensor:
        """Return the data near `u` that may have become `y`: `u`, unless errors have bounds."""
        return u

    def fit_loss(self, u: Tensor, y: Tensor) -> Tensor:
        """Return what a network that makes `u` is fitted by: `nll`, where its slope is bounded.

        A network gives any `u` on the way, so also one that the data all but exclude.
        """
        return self.nll(u, y)

    @abstractmethod
    def prox(self, v: Tensor, y: Tensor, step: float) -> Tensor:
        """Return argmin over u of ``nll(u, y) + |u - v|^2 / (2 step)``."""


@dataclasses.dataclass(frozen=True)
class Gaussian(Noise):
    """Additive white Gaussian noise of standard deviation `sigma` on the [0, 1] scale.

    Complex data have it in their real and in their imaginary part.

    Examples
    --------
    >>> Gaussian(0.1).variance(torch.zeros(2))
    tensor([0.0100, 0.0100])
    """

    sigma: float

    @property
    @override
    def level(self) -> float:
        return self.sigma

    @property
    @override
    def is_gaussian(self) -> bool:
        return True

    @override
    def scaled(self, factor: float) -> Self:
        """Return the same noise, `factor` times as strong."""
        return dataclasses.replace(self, sigma=self.sigma * factor)

    def sample(self, clean: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Add the noise; nothing is clipped."""
        noise: NDArray[Any] = rng.standard_normal(clean.shape)
        if np.iscomplexobj(clean):
            noise = noise + 1j * rng.standard_normal(clean.shape)
        noisy: NDArray[Any] = clean + self.sigma * noise
        return noisy

    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``|u - y|^2 / (2 sigma^2)`` for each image."""
        error = u - y
        square = error.abs().square() if error.is_complex() else error.square()
        return square.flatten(1).sum(1) / (2 * self.sigma**2)

    def prox(self, v: Tensor, y: Tensor, step: float) -> Tensor:
        """Return the mean of `v` and `y`, weighted by their precisions."""
        return (self.sigma**2 * v + step * y) / (self.sigma**2 + step)


@dataclasses.dataclass(frozen=True)
class NoNoise(Gaussian):
    """No noise but rounding, which counts as Gaussian noise: by default that to 8 bits.

    Examples
    --------
    >>> NoNoise().is_gaussian, round(255 * NoNoise().level, 3)
    (True, 0.289)
    """

    sigma: float = ROUNDING

    @property
    @override
    def is_exact(self) -> bool:
        return True

    @override
    def sample(self, clean: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        return clean


@dataclasses.dataclass(frozen=True)
class Poisson(Noise):
    """Photon noise: ``peak * y`` is a Poisson count of mean ``peak * u``.

    Examples
    --------
    >>> y = Poisson(peak=30.0).sample(np.full((1000,), 0.5), np.random.default_rng(0))
    >>> Poisson(peak=30.0).variance(torch.tensor(0.5)), round(float(y.var()), 3)
    (tensor(0.0167), 0.017)
    """

    peak: float

    @property
    def level(self) -> float:
        """Return the standard deviation at mid-gray."""
        return float((0.5 / self.peak) ** 0.5)

    @override
    def variance(self, u: Tensor) -> Tensor:
        return u.clamp_min(0) / self.peak

    @property
    @override
    def counts_light(self) -> bool:
        return True

    @override
    def dilutions(self) -> list[tuple[float, Noise]]:
        least = (self.peak / MANY_COUNTS) ** 0.5
        shares = (least**0.5, least) if least < 1 else ()
        return [(share, Poisson(self.peak / share**2)) for share in shares]

    def stabiliser(self) -> Stabiliser:
        """Return the Anscombe transform with its unbiased inverse."""
        return Stabiliser(
            lambda y: anscombe.forward(y, self.peak),
            lambda d: anscombe.inverse(d, self.peak),
            1 / anscombe.white(self.peak),
        )

    def sample(self, clean: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Draw the counts and divide by the peak."""
        counts: NDArray[Any] = rng.poisson(np.maximum(clean, 0) * self.peak)
        return counts / self.peak

    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``peak * sum(u - y log u)`` for each image; `u` is kept above 1e-6."""
        u = u.clamp_min(1e-6)
        return self.peak * (u - y * u.log()).flatten(1).sum(1)

    @override
    def fit_loss(self, u: Tensor, y: Tensor) -> Tensor:
        """Return `nll`, which goes on as a parabola below `LEAST_COUNT` and below `DARKEST`.

        Its slope is ``-peak y / u``: with single photons in a dark place, where u is nearly 0, it
        would drown all other pixels, and below 0 it has none.
        """
        least = max(LEAST_COUNT / self.peak, DARKEST)
        above = u.clamp_min(least)
        below = u - above
        slope, curvature = 1 - y / least, y.clamp_min(least) / least**2
        loss = above - y * above.log() + below * (slope + below * curvature / 2)
        return self.peak * loss.flatten(1).sum(1)

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

    The channels of a pixel are hit independently, as is usual for colour images. Its data
    fidelity is L1, the likelihood of Laplace noise with the scale ``amount / 2``, because the
    true likelihood has no useful gradient.

    Examples
    --------
    >>> y = SaltAndPepper(0.2).sample(np.full((1000,), 0.5), np.random.default_rng(0))
    >>> np.unique(y), round(float((y != 0.5).mean()), 1)
    (array([0. , 0.5, 1. ]), 0.2)
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

    @property
    def is_zero_mean(self) -> bool:
        """False: impulses draw the mean towards mid-gray."""
        return False

    @property
    @override
    def has_outliers(self) -> bool:
        return True

    def reliable_pixels(self, y: Tensor) -> Tensor:
        """Return where no impulse was found; see `priorlab.forward.impulses`."""
        return impulses.reliable_pixels(y, self.amount)

    @override
    def possible(self, u: Tensor, y: Tensor) -> Tensor:
        """Return `u` where `y` is black or white, and `y` where it is not: that was not hit."""
        return torch.where((y > 0) & (y < 1), y.to(u), u)

    def variance(self, u: Tensor) -> Tensor:
        """Return ``E (y - u)^2``: half of `amount` falls on 0, the other half on 1."""
        return self.amount / 2 * (u.square() + (1 - u).square())

    def sample(self, clean: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
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


@dataclasses.dataclass(frozen=True)
class RandomImpulses(SaltAndPepper):
    """Impulse noise of any value: a fraction `amount` of the values is uniform in [0, 1].

    Examples
    --------
    >>> y = RandomImpulses(0.2).sample(np.full((1000,), 0.5), np.random.default_rng(0))
    >>> round(float((y != 0.5).mean()), 1), bool(np.unique(y).size > 100)
    (0.2, True)
    """

    @override
    def reliable_pixels(self, y: Tensor) -> Tensor:
        return impulses.inconspicuous_pixels(y, self.amount)

    @override
    def possible(self, u: Tensor, y: Tensor) -> Tensor:
        """Return `u`: any value may be an impulse."""
        return u

    @override
    def variance(self, u: Tensor) -> Tensor:
        return self.amount * (u.square() - u + 1 / 3)

    @override
    def sample(self, clean: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        hit = rng.random(clean.shape) < self.amount
        return np.where(hit, rng.random(clean.shape), clean)
