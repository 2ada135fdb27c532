"""The metrics of a cell; not part of its key, since they follow from the stored image."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab import metrics, restoration, ssim
from priorlab.errors import UsageError
from priorlab.harness.results import schema
from priorlab.metrics import BUILTIN_METRICS, Metric
from priorlab.pictures import arrays
from priorlab.registry import Registry
from priorlab.tasks.base import Task


@dataclasses.dataclass(frozen=True)
class Scores:
    """What came of measuring a restored image.

    Attributes
    ----------
    values : dict of str to float
        By the metric's name; NaN where the metric is not defined.
    failures : dict of str to str
        For each metric that raised, what it raised, in one line. These have no value: a failure
        is not to be remembered, so that the metric is tried again.
    """

    values: dict[str, float]
    failures: dict[str, str]


def score(
    restored: NDArray[np.float32],
    clean: NDArray[np.float32],
    task: Task,
    chosen: Iterable[Metric],
    device: str | torch.device = "cpu",
) -> Scores:
    """Measure a restored image under the protocol of its task.

    Parameters
    ----------
    restored, clean : array of shape (C, H, W)
        The clean image may be larger: what the task does not degrade is not compared.
    task : Task
        Says what is compared.
    chosen : iterable of Metric
        `BUILTIN_METRICS` may be computed anywhere; others run the code of plugins, which does
        not belong in the driver's process.
    device : str or torch.device
        Where metrics that need a device compute.

    Examples
    --------
    >>> from priorlab import plugins
    >>> (task,) = plugins.load().build_tasks("denoise")
    >>> clean = np.full((1, 32, 40), 0.5, np.float32)
    >>> values = score(clean + 0.1, clean, task, BUILTIN_METRICS).values
    >>> round(values["psnr"], 2)
    20.0
    """
    truth = arrays.from_tensor(task.truth(arrays.to_tensor(clean)))
    values: dict[str, float] = {}
    failures: dict[str, str] = {}
    for metric in chosen:
        try:
            values |= metrics.evaluate(restored, truth, task.protocol, [metric], device)
        except Exception as error:  # the metric of a plugin must not cost a restored image
            print(f"metric {metric.name} failed:\n{traceback.format_exc()}", file=sys.stderr)
            failures[metric.name] = restoration.reason(error)
    return Scores(values, failures)


def digests(task: Task, registry: Registry) -> dict[str, str]:
    """Return for each metric a digest of its code and the protocol.

    Scores are remembered under it, so that a metric whose code changed is computed again.

    Raises
    ------
    UsageError
        If a metric has the name of another column of the results.

    Examples
    --------
    >>> from priorlab import plugins
    >>> registry = plugins.load()
    >>> (task,) = registry.build_tasks("denoise")
    >>> digests(task, registry).keys() == registry.metrics.keys()
    True
    """
    taken = {column.name for column in schema.columns()} - set(schema.METRICS)
    if taken & registry.metrics.keys():
        names = ", ".join(sorted(taken & registry.metrics.keys()))
        raise UsageError(f"a metric cannot be called {names}: the results have such a column")
    shared = hashlib.sha256(repr(task.protocol).encode())
    for module in (metrics, ssim, arrays):
        shared.update(Path(str(module.__file__)).read_bytes())
    found = {}
    for name, metric in registry.metrics.items():
        total = shared.copy()
        if metric not in BUILTIN_METRICS:
            total.update(registry.owners["metrics", name].digest.encode())
        found[name] = total.hexdigest()
    return found
