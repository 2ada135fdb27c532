"""How long a run will go on."""

from __future__ import annotations

import time

from priorlab.harness.run.estimates import Estimates
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.schedule import Schedule


class RemainingTime:
    """Judges by the estimates and by what the slots report."""

    def __init__(self, schedule: Schedule, slots: int) -> None:
        self._schedule = schedule
        self._slots = slots
        self._running: dict[int, tuple[Cell, float, float]] = {}

    def step(self, slot: int, cell: Cell, iteration: int, total: int) -> None:
        """Remember that a slot begins a cell (iteration 0), or how far it is."""
        since = self._running[slot][1] if iteration else time.monotonic()
        self._running[slot] = (cell, since, iteration / total if total else 0.0)

    def finished(self, cell: Cell) -> None:
        """Remember that a cell is done."""
        self._running = {slot: at for slot, at in self._running.items() if at[0] is not cell}

    def seconds_left(self) -> float | None:
        """Return the estimate, or None while one of the priors was never timed."""
        now = time.monotonic()
        seconds = 0.0
        projected = Estimates()
        for cell, since, share in self._running.values():
            whole = (now - since) / share if share else self._schedule.estimates.seconds(cell)
            if whole is None:
                return None
            projected.learn(cell, whole)
            seconds += max(0.0, whole - (now - since))
        left = self._schedule.seconds(projected)
        return None if left is None else (seconds + left) / self._slots
