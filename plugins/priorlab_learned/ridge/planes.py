"""The energy of an image of any number of channels, from energies of single planes."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from priorlab_learned.ridge.ridge_energy import RidgeEnergy
from priorlab_learned.ridge.ridge_network import RidgeNetwork

OPPONENT = ((1.0, 1.0, 1.0), (1.0, 0.0, -1.0), (1.0, -2.0, 1.0))
"""Brightness and two differences of colours, not yet of length one."""
COLOUR_RATIO = 3.0
"""Differences of colours are taken for a gray image of that much less contrast."""

BORDER = 1.1
"""At most the squared norm of the filters on mirrored images; on periodic ones it is 1. The shipped
filters have 1.08, in thin images."""


@dataclasses.dataclass(frozen=True)
class PlanesEnergy:
    """The sum of the energies of the planes ``rotation @ channels`` of an image.

    Attributes
    ----------
    rotation : Tensor
        Orthogonal, (C, C).
    energies : tuple of RidgeEnergy
        One for each plane.
    factor : float
        Multiplies all.
    """

    rotation: Tensor
    energies: tuple[RidgeEnergy, ...]
    factor: float

    def value(self, x: Tensor) -> Tensor:
        """Return the energy of each image (B, C, H, W): shape (B,)."""
        planes = self._planes(x)
        values = [energy.value(plane) for energy, plane in zip(self.energies, planes, strict=True)]
        return self.factor * torch.stack(values).sum(0)

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient of `value`, in the shape of `x`."""
        planes = zip(self.energies, self._planes(x), strict=True)
        gradient = torch.cat([energy.gradient(plane) for energy, plane in planes], dim=1)
        return self.factor * torch.einsum("pc,bphw->bchw", self.rotation, gradient)

    @property
    def lipschitz(self) -> float:
        """A Lipschitz constant of the gradient."""
        return BORDER * self.factor * max(energy.lipschitz for energy in self.energies)

    def _planes(self, x: Tensor) -> tuple[Tensor, ...]:
        return torch.split(torch.einsum("pc,bchw->bphw", self.rotation, x), 1, dim=1)


def energy_of_planes(
    network: RidgeNetwork, channels: int, level: float, factor: float
) -> PlanesEnergy:
    """Return the energy of images with so many channels at a noise level.

    Three channels are red, green and blue. Brightness has sqrt(3) times the range of a gray image
    and is treated as one with less noise; differences of colours as one with more. Any other number
    of channels are as many gray images.
    """
    if channels == 3:
        opponent = torch.tensor(OPPONENT)
        rotation = (opponent / opponent.norm(dim=1, keepdim=True)).to(network.filters)
        likeness = [3**-0.5, COLOUR_RATIO, COLOUR_RATIO]
    else:
        rotation, likeness = torch.eye(channels).to(network.filters), [1.0] * channels
    energies = tuple(network.at(level, like * level).detached() for like in likeness)
    return PlanesEnergy(rotation, energies, factor / BORDER)
