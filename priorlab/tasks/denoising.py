"""Denoising tasks: Gaussian noise, photon noise, salt and pepper."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import ClassVar

import torch
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.forward.noise import Noise, Poisson, SaltAndPepper
from priorlab.pictures.picture import Picture
from priorlab.tasks.base import Task
from priorlab.tasks.parameters import noise_of, sigma_parameter
from priorlab.tasks.real_denoising import DenoiseReal

LEAST_AMOUNT = 0.001
"""Smallest fraction of impulses; fewer are no noise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Denoise(Task):
    """Remove additive white Gaussian noise.

    Examples
    --------
    >>> import torch
    >>> measurement = Denoise(sigma=0.1).measure(torch.full((1, 1, 64, 64), 0.5), seed=0)
    >>> measurement.noise, measurement.y.std().round(decimals=2)
    (Gaussian(sigma=0.1), tensor(0.1000))
    """

    name: ClassVar[str] = "denoise"
    sigma: float = sigma_parameter(25)

    @property
    def noise(self) -> Noise:
        """Gaussian noise; nothing is clipped or rounded."""
        return noise_of(self.sigma)

    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task that finds out the noise, unless sigma was typed."""
        return (self if "sigma" in typed else DenoiseReal()), ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenoisePoisson(Task):
    """Remove photon noise: each pixel is a Poisson count.

    Examples
    --------
    >>> import torch
    >>> y = DenoisePoisson(peak=4.0).measure(torch.full((1, 1, 16, 16), 0.5), seed=0).y
    >>> torch.equal(4 * y, (4 * y).round())
    True
    """

    name: ClassVar[str] = "denoise-poisson"
    peak: float = parameter(30.0, "mean count at white", low=0.1, high=1e6, shown=True)

    @property
    @override
    def noise(self) -> Noise:
        return Poisson(self.peak)

    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task if its peak was typed: no default can be right for a picture."""
        if "peak" not in typed:
            raise UsageError(
                f"{self.name}: how many photons white stands for in {picture.name} is not known;"
                " give peak=COUNT, or use the task denoise, which estimates its noise"
            )
        return self, ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenoiseImpulse(Task):
    """Remove salt-and-pepper noise: some values are 0 or 1, black or white.

    Examples
    --------
    >>> import torch
    >>> DenoiseImpulse().measure(torch.full((1, 1, 16, 16), 0.5), seed=0).y.unique()
    tensor([0.0000, 0.5000, 1.0000])
    """

    name: ClassVar[str] = "denoise-impulse"
    amount: float = parameter(
        0.2, "fraction of the values that are hit", low=LEAST_AMOUNT, high=1, shown=True
    )

    @property
    def noise(self) -> Noise:
        """Salt-and-pepper noise, independent in the channels of a pixel."""
        return SaltAndPepper(self.amount)

    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task with the amount of impulses that is found in the picture."""
        if "amount" in typed:
            return self, ()
        y = torch.from_numpy(picture.image)[None]
        amount = self.amount
        for _ in range(3):  # what looks like an impulse depends a little on the amount
            known = SaltAndPepper(amount).reliable_pixels(y)
            found = 1 - float(known.float().mean())
            amount = max(found, LEAST_AMOUNT)
        note = f"no amount was given: {found:.1%} of the values look like impulses"
        return dataclasses.replace(self, amount=amount), (note,)
