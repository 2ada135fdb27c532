"""What a prior may see: the measurement, how it came about, and nothing of the truth."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from priorlab.forward.noise import Noise
from priorlab.forward.operators import LinearOperator


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A degraded image ``y ~ noise(A x)`` together with ``A`` and the noise model.

    Attributes
    ----------
    y : Tensor
        The measured data, float, in the shape that ``operator.forward`` returns. Not clipped:
        noisy values may leave [0, 1].
    operator : LinearOperator
        ``A``.
    noise : Noise
        The noise model, with its closeness ``E = -log p(y | A x)``.
    shape : tuple of int
        Shape (B, C, H, W) of the image to recover.
    """

    y: Tensor
    operator: LinearOperator
    noise: Noise
    shape: tuple[int, int, int, int]

    def initial(self) -> Tensor:
        """Return the image that uses no prior: `y` itself, interpolated where pixels miss."""
        return self.operator.initial(self.y, self.shape).clamp(0, 1)

    def image(self, index: int) -> Measurement:
        """Return the measurement of one image of the batch."""
        shape = (1, *self.shape[1:])
        return dataclasses.replace(self, y=self.y[index : index + 1], shape=shape)

    def to(self, device: torch.device | str) -> Measurement:
        """Return the same measurement with its tensors on `device`."""
        return dataclasses.replace(self, y=self.y.to(device), operator=self.operator.to(device))
