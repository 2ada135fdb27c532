"""What the variational priors share: an iterative prox, image by image, with warm starts."""

import dataclasses
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab.components import parameter
from priorlab.priors import Regularizer
from priorlab.solvers.tiles import Locality, in_tiles, tiles
from priorlab.trace import SILENT, Trace
from priorlab_handcrafted.shared.threads import Threads

Report = Callable[[int, Tensor, float], None]
"""Called with the iteration, the image (C, H, W) and the relative duality gap."""

TINY = 1e-9
"""Weight of the lengths with which the image stays as it is, and only what is minimised besides
the image moves."""

REACH = 64
"""Strictly, each pixel depends on all others. But what happens so many pixels away changes it by
less than the tolerance does, and a gap that is small in each tile is small in all."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variation(Regularizer):
    """Base of the priors whose energy is a weighted sum of lengths of differences.

    The weight is multiplied by ``sqrt(C)``, which makes a gray picture stored in three channels
    come out as in one.
    """

    weight: float = parameter(
        0.75, "strength of the smoothing, relative to the noise level", low=0, search=(0.05, 3)
    )

    @property
    def side(self) -> int:
        """Return the most rows and columns of a tile; tiles share the threads among them."""
        return 512

    @property
    @abstractmethod
    def gap(self) -> float:
        """The duality gap, relative to the objective, at which the prox stops."""

    @abstractmethod
    def start(self, v: Tensor) -> Any:
        """Return the state from which `solve` begins for an image (C, H, W)."""

    @abstractmethod
    def solve(self, v: Tensor, radius: float, state: Any, few: bool, report: Report) -> Tensor:
        """Return the image that minimises ``radius * lengths + |x - v|^2 / 2``.

        `state` is updated in place. Whether only a `few` iterations are to be made: then a later
        call goes on from it.
        """

    def prepare(self, device: torch.device, channels: int) -> None:
        """Compile the loops, also those that are tuned for some kind of degradation."""
        for one in self.variants():
            assert isinstance(one, Variation)
            one.prox(torch.zeros(1, channels, 16, 16, device=device), 0.1)

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

        Large images are solved in tiles in the first call, which keeps no state: the second one,
        if there is any, starts afresh.
        """
        return self._continued(trace, exact=True)

    def splitting_prox(self) -> Callable[[Tensor, float], Tensor]:
        """Return a `warm_prox` whose first call, too, makes at most `WARM_ITERATIONS`."""
        return self._continued(SILENT, exact=False)

    def _continued(self, trace: Trace, exact: bool) -> Callable[[Tensor, float], Tensor]:
        """Return a prox that begins where it ended; whether its first call is to be `exact`."""
        states: dict[int, Any] = {}
        reached, calls = 0.0, 0

        def report(iteration: int, image: Tensor, gap: float) -> None:
            nonlocal reached
            reached = gap
            trace.report(iteration, 0, image[None], gap=gap)

        def prox(v: Tensor, step: float) -> Tensor:
            nonlocal calls
            radius = step * self.scale(v)
            if radius == 0:
                return v.clone()
            calls += 1
            alone = exact and calls == 1
            locality = Locality(REACH, side=self.side)
            if alone and v.device.type == "cpu" and len(tiles(*v.shape[-2:], locality)) > 1:
                return self._prox_in_tiles(v, locality, radius, trace)
            out = torch.empty_like(v)
            for index, image in enumerate(v):
                first = index not in states
                if first:
                    states[index] = self.start(image)
                few = not (exact and first)
                out[index] = self.solve(image, radius, states[index], few, report)
                if not few:
                    trace.converged(reached <= self.gap, reached)
            return out

        return prox

    def _prox_in_tiles(self, v: Tensor, locality: Locality, radius: float, trace: Trace) -> Tensor:
        """Do what the first call of a `warm_prox` does, several tiles of an image at a time."""
        gaps: list[float] = []

        def work(part: Tensor) -> Tensor:
            gap = 0.0

            def report(iteration: int, image: Tensor, reached: float) -> None:
                nonlocal gap
                gap = reached

            solved = [self.solve(image, radius, self.start(image), False, report) for image in part]
            gaps.append(gap)
            return torch.stack(solved)

        with Threads() as threads:
            out = torch.cat([in_tiles(work, image, locality, threads.map) for image in v.split(1)])
        trace.report(1, 1, out, gap=max(gaps))
        trace.converged(max(gaps) <= self.gap, max(gaps))
        return out

    def scale(self, x: Tensor) -> float:
        """Return the weight of the lengths in images (B, C, H, W)."""
        return self.weight * float(x.shape[1]) ** 0.5


def as_array(image: Tensor) -> NDArray[np.floating]:
    """Return an image (C, H, W) as a C-contiguous array on the CPU."""
    return np.ascontiguousarray(image.detach().cpu().numpy())


def product(field: NDArray[np.floating], image: Tensor) -> Tensor:
    """Return the sum of the products of a field (2, C, H, W) and the differences of an image."""
    down, right = torch.from_numpy(field).to(image)
    return (image.diff(dim=1) * down[:, :-1]).sum() + (image.diff(dim=2) * right[..., :-1]).sum()
