"""What the variational priors share: an iterative prox, image by image, with warm starts."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from priorlab.components import parameter
from priorlab.priors import Regularizer
from priorlab.trace import SILENT, Trace

Report = Callable[[int, Tensor, float], None]
"""Called with the iteration, the image (C, H, W) and the relative duality gap."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variation(Regularizer):
    """Base of the priors whose energy is a weighted sum of lengths of differences.

    The weight is multiplied by ``sqrt(C)``, which makes a gray picture stored in three channels
    come out as in one.
    """

    gap: ClassVar[float]
    """The prox stops at this duality gap, relative to the objective."""

    weight: float = parameter(0.75, "strength of the smoothing, relative to the noise level", low=0)

    @abstractmethod
    def start(self, v: Tensor) -> Any:
        """Return the state from which `solve` begins for an image (C, H, W)."""

    @abstractmethod
    def solve(self, v: Tensor, radius: float, state: Any, warm: bool, report: Report) -> Tensor:
        """Return the image that minimises ``radius * lengths + |x - v|^2 / 2``.

        `state` is updated in place. If `warm`, it comes from a similar problem, and only a few
        iterations are made.
        """

    def prepare(self, device: torch.device, channels: int) -> None:
        """Compile the loops."""
        self.prox(torch.zeros(1, channels, 16, 16, device=device), 0.1)

    def prox(self, v: Tensor, step: float) -> Tensor:
        """Return argmin over x of ``energy(x) + |x - v|^2 / (2 step)``.

        Its objective is within the relative duality gap `gap` of the optimum, unless that takes
        more than the `MAX_ITERATIONS` of the prior's module, which `warm_prox` reports.
        """
        return self.warm_prox()(v, step)

    def warm_prox(self, trace: Trace = SILENT) -> Callable[[Tensor, float], Tensor]:
        """Return a `prox` that begins each call where the one before ended.

        The first call is as exact as `prox`; each later one makes at most `WARM_ITERATIONS`,
        because the arguments of a splitting converge, which refines the state anyway.
        """
        states: dict[int, Any] = {}
        reached = 0.0

        def report(iteration: int, image: Tensor, gap: float) -> None:
            nonlocal reached
            reached = gap
            trace.report(iteration, 0, image[None], gap=gap)

        def prox(v: Tensor, step: float) -> Tensor:
            radius = step * self.scale(v)
            if radius == 0:
                return v.clone()
            out = torch.empty_like(v)
            for index, image in enumerate(v):
                warm = index in states
                if not warm:
                    states[index] = self.start(image)
                out[index] = self.solve(image, radius, states[index], warm, report)
                if not warm:
                    trace.converged(reached <= self.gap, reached)
            return out

        return prox

    def scale(self, x: Tensor) -> float:
        """Return the weight of the lengths in images (B, C, H, W)."""
        return self.weight * float(x.shape[1]) ** 0.5
