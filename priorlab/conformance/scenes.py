"""What priors are shown in the checks: small pictures, and measurements of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from priorlab.conformance.checks import Failed, Skipped
from priorlab.forward.measurement import Measurement
from priorlab.priors import Prior
from priorlab.tasks.base import Task
from priorlab.tasks.builtin import BUILTIN_TASKS

SIDE = 32
"""Height in pixels of most pictures; they are a quarter wider."""

WHITE = 0.95
"""The greatest value of a picture: that of a photograph as cameras expose it."""

FEW_STEPS = 20
"""So many steps of a fit show whether a network is fitted rightly."""


def scene(channels: int = 1, height: int = SIDE, width: int = SIDE + SIDE // 4) -> Tensor:
    """Return a picture (1, C, H, W) in [0, 1]: flat shapes of several colours on a gradient.

    Examples
    --------
    >>> scene(3, 17, 31).shape
    torch.Size([1, 3, 17, 31])
    """
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([0.2 + 0.5 * (rows + columns) / (height + width)] * channels)
    for _ in range(6):
        centre, radius = rng.random(2) * (height, width), rng.uniform(0.1, 0.3) * height
        disk = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
        image[:, disk] = rng.uniform(0.1, 0.9, (channels, 1))
    image *= WHITE / image.max()
    return torch.from_numpy(image.astype(np.float32))[None]


def supported(prior: Prior, clean: Tensor) -> Iterator[tuple[Task, Measurement]]:
    """Yield the tasks of the core that a prior takes, with a measurement of `clean` each.

    Raises
    ------
    Skipped
        If it takes none of them; with its own reason.
    """
    reasons: list[str] = []
    for kind in BUILTIN_TASKS:
        task = kind()
        measurement = task.measure(clean, seed=0)
        if reason := prior.unsupported(measurement):
            if not isinstance(reason, str):
                raise Failed(f"unsupported returned {reason!r}; it is to return a text or None")
            reasons.append(reason)
        else:
            yield task, measurement
    if len(reasons) == len(BUILTIN_TASKS):
        raise Skipped(f"it takes no task of priorlab: {reasons[0]}")


def first_supported(prior: Prior, clean: Tensor) -> tuple[Task, Measurement]:
    """Return the first task of the core that a prior takes, and a measurement of `clean`."""
    return next(supported(prior, clean))


def channels_of(prior: Prior) -> int:
    """Return 1, or 3 for a prior that takes colour pictures only."""
    try:
        first_supported(prior, scene(1))
    except Skipped:
        first_supported(prior, scene(3))
        return 3
    return 1


def measured(prior: Prior) -> Measurement:
    """Return a measurement of the usual picture that a prior takes."""
    return first_supported(prior, scene(channels_of(prior)))[1]


def batch_of(measurement: Measurement, factors: Sequence[float]) -> Measurement:
    """Return a batch: the data times each of the factors, which are not above 1."""
    y = torch.cat([measurement.y * factor for factor in factors])
    return dataclasses.replace(measurement, y=y, shape=(len(factors), *measurement.shape[1:]))


def quick(prior: Prior) -> Prior:
    """Return a prior that fits a network with few steps; others as they are."""
    names = {field.name for field in dataclasses.fields(prior)}
    if prior.optimises and "iterations" in names and prior.iterations > FEW_STEPS:  # type: ignore[attr-defined]
        return dataclasses.replace(prior, iterations=FEW_STEPS)  # type: ignore[call-arg]
    return prior
