"""What every algorithm of plug-and-play is given, for a batch or one image of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from priorlab.forward.measurement import Measurement
from priorlab.solvers.plug_and_play.fidelity import Fidelity
from priorlab.trace import Trace

Denoise = Callable[[Tensor, float], Tensor]
"""Maps an image (B, C, H, W) and its noise level to the image without that noise."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """Find x with a small ``nll(A x; y) + weight R(x)``; the denoiser is the prox of R.

    Of a level s, ``denoise(v, s)`` is argmin over x of ``s^2 R(x) + 1/2 |x - v|^2``.

    Attributes
    ----------
    denoise : callable
        The prior.
    measurement : Measurement
        The data, the operator and the noise model.
    levels : list of float
        The level of each step.
    weight : float
        The weight of R.
    trace : Trace
        Receives each iterate.
    seed : int
        What a sampler draws from: the same noise for each image of a batch, so that each is
        restored as it would be alone.
    """

    denoise: Denoise
    measurement: Measurement
    levels: list[float]
    weight: float
    trace: Trace
    seed: int

    @cached_property
    def fidelity(self) -> Fidelity:
        """The fidelity ``f = noise.level^2 nll``."""
        return Fidelity(self.measurement)

    @cached_property
    def _random(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)

    def rho(self, level: float) -> float:
        """Return the weight of ``1/2 |x - v|^2`` beside f, where v is denoised at `level`."""
        return self.weight * self.measurement.noise.level**2 / level**2

    def steps(self) -> Iterator[tuple[int, float]]:
        """Yield the number and the level of each step."""
        yield from enumerate(self.levels, start=1)

    def report(self, step: int, image: Tensor) -> None:
        """Tell the trace of an iterate, but for the last: `restore` still has to finish it."""
        if step < len(self.levels):
            self.trace.report(step, len(self.levels), image)

    def draw(self) -> Tensor:
        """Return white noise of level one (1, C, H, W)."""
        shape = (1, *self.measurement.shape[1:])
        noise = torch.randn(shape, generator=self._random, dtype=torch.float32, device="cpu")
        return noise.to(self.measurement.y.device)
