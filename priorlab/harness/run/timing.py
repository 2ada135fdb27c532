"""The clock of a cell: it runs while a prior restores, except while its reports are handled."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from priorlab import devices
from priorlab.harness.run import memory
from priorlab.harness.run.trajectory import Trajectory, whole_number
from priorlab.pictures.extra_pictures import PictureCollector


class ClockedTrace(PictureCollector):
    """What the harness does with a prior's reports, and how long that took.

    It passes on a few times per second how far the prior is, follows how close its images are to
    the truth, and keeps its pictures.

    Attributes
    ----------
    spent : float
        Seconds that all this took, which are not the prior's.
    has_converged : bool or None
        Whether every iteration of the restoration reached its tolerance; None if none said so.
    """

    def __init__(self, tell: Callable[[int, int], None], interval: float = 0.25) -> None:
        """Pass iteration and total on to `tell`, at most once per `interval` in seconds."""
        super().__init__()
        self.spent = 0.0
        self.has_converged: bool | None = None
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
        # A plugin's numbers need not be Python's own, as `json` expects.
        number = whole_number(iteration)
        if number is not None and start >= self._next:
            self._tell(number, whole_number(total) or 0)
            self._next = time.perf_counter() + self._interval
        self.spent += time.perf_counter() - start

    def returned(self, iteration: int) -> None:
        """See `Trace.returned`."""
        if self._trajectory:
            self._trajectory.returned(iteration)

    def converged(self, reached: bool, residual: float) -> None:
        """See `Trace.converged`."""
        self.has_converged = bool(reached) and self.has_converged is not False

    def picture(self, name: str, image: Tensor) -> None:
        """See `Trace.picture`."""
        start = time.perf_counter()
        super().picture(name, image)
        self.spent += time.perf_counter() - start


@contextlib.contextmanager
def measured(device: torch.device, trace: ClockedTrace, facts: dict[str, Any]) -> Iterator[None]:
    """Note in `facts` the seconds that the block takes and its peak memory.

    Work that is queued on the device counts; what `trace` spends does not. If the block raises,
    only the memory is noted.
    """
    memory.reset_peak(device)
    devices.synchronize(device)
    start = time.perf_counter()
    try:
        yield
        devices.synchronize(device)
        facts["seconds"] = time.perf_counter() - start - trace.spent
    finally:
        facts["peak_mb"] = memory.peak_mb(device)
