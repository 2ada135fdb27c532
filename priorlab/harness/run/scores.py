"""The metrics of a cell; not part of its key, since they follow from the stored image."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlab import metrics, ssim
from priorlab.harness.isolation.metric_process import MetricFailed, MetricProcess
from priorlab.harness.run.chosen_metrics import ChosenMetric
from priorlab.metrics import BUILTIN_METRICS
from priorlab.pictures import arrays
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
    processes: Mapping[str, MetricProcess],
    names: Collection[str] | None = None,
) -> Scores:
    """Measure a restored image under the protocol of its task.

    Parameters
    ----------
    restored, clean : array of shape (C, H, W)
        The clean image may be larger: what the task does not degrade is not compared.
    task : Task
        Says what is compared.
    processes : mapping of str to MetricProcess
        For each metric of a plugin the process that computes it.
    names : collection of str, optional
        The metrics; by default all.

    Examples
    --------
    >>> from priorlab import plugins
    >>> (task,) = plugins.load().build_tasks("denoise")
    >>> clean = np.full((1, 32, 40), 0.5, np.float32)
    >>> values = score(clean + 0.1, clean, task, {}).values
    >>> round(values["psnr"], 2)
    20.0
    """
    truth = arrays.from_tensor(task.truth(arrays.to_tensor(clean)))
    builtin = [m for m in BUILTIN_METRICS if names is None or m.name in names]
    values = metrics.evaluate(restored, truth, task.protocol, builtin)
    failures: dict[str, str] = {}
    chosen = [name for name in processes if names is None or name in names]
    pair = [metrics.compared(image, task.protocol) for image in (restored, truth) if chosen]
    for name in chosen:
        try:
            values[name] = processes[name].evaluate(*pair)
        except MetricFailed as error:
            failures[name] = str(error)
    return Scores(values, failures)


def digests(task: Task, chosen: Mapping[str, ChosenMetric]) -> dict[str, str]:
    """Return for each metric a digest of its code, its parameters and the protocol.

    Scores are remembered under it, so that a metric of which any changed is computed again.

    Examples
    --------
    >>> from priorlab import plugins
    >>> from priorlab.harness.run.chosen_metrics import choose
    >>> registry = plugins.load()
    >>> (task,) = registry.build_tasks("denoise")
    >>> list(digests(task, choose(["ssim"], registry)))
    ['psnr', 'ssim']
    """
    shared = hashlib.sha256(repr(task.protocol).encode())
    for module in (metrics, ssim, arrays):
        shared.update(Path(str(module.__file__)).read_bytes())
    found = {}
    for name, metric in chosen.items():
        total = shared.copy()
        if metric.module:
            total.update(metric.digest.encode())
        found[name] = total.hexdigest()
    return found
