"""Demosaicking: of each pixel a camera measures one colour only."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from priorlab import LinearOperator, Noise, Task, hookimpl, parameter
from priorlab.components import PER_GRAY_LEVEL
from priorlab.forward.interpolation import fill_missing
from priorlab.forward.noise import Gaussian


class BayerFilter(LinearOperator):
    """Keeps one channel of each pixel, red and green in turn, then green and blue."""

    def __init__(self, height, width):
        rows, columns = torch.arange(height)[:, None], torch.arange(width)
        channel = rows % 2 + columns % 2
        self.filters = (channel == torch.arange(3)[:, None, None]).float()[None]

    def forward(self, x):
        return (self.filters.to(x) * x).sum(1, keepdim=True)

    def adjoint(self, y):
        return self.filters.to(y) * y

    def solve(self, y, v, rho):  # each pixel is measured once: A A^T = 1
        return v + self.adjoint(y - self.forward(v)) / (1 + rho)

    def initial_guess(self, y, shape):
        return fill_missing(self.adjoint(y), self.filters.to(y))


@dataclass(frozen=True, kw_only=True)
class Demosaick(Task):
    """Recover the two colours that a Bayer filter took from each pixel."""

    name: ClassVar[str] = "demosaick"
    sigma: float = parameter(
        2 * PER_GRAY_LEVEL, "noise", unit="0-255", low=0.01 * PER_GRAY_LEVEL, scale=PER_GRAY_LEVEL
    )

    @property
    def noise(self) -> Noise:
        return Gaussian(self.sigma)

    def operator(self, shape, rng):
        return BayerFilter(*shape[2:])


@hookimpl
def priorlab_tasks():
    return [Demosaick]
