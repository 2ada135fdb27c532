"""Weights on disk: safetensors with their provenance and a checksum that loading verifies."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.ground.files import write_atomically


class WeightsError(UsageError):
    """The weights file is missing, damaged or not what the prior expects."""


def tensors_digest(state: dict[str, Tensor]) -> str:
    """Return the SHA-256 over names, shapes, types and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\0".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def write_weights(path: Path, state: dict[str, Tensor], provenance: dict[str, str]) -> None:
    """Write tensors, provenance and the tensors' checksum; the file appears only when complete."""
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    metadata = {**provenance, "tensors_sha256": tensors_digest(tensors)}
    write_atomically(path, save(tensors, metadata))


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and provenance, verifying the checksum.

    Raises
    ------
    WeightsError
        If the file is missing, unreadable, or its checksum does not match its content.
    """
    if not path.is_file():
        raise WeightsError(f"the weights file {path} does not exist")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"the weights file {path} is damaged: {error}") from error
    if metadata.get("tensors_sha256") != tensors_digest(state):
        raise WeightsError(
            f"the weights file {path} is damaged: its content does not match its checksum"
        )
    return state, metadata
