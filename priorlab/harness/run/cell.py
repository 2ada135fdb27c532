"""One cell, as the scorer computes it: measure, have the image restored, score what came back."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab import restoration
from priorlab.errors import UsageError, trace_of
from priorlab.forward.degradation import kind_of
from priorlab.forward.measurement import Measurement
from priorlab.harness.isolation.attempt import Attempt, Watcher, watch
from priorlab.harness.isolation.block import Block
from priorlab.harness.isolation.metric_process import MetricProcess
from priorlab.harness.isolation.nursery import Nursery, Unborn
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.results import outputs
from priorlab.harness.run import throughput
from priorlab.harness.run.measured import Measured
from priorlab.harness.run.scores import score
from priorlab.harness.run.trajectory import Trajectory
from priorlab.harness.run.wire import FILES
from priorlab.pictures import arrays
from priorlab.pictures.image_files import ImageFile
from priorlab.tasks.base import Task

DAMAGED = "damaged"
"""Status of a stored image that cannot be scored, so that its cell is to be computed again."""

MOST_VIEWS = 16
"""Pictures to look at that are kept: the cells of an image share them."""


class Views:
    """Pictures to look at, encoded once as long as they are in use."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, dict[str, bytes]]] = OrderedDict()

    def of(self, name: str, image: NDArray[np.float32]) -> tuple[str, dict[str, bytes]]:
        """Return what `outputs.encode` does for an image; `name` is the same only if that is."""
        if name not in self._kept:
            self._kept[name] = outputs.encode(image, [outputs.VIEW])
        self._kept.move_to_end(name)
        if len(self._kept) > MOST_VIEWS:
            self._kept.popitem(last=False)
        return self._kept[name]


@dataclasses.dataclass(frozen=True)
class Tools:
    """What the cells of a slot are computed with.

    Attributes
    ----------
    setup : Setup
    nursery : Nursery
        Starts the processes in which priors work.
    metrics : mapping of str to MetricProcess
        For each metric of a plugin the process that computes it.
    views : Views
    measured : Measured
    step : callable
        Told how far a prior is: iteration and planned total; both 0 when it begins.
    note : callable
        Told what the user should know.
    """

    setup: Setup
    nursery: Nursery
    metrics: Mapping[str, MetricProcess]
    views: Views
    measured: Measured
    step: Callable[[int, int], None]
    note: Callable[[str], None]


def compute(
    tools: Tools,
    prior: dict[str, Any],
    task: Task,
    image: ImageFile,
    seed: int,
    job: str,
    *,
    batched: bool = False,
) -> dict[str, Any]:
    """Run a cell; whatever goes wrong with it ends in the result.

    Parameters
    ----------
    tools : Tools
    prior : dict
        The description of the prior; see `priorlab.components.description`.
    task, image, seed
        The rest of the cell.
    job : str
        Names it in messages.
    batched : bool
        Whether the prior gains from batches, so that its throughput is of interest.

    Returns
    -------
    dict
        Fields of `priorlab.harness.results.schema.Outcome`, "scores": the metrics by name,
        "failed_metrics": what each metric that failed raised, and "pictures": the files of the
        images, by name.
    """
    result: dict[str, Any] = {"scores": {}}
    try:
        clean = clean_image(image)
        measurement, of_data = tools.measured.of(task, image, arrays.to_tensor(clean), seed)
        result["measurement"] = of_data
        result["degradation"] = kind_of(measurement)
        truth = task.truth(arrays.to_tensor(clean))
        trajectory = Trajectory(truth, task.protocol)
    except Exception as error:
        return result | failure(error)
    of_prior = seed_of_prior(seed, of_data)
    attempt, facts = _restored(tools, prior, measurement, of_prior, job, trajectory)
    result |= facts
    if attempt is None or attempt.image is None:
        return result
    try:
        views = _views(tools.views, truth, measurement, f"{task.spec()} {of_data}")
        result |= _scored(tools, attempt, task, clean, views, trajectory)
    except Exception as error:
        return result | failure(error)
    if batched and tools.setup.batch > 1:
        found = throughput.measure(
            tools.nursery,
            tools.setup,
            prior,
            measurement,
            attempt.image,
            seed=of_prior,
            job=job,
        )
        said = filter(None, (result["message"], found["message"]))
        result |= found | {"message": "; ".join(said)}
    return result


