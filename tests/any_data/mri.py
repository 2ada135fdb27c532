"""Magnetic resonance imaging with one coil: some rows of the image's spectrum, complex."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from priorlab import LinearOperator, Noise, Task, hookimpl, parameter
from priorlab.forward.noise import Gaussian


class CartesianRows(LinearOperator):
    """The Fourier transform, at those rows that were measured; 0 elsewhere."""

    def __init__(self, rows):
        self.rows = rows

    def forward(self, x):
        return self.rows.to(x.device) * torch.fft.fft2(x, norm="ortho")

    def adjoint(self, y):
        return torch.fft.ifft2(self.rows.to(y.device) * y, norm="ortho").real


@dataclass(frozen=True, kw_only=True)
class MagneticResonance(Task):
    """Recover an image from a part of its spectrum: all low frequencies, and some rows more."""

    name: ClassVar[str] = "mri"
    measured: float = parameter(0.4, "share of the rows measured", low=0.1, high=1, shown=True)

    @property
    def noise(self) -> Noise:
        return Gaussian(0.005)

    def operator(self, shape, rng):
        height = shape[2]
        frequency = np.abs(np.fft.fftfreq(height))
        order = rng.permutation(height)
        order = order[np.argsort(frequency[order] > 0.06, kind="stable")]  # low frequencies first
        rows = torch.zeros(height, 1)
        rows[order[: max(1, round(self.measured * height))].copy()] = 1
        return CartesianRows(rows)


@hookimpl
def priorlab_tasks():
    return [MagneticResonance]
