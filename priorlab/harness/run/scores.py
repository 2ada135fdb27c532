"""The metrics of a cell; not part of its key, since they follow from the stored image."""

from __future__ import annotations

import hashlib
import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab import metrics
from priorlab.pictures import images
from priorlab.registry import Registry
from priorlab.tasks.base import Task


def score(
    restored: NDArray[np.float32], clean: NDArray[np.float32], task: Task, registry: Registry
) -> dict[str, float]:
    """Return all metrics by name, under the protocol of the task; NaN for one that fails.

    Parameters
    ----------
    restored, clean : array of shape (C, H, W)
        The clean image may be larger: what the task does not degrade is not compared.
    """
    truth = images.from_tensor(task.truth(images.to_tensor(clean)))
    values: dict[str, float] = {}
    for metric in registry.metrics.values():
        try:
            values |= metrics.evaluate(restored, truth, task.protocol, [metric])
        except Exception as error:  # a plugin's metric must not cost a restored image
            print(f"metric {metric.name} failed: {error!r}", file=sys.stderr)
            values[metric.name] = math.nan
    return values


def digest(task: Task, registry: Registry) -> str:
    """Return a digest of the metrics' code and the protocol: scores are remembered under it."""
    total = hashlib.sha256(repr(task.protocol).encode())
    for module in (metrics, images):
        total.update(Path(str(module.__file__)).read_bytes())
    for name in sorted(registry.metrics):
        owner = registry.owners["metrics", name].digest
        total.update(f"{name} {'' if name in _OWN else owner}\n".encode())
    return total.hexdigest()


_OWN = {metric.name for metric in metrics.BUILTIN_METRICS}
