"""Run one cell: degrade the clean image, restore it by the clock, check, score and store it.

This runs in a child process; see `priorlab.harness.run.worker`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from priorlab import restoration
from priorlab.errors import Unsupported, UsageError
from priorlab.files import write_atomically
from priorlab.harness.results import outputs
from priorlab.harness.run.scores import Scores, score
from priorlab.harness.run.timing import ClockedTrace, measured
from priorlab.harness.run.trajectory import Trajectory
from priorlab.pictures import arrays
from priorlab.pictures.image_files import ImageFile
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.tasks.base import Task

DAMAGED = "damaged"
"""Status of a stored image that cannot be scored, so that its cell is to be computed again."""


class StoreUnusable(Exception):
    """Nothing can be stored any more, so that there is no use in computing more cells."""


def compute(
    prior: Prior,
    task: Task,
    image: ImageFile,
    seed: int,
    *,
    registry: Registry,
    device: torch.device,
    folder: Path,
    trace: ClockedTrace,
) -> dict[str, Any]:
    """Run a cell; whatever goes wrong with it ends in the result.

    Parameters
    ----------
    prior, task, image, seed
        The cell.
    registry : Registry
        Knows the metrics.
    device : torch.device
        Where the prior works.
    folder : Path
        The store's folder of images.
    trace : ClockedTrace
        Receives what the prior reports.

    Returns
    -------
    dict
        Fields of `priorlab.harness.results.schema.Outcome`, "scores": the metrics by name, and
        "failed_metrics": what each metric that failed raised.

    Raises
    ------
    StoreUnusable
        If no image at all can be stored.
    """
    result: dict[str, Any] = {"scores": {}}
    try:
        clean = _clean(image)
        # Every cell makes its own measurement: no prior can spoil that of another.
        measurement = task.measure(arrays.to_tensor(clean), seed)
        result["measurement"] = arrays.digest(measurement.y[0].numpy())
        measured_picture = arrays.viewable(measurement).copy()
        truth = task.truth(arrays.to_tensor(clean)).to(device)
        trajectory = Trajectory(truth, task.protocol)
        trace.follow(trajectory)
        restored = restoration.run(
            prior,
            measurement.to(device),
            seed=seed,
            trace=trace,
            around=measured(device, trace, result),
        )
        stored = outputs.rounded(arrays.from_tensor(restored))
        scores = score(stored, clean, task, registry.metrics.values(), device)
        facts = trajectory.facts(scores.values.get("psnr", math.nan))
        facts["converged"] = trace.has_converged
        facts |= _keep(folder, stored, measured_picture, clean, trace)
    except Unsupported as error:
        return result | {"status": "unsupported", "message": restoration.reason(error)}
    except StoreUnusable:
        raise
    except Exception as error:
        return result | failure(error)
    return result | facts | _scores(scores) | {"status": "ok"}


def rescore(
    task: Task,
    image: ImageFile,
    stored: str,
    names: Sequence[str],
    *,
    registry: Registry,
    device: torch.device,
    folder: Path,
) -> dict[str, Any]:
    """Compute metrics of an image that was restored and stored earlier.

    Parameters
    ----------
    task, image
        Those of the cell.
    stored : str
        Digest of the restored image.
    names : sequence of str
        The metrics.
    registry : Registry
        Where they are looked up.
    device : torch.device
        Where metrics that need a device compute.
    folder : Path
        The store's folder of images.

    Returns
    -------
    dict
        "status", "scores" and "failed_metrics"; the status is "damaged" if the stored image
        cannot be read.
    """
    try:
        restored = outputs.get(folder, stored)
    except UsageError as error:
        return {"status": DAMAGED, "message": restoration.reason(error)}
    try:
        clean = _clean(image)
        chosen = [registry.find("metrics", name) for name in names]
        return {"status": "ok"} | _scores(score(restored, clean, task, chosen, device))
    except Exception as error:
        return failure(error)


def _scores(scores: Scores) -> dict[str, Any]:
    return {"scores": scores.values, "failed_metrics": scores.failures}


def failure(error: Exception) -> dict[str, Any]:
    """Return the part of a result that says what was raised."""
    details = restoration.details(error)
    return {"status": "failed", "message": restoration.reason(error), "details": details}


def _keep(
    folder: Path,
    restored: NDArray[np.float32],
    degraded: NDArray[np.float32],
    clean: NDArray[np.float32],
    trace: ClockedTrace,
) -> dict[str, Any]:
    """Store the images of a cell and return the fields of the result that name them."""
    try:
        facts = {
            "output": outputs.put(folder, restored),
            "degraded": outputs.put(folder, degraded, [outputs.VIEW]),
            "clean": outputs.put(folder, clean, [outputs.VIEW]),
        }
        extras = {
            found.name: [outputs.put(folder, found.image, [outputs.VIEW]), found.white]
            for found in trace.pictures()
        }
    except UsageError:
        _check_store(folder)
        raise
    return facts | {"extras": json.dumps(extras) if extras else ""}


def _check_store(folder: Path) -> None:
    """Raise `StoreUnusable` if not even a small file can be written to the store."""
    probe = folder / "probe.txt"
    try:
        write_atomically(probe, "Can this folder be written to?\n")
        probe.unlink(missing_ok=True)
    except (UsageError, OSError) as error:
        raise StoreUnusable(str(error)) from None


@lru_cache(maxsize=2)
def _clean(image: ImageFile) -> NDArray[np.float32]:
    """Return the clean image; it is not to be written to."""
    clean = arrays.check(image.read(), str(image.path))
    if arrays.digest(clean) != image.digest:
        raise UsageError(f"{image.path} changed while the comparison was running")
    clean.setflags(write=False)
    return clean