def _restored(
    tools: Tools,
    prior: dict[str, Any],
    measurement: Measurement,
    seed: int,
    job: str,
    trajectory: Trajectory,
) -> tuple[Attempt | None, dict[str, Any]]:
    """Have a prior restore a measurement, in a process of its own.

    Return what came of it, None if it could not begin, and what a row says of that.
    """
    try:
        block = Block.make(measurement)
    except Exception as error:
        return None, failure(error)
    with contextlib.closing(block):
        try:
            process = tools.nursery.start(prior, measurement.shape[1], job)
        except Unborn as error:
            return None, {"status": error.status, "message": str(error), "details": error.details}
        watcher = Watcher(lambda: tools.step(0, 0), tools.step, trajectory.see, tools.note)
        attempt = watch(process, job, block, seed, tools.setup, watcher)
    return attempt, {
        "prepare_seconds": process.prepare_seconds,
        "peak_mb": attempt.peak_mb,
        "status": attempt.status,
        "message": attempt.message,
        "details": attempt.details,
    }


def _views(
    kept: Views, truth: Tensor, measurement: Measurement, name: str
) -> dict[str, tuple[str, dict[str, bytes]]]:
    """Return the pictures that are shown beside the restored one; `name` is of the data."""
    compared = arrays.from_tensor(truth)  # what is beyond the frame would move the picture
    return {
        "clean": kept.of(arrays.digest(compared), compared),
        "degraded": kept.of(name, arrays.viewable(measurement)),
    }


def _scored(
    tools: Tools,
    attempt: Attempt,
    task: Task,
    clean: NDArray[np.float32],
    views: dict[str, tuple[str, dict[str, bytes]]],
    trajectory: Trajectory,
) -> dict[str, Any]:
    """Return what there is to say of an image that was restored."""
    assert attempt.image is not None
    if not torch.isfinite(attempt.image).all():
        raise restoration.InvalidImage("it returned NaN or infinity")
    restored = outputs.rounded(arrays.from_tensor(attempt.image))
    scores = score(restored, clean, task, tools.metrics)
    facts: dict[str, Any] = trajectory.facts(
        scores.values.get("psnr", math.nan),
        attempt.facts.get("last"),
        attempt.facts.get("stop"),
        attempt.facts.get("before"),
    )
    facts |= {"seconds": attempt.seconds, "cpu_seconds": attempt.cpu_seconds}
    facts["load"] = attempt.load
    facts["converged"] = attempt.facts.get("converged")
    facts["output"], files = outputs.encode(restored)
    for kind, (digest, more) in views.items():
        facts[kind] = digest
        files |= more
    extras: dict[str, list[Any]] = {}
    for found in attempt.pictures:
        digest, more = outputs.encode(found.image, [outputs.VIEW])
        extras[found.name] = [digest, found.white]
        files |= more
    facts["extras"] = json.dumps(extras) if extras else ""
    return facts | {"scores": scores.values, "failed_metrics": scores.failures, FILES: files}


def rescore(
    tools: Tools,
    task: Task,
    image: ImageFile,
    stored: str,
    data: bytes,
    names: Sequence[str],
) -> dict[str, Any]:
    """Compute metrics of an image that was restored and stored earlier.

    Parameters
    ----------
    tools : Tools
    task, image
        Those of the cell.
    stored : str
        Digest of the restored image.
    data : bytes
        Its file.
    names : sequence of str
        The metrics.

    Returns
    -------
    dict
        "status", "scores" and "failed_metrics"; the status is "damaged" if the stored image
        cannot be read.
    """
    try:
        restored = outputs.decode(stored + outputs.DATA, data)
    except UsageError as error:
        return {"status": DAMAGED, "message": restoration.reason(error)}
    try:
        scores = score(restored, clean_image(image), task, tools.metrics, names)
    except Exception as error:
        return failure(error)
    return {"status": "ok", "scores": scores.values, "failed_metrics": scores.failures}


def failure(error: Exception) -> dict[str, Any]:
    """Return the part of a result that says what was raised."""
    details = trace_of(error)
    return {"status": "failed", "message": restoration.reason(error), "details": details}


def seed_of_prior(seed: int, measurement: str) -> int:
    """Return the seed of a prior's own randomness: not that of the noise it is to remove.

    Parameters
    ----------
    seed : int
        Of the cell.
    measurement : str
        Digest of the measured data: on each image a prior draws other numbers.

    Examples
    --------
    >>> seed_of_prior(0, "c0ffee") == seed_of_prior(0, "c0ffee") != seed_of_prior(1, "c0ffee")
    True
    """
    text = f"prior {seed} {measurement}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


@lru_cache(maxsize=2)
def clean_image(image: ImageFile) -> NDArray[np.float32]:
    """Return the clean image; it is not to be written to."""
    clean = arrays.check(image.read(), str(image.path))
    if arrays.digest(clean) != image.digest:
        raise UsageError(f"{image.path} changed while the comparison was running")
    clean.setflags(write=False)
    return clean
