"""The mixture of Gaussians of the ``epll`` prior, and its file."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.files import write_atomically

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
    factors = (255 * mixture.factors[:, rows, columns]).half().contiguous()
    tensors = {"factors": factors, "weights": mixture.weights.float().contiguous()}
    write_atomically(path, save(tensors, {**provenance, "tensors_sha256": _digest(tensors)}))


def read_mixture(path: Path) -> Mixture:
    """Read what `write_mixture` wrote.

    Raises
    ------
    UsageError
        If the file is missing, damaged, or its checksum does not match its content.
    """
    if not path.is_file():
        raise UsageError(f"the mixture file {path} does not exist")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in ("factors", "weights")}
            checksum = (file.metadata() or {}).get("tensors_sha256")
    except (SafetensorError, OSError) as error:
        raise UsageError(f"the mixture file {path} is damaged: {error}") from error
    if checksum != _digest(tensors):
        raise UsageError(f"the mixture file {path} is damaged: its checksum does not match")
    size, count = SIZE**2 - 1, len(tensors["weights"])
    rows, columns = torch.tril_indices(size, size)
    factors = torch.zeros(count, size, size, dtype=torch.float64)
    factors[:, rows, columns] = tensors["factors"].double() / 255
    return Mixture(tensors["weights"].double(), factors)


def _digest(tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 over names and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()
