"""Run one cell: degrade the clean image, restore it by the clock, check, store and score it.

This runs in a child process; see `priorlab.harness.run.worker`.
"""

from __future__ import annotations

import json
import math
import time
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab.errors import Unsupported, UsageError
from priorlab.forward.measurement import Measurement
from priorlab.harness.results import outputs
from priorlab.harness.run import memory
from priorlab.harness.run.scores import score
from priorlab.harness.run.trajectory import Trajectory
from priorlab.pictures import arrays, reading
from priorlab.pictures.datasets import ImageFile
from priorlab.pictures.extra_pictures import PictureCollector
from priorlab.priors import Prior
from priorlab.randomness import seeded
from priorlab.registry import Registry
from priorlab.tasks.base import Task

MESSAGE = 300
"""Longest message in a table's row, in characters; the details keep the rest."""


class ClockedTrace(PictureCollector):
    """Passes on how far a prior is, a few times per second, follows how close its images are to
    the truth, keeps its pictures, and notes the time all this takes.
    """

    def __init__(self, tell: Callable[[int, int], None], interval: float = 0.25) -> None:
        super().__init__()
        self.spent = 0.0
        self._tell = tell
        self._interval = interval
        self._next = 0.0
        self._trajectory: Trajectory | None = None

    def follow(self, trajectory: Trajectory) -> None:
        """Have what is reported from now on measured."""
        self._trajectory = trajectory

    def report(
        self,
        iteration: int,
        total: int,
        image: Tensor,
        *,
        output: Tensor | None = None,
        **values: float,
    ) -> None:
        """See `Trace.report`."""
        start = time.perf_counter()
        if self._trajectory:
            self._trajectory.see(iteration, image)
        if start >= self._next:
            self._tell(iteration, total)
            self._next = time.perf_counter() + self._interval
        self.spent += time.perf_counter() - start

    def returned(self, iteration: int) -> None:
        """See `Trace.returned`."""
        if self._trajectory:
            self._trajectory.returned(iteration)

    def picture(self, name: str, image: Tensor) -> None:
        """See `Trace.picture`."""
        start = time.perf_counter()
        super().picture(name, image)
        self.spent += time.perf_counter() - start


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
    """Run a cell; whatever the prior raises or returns ends in the result.

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
        Is told of the progress.

    Returns
    -------
    dict
        Fields of `priorlab.harness.results.schema.Outcome`, "scores": the metrics by name, and
        "failed_metrics": what each metric that failed raised.

    Raises
    ------
    UsageError
        If the restored image cannot be stored: nothing that follows could be either.
    """
    result: dict[str, Any] = {"scores": {}}
    try:
        clean = _clean(image.path, image.digest)
        # Every cell makes its own measurement: no prior can spoil that of another.
        measurement = task.measure(arrays.to_tensor(clean), seed)
        result["measurement"] = arrays.digest(measurement.y[0].cpu().numpy())
        degraded = arrays.viewable(measurement).copy()
        truth = task.truth(arrays.to_tensor(clean)).to(device)
        trajectory = Trajectory(truth, task.protocol)
        trace.follow(trajectory)
        restored = outputs.rounded(_restore(prior, measurement.to(device), seed, trace, result))
        scores = score(restored, clean, task, registry.metrics.values(), device)
        result |= {"scores": scores.values, "failed_metrics": scores.failures}
        result |= trajectory.facts(result["scores"].get("psnr", math.nan))
    except Unsupported as error:
        return result | {"status": "unsupported", "message": _first_line(str(error))}
    except Exception as error:
        return result | failure(error)
    result["output"] = outputs.put(folder, restored)
    result["degraded"] = outputs.put(folder, degraded, [outputs.VIEW])
    result["clean"] = outputs.put(folder, clean, [outputs.VIEW])
    extras = {
        found.name: [outputs.put(folder, found.image, [outputs.VIEW]), found.white]
        for found in trace.pictures()
    }
    result["extras"] = json.dumps(extras) if extras else ""
    return result | {"status": "ok"}


def failure(error: Exception) -> dict[str, Any]:
    """Return the part of a result that tells what was raised."""
    speaks_for_itself = isinstance(error, UsageError | InvalidImage)
    text = str(error) if speaks_for_itself else f"{type(error).__name__}: {error}"
    details = "".join(traceback.format_exception(error))[-20_000:]
    return {"status": "failed", "message": _first_line(text), "details": details}


class InvalidImage(Exception):
    """What a prior returned is not an image of the right kind."""


def _restore(
    prior: Prior,
    measurement: Measurement,
    seed: int,
    trace: ClockedTrace,
    result: dict[str, Any],
) -> NDArray[np.float32]:
    """Restore by the clock; notes the seconds and the memory in `result`."""
    device = measurement.y.device
    if reason := prior.unsupported(measurement):
        raise Unsupported(reason)
    prior.prepare(device, measurement.shape[1])
    memory.reset_peak(device)
    _synchronize(device)
    with seeded(seed, device):
        start = time.perf_counter()
        try:
            restored = prior.restore(measurement, trace, seed)
            _synchronize(device)
            result["seconds"] = time.perf_counter() - start - trace.spent
        finally:
            result["peak_mb"] = memory.peak_mb(device)
    return checked(restored, measurement.shape)


def checked(restored: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the restored image as an array, or raise `InvalidImage`."""
    if not isinstance(restored, Tensor):
        raise InvalidImage(f"restore returned {type(restored).__name__}, not a tensor")
    if tuple(restored.shape) != tuple(shape):
        raise InvalidImage(
            f"restore returned an image of shape {tuple(restored.shape)}, not {tuple(shape)}"
        )
    if restored.dtype != torch.float32:
        raise InvalidImage(f"restore returned {restored.dtype}, not torch.float32")
    bad = int((~torch.isfinite(restored)).sum())
    if bad:
        raise InvalidImage(
            f"restore returned NaN or infinity in {bad} of {restored.numel()} values"
        )
    return np.clip(arrays.from_tensor(restored), 0, 1)


@lru_cache(maxsize=2)
def _clean(path: Path, digest: str) -> NDArray[np.float32]:
    """Return the clean image; it is not to be written to."""
    clean = arrays.check(reading.read(path), str(path))
    if arrays.digest(clean) != digest:
        raise UsageError(f"{path} changed while the comparison was running")
    clean.setflags(write=False)
    return clean


def _synchronize(device: torch.device) -> None:
    """Wait for what was queued on the device, so that the clock counts it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _first_line(text: str) -> str:
    line = " ".join(text.strip().partition("\n")[0].split())
    return line if len(line) <= MESSAGE else line[: MESSAGE - 3] + "..."
