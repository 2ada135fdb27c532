"""What a ridge regulariser learns: its filters, and its potentials at every noise level."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import scipy
import torch
from torch import Tensor, nn

from priorlab_learned.ridge.ridge_energy import RidgeEnergy, filters_norm

SIDE = 7
"""Height and width of a filter: with all but one of its cosines, 48 filters to begin with."""
LEVELS = tuple(2.5 * 2**index for index in range(6))
"""Noise levels, on the 0-255 scale, at which potentials are learned; they are interpolated between
these on a logarithmic scale, and beyond them everything scales with the level."""
FILTER_SCALE = 5.0
"""Filters are divided by their norm: this factor sets how fast they learn beside the potentials."""
MOST_SLOPE = 12.0
"""The minimisation takes about sqrt(slope) times as many iterations; more gains little."""
FIRST_THRESHOLD, FIRST_SLOPE, FIRST_REACH = 0.28, 9.0, 0.9


class RidgeNetwork(nn.Module):
    """The learned values of a ridge regulariser; `at` a noise level they are a `RidgeEnergy`.

    Thresholds are learned relative to the noise level. It begins with the discrete cosines.

    Parameters
    ----------
    concavity : float
        0 for a convex energy; up to 1 for one that is convex together with ``1/2 |x|^2``.
    side : int
        Height and width of a filter, odd.

    Examples
    --------
    >>> energy = RidgeNetwork(concavity=0.0).at(25 / 255)
    >>> energy.filters.shape
    torch.Size([48, 1, 7, 7])
    """

    concavity: Tensor

    def __init__(self, concavity: float, side: int = SIDE) -> None:
        super().__init__()
        cosines = FILTER_SCALE * _cosines(side)
        knots = len(LEVELS)
        self.filters = nn.Parameter(cosines)
        self.thresholds = nn.Parameter(torch.full((knots, len(cosines)), math.log(FIRST_THRESHOLD)))
        self.slopes = nn.Parameter(
            torch.full((knots,), _logit((FIRST_SLOPE - 1) / (MOST_SLOPE - 1)))
        )
        self.reaches = nn.Parameter(torch.full((knots,), _logit(FIRST_REACH)))
        self.register_buffer("concavity", torch.tensor(concavity))

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        """Return the network with these tensors.

        Raises
        ------
        KeyError, RuntimeError
            If they are not those of such a network.
        """
        network = cls(float(state["concavity"]), state["filters"].shape[-1])
        network.load_state_dict(state)
        return network

    def at(self, level: float, like: float | None = None) -> RidgeEnergy:
        """Return the energy for noise of a standard deviation on the [0, 1] scale.

        An image of half the contrast of a photograph is treated as one with twice the noise:
        `like` is the level, by default `level` itself, whose potentials are scaled to it.
        """
        place = math.log2(max(255 * (level if like is None else like), 1e-9) / LEVELS[0])
        place = min(max(place, 0.0), len(LEVELS) - 1.0)
        knot = min(int(place), len(LEVELS) - 2)

        def between(values: Tensor) -> Tensor:
            return torch.lerp(values[knot], values[knot + 1], place - knot)

        filters = self.filters - self.filters.mean((2, 3), keepdim=True)
        return RidgeEnergy(
            filters / filters_norm(filters),
            between(self.thresholds).exp() * level,
            1 + (MOST_SLOPE - 1) * between(self.slopes).sigmoid(),
            between(self.reaches).sigmoid(),
            float(self.concavity),
        )


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _cosines(side: int) -> Tensor:
    """Return the discrete cosines (side^2 - 1, 1, side, side), without the constant."""
    lines = scipy.fft.dct(np.eye(side), norm="ortho", axis=0)
    bank = np.einsum("ia,jb->ijab", lines, lines).reshape(-1, 1, side, side)[1:]
    return torch.from_numpy(bank.astype(np.float32))
