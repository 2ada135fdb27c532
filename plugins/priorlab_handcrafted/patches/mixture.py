"""The mixture of Gaussians of the ``epll`` prior, and its file."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import torch
from torch import Tensor

from priorlab.ground.weights_file import WeightsError, read_weights, write_weights

SIZE = 8
"""Rows and columns of a patch."""


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Zero-mean Gaussians of the D cosine coefficients of a patch, double precision."""

    weights: Tensor
    """Probabilities (K,)."""
    factors: Tensor
    """Lower triangular Cholesky factors (K, D, D) of the covariances."""


def cosine_basis() -> Tensor:
    """Return the orthonormal cosines (SIZE^2, SIZE^2 - 1), lowest frequency first, no constant."""
    n = torch.arange(SIZE, dtype=torch.float64)
    one = torch.cos(math.pi * (n[:, None] + 0.5) * n / SIZE) * (2 / SIZE) ** 0.5
    one[:, 0] /= 2**0.5
    both = torch.einsum("yi,xj->yxij", one, one).reshape(SIZE**2, SIZE**2)
    order = (n[:, None] ** 2 + n**2).flatten().argsort(stable=True)
    return both[:, order[1:]].float()


def write_mixture(path: Path, mixture: Mixture, provenance: dict[str, str]) -> None:
    """Write a mixture in half precision with its provenance and checksum."""
    rows, columns = torch.tril_indices(*mixture.factors.shape[1:])
    # In units of gray levels half precision has no underflow.
    factors = (255 * mixture.factors[:, rows, columns]).half()
    write_weights(path, {"factors": factors, "weights": mixture.weights.float()}, provenance)


def read_mixture(path: Path) -> Mixture:
    """Read what `write_mixture` wrote.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or holds something else.
    """
    tensors, _ = read_weights(path)
    if tensors.keys() != {"factors", "weights"}:
        raise WeightsError(f"{path} does not hold a mixture of the epll prior")
    size, count = SIZE**2 - 1, len(tensors["weights"])
    rows, columns = torch.tril_indices(size, size)
    factors = torch.zeros(count, size, size, dtype=torch.float64)
    factors[:, rows, columns] = tensors["factors"].double() / 255
    return Mixture(tensors["weights"].double(), factors)
