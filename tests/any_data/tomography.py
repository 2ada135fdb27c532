"""Sparse-view tomography: sums of the image along parallel rays, at few angles."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch

from priorlab import LinearOperator, Noise, Task, hookimpl, parameter
from priorlab.forward.noise import Gaussian


@lru_cache(maxsize=4)
def rays(height, width, angles):
    """Return the sums as a sparse matrix: each pixel adds to the two nearest bins."""
    bins = int(np.hypot(height, width)) + 2
    rows, columns = np.mgrid[:height, :width].reshape(2, -1)
    x, y, entries = columns - (width - 1) / 2, rows - (height - 1) / 2, []
    for number, angle in enumerate(np.pi * np.arange(angles) / angles):
        place = x * np.cos(angle) + y * np.sin(angle) + bins / 2 - 0.5
        low = np.floor(place).astype(int)
        for bin_, weight in ((low, 1 - place + low), (low + 1, place - low)):
            entries.append((number * bins + bin_, np.arange(height * width), weight))
    at, pixel, weight = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    values = torch.from_numpy(weight * (angles * max(height, width)) ** -0.5)  # a norm of one
    size = (angles * bins, height * width)
    matrix = torch.sparse_coo_tensor(np.stack([at, pixel]), values.float(), size)
    return matrix.to_sparse_csr(), matrix.T.to_sparse_csr()


class ParallelBeam(LinearOperator):
    """Sums along rays: data of shape (B, C, angles * bins)."""

    def __init__(self, shape, angles):
        self.size, (self.ahead, self.back) = shape[2:], rays(*shape[2:], angles)

    def forward(self, x):
        flat = x.reshape(-1, x.shape[2] * x.shape[3])
        return (self.ahead.to(x) @ flat.T).T.reshape(*x.shape[:2], -1)

    def adjoint(self, y):
        return (self.back.to(y) @ y.reshape(-1, y.shape[2]).T).T.reshape(*y.shape[:2], *self.size)


@dataclass(frozen=True, kw_only=True)
class Tomography(Task):
    """Recover an image from its projections."""

    name: ClassVar[str] = "tomography"
    angles: int = parameter(60, "directions from which it is seen", low=1, shown=True)
    noise: ClassVar[Noise] = Gaussian(0.01)

    def operator(self, shape, rng):
        return ParallelBeam(shape, self.angles)


@hookimpl
def priorlab_tasks():
    return [Tomography]
