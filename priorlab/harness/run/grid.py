"""The grid of a comparison: its cells, and the key under which a cell's result is stored."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from priorlab import plugins
from priorlab.errors import UsageError, check_seed
from priorlab.pictures.datasets import Dataset, ImageFile
from priorlab.priors import Prior
from priorlab.specs import Component
from priorlab.tasks.base import Task

KEY_SCHEMA = 1
"""Part of every key: to be raised when the harness itself changes what a result is."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One prior on one task, image and seed.

    Attributes
    ----------
    key : str
        SHA-256 of everything that the restored image can depend on; see `cell_key`.
    """

    prior: Prior
    task: Task
    image: ImageFile
    seed: int
    key: str

    @functools.cached_property
    def labels(self) -> dict[str, Any]:
        """What names the cell in a table: prior, task, image, seed."""
        return {
            "prior": self.prior.spec(),
            "task": self.task.spec(),
            "image": self.image.name,
            "seed": self.seed,
        }

    @functools.cached_property
    def pair(self) -> tuple[str, str]:
        """Prior and task: cells of one pair take alike long per pixel."""
        return self.labels["prior"], self.labels["task"]

    @property
    def megapixels(self) -> float:
        """Size of the clean image in millions of pixels."""
        return self.image.height * self.image.width / 1e6


def cells(
    priors: Sequence[Prior],
    tasks: Sequence[Task],
    images: Sequence[ImageFile],
    seeds: Sequence[int],
    *,
    registry: plugins.Registry,
    device: str,
) -> list[Cell]:
    """Return the cells of a grid, in the order of its tables.

    Raises
    ------
    UsageError
        For an empty axis, a bad seed or device, a file parameter that cannot be read, or a
        component that is not in the registry (a child process could not build it).
    """
    for axis, values in {"priors": priors, "tasks": tasks, "seeds": seeds}.items():
        if not values:
            raise UsageError(f"the grid has no {axis}; name at least one")
    for seed in seeds:
        check_seed(seed)
    for kind, components in {"priors": priors, "tasks": tasks}.items():
        for component in components:
            if registry.find(kind, component.name) is not type(component):
                raise UsageError(
                    f"{type(component).__name__} is not the {kind[:-1]} that is installed as"
                    f" {component.name!r}; put it in a file and name that as a plugin file"
                )
    setting = {
        "core": plugins.core_digest(),
        "device": device_class(device),
        "dtype": "float32",
        "torch": ".".join(torch.__version__.split(".")[:2]),
    }
    prior_identities = {prior: identity(prior, registry) for prior in priors}
    return [
        Cell(
            prior,
            task,
            image,
            seed,
            cell_key(prior_identity, task_identity, image.digest, seed, setting),
        )
        for task in dict.fromkeys(tasks)
        for task_identity in [identity(task, registry)]
        for prior, prior_identity in prior_identities.items()
        for image in images
        for seed in dict.fromkeys(seeds)
    ]


def identity(component: Component, registry: plugins.Registry) -> dict[str, Any]:
    """Return what the results of a component depend on: its parameters and its code."""
    return component.fingerprint() | {"code": registry.digest_of(type(component))}


def cell_key(
    prior: Mapping[str, Any],
    task: Mapping[str, Any],
    image_digest: str,
    seed: int,
    setting: Mapping[str, Any],
) -> str:
    """Return the key of a cell.

    Parameters
    ----------
    prior, task : mapping
        Their `identity`.
    image_digest : str
        Digest of the clean image's pixels; the name of the file does not matter.
    seed : int
        Seed of the measurement and of the prior.
    setting : mapping
        The core's digest, device class, number format and torch version. The number of threads
        and the metrics are left out: they do not decide which image is restored.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    parts = {"schema": KEY_SCHEMA, "prior": prior, "task": task, "image": image_digest}
    parts |= {"seed": seed, "setting": setting}
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: keys sorted, no blanks, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def device_class(device: str) -> str:
    """Return "cpu", "cuda", ... for a torch device that is there, or raise a `UsageError`."""
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise UsageError(f"device {device!r} is not one torch knows, such as cpu or cuda") from None
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device {device!r} is not there; this machine has no such GPU")
    return chosen.type


def run_name(tasks: Sequence[Task], dataset: Dataset, grid: Sequence[Mapping[str, Any]]) -> str:
    """Return the default name of a run: the same command gives the same name."""
    names = "+".join(dict.fromkeys(task.name for task in tasks))
    if len(names) > 30:
        names = f"{len(tasks)}-tasks"
    labels = hashlib.sha256(canonical([dict(cell) for cell in grid]).encode()).hexdigest()
    return safe_name(f"{names}-{dataset.name}")[:60] + f"-{labels[:8]}"


def safe_name(text: str) -> str:
    """Return a text as a file name on any system: `inpaint:missing=0.5` -> `inpaint-missing=0.5`.

    A text that loses more than its colon gets some digits of its digest, so that two texts do
    not share a name.
    """
    name = text.replace(":", "-", 1)
    safe = re.sub(r"[^\w .,=+()-]", "_", name).strip(". ").encode()[:150].decode(errors="ignore")
    if safe and safe == name:
        return safe
    return f"{safe.strip('. ')}~{hashlib.sha256(text.encode()).hexdigest()[:8]}"
