"""Which cell comes next, and how long the rest will take."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping

from priorlab.harness.grid import Cell


class Estimates:
    """How long a cell takes, judged by earlier cells of the same prior, per megapixel."""

    def __init__(self, known: Mapping[tuple[str, str], float] | None = None) -> None:
        """Start from seconds per megapixel by (prior, task), as `Store.rates` returns them."""
        self._rates = {pair: [rate] for pair, rate in (known or {}).items()}

    def learn(self, cell: Cell, seconds: float) -> None:
        """Take note of how long a cell took."""
        self._rates.setdefault(_pair(cell), []).append(seconds / cell.megapixels)

    def seconds(self, cell: Cell) -> float | None:
        """Return the estimate, from the same task or else from other tasks; None if unknown."""
        prior, _ = _pair(cell)
        rates = self._rates.get(_pair(cell)) or [
            rate for (name, _), rates in self._rates.items() if name == prior for rate in rates
        ]
        return statistics.median(rates) * cell.megapixels if rates else None

    def total(self, cells: Iterable[Cell]) -> tuple[float, int]:
        """Return the sum of the estimates, and the number of cells that have none."""
        known = [self.seconds(cell) for cell in cells]
        return sum(value for value in known if value is not None), known.count(None)


class Schedule:
    """Hands out cells so that the estimates come early and all slots finish together.

    First one small cell of each prior and task that was never timed: after it every method has
    a first result, and the rest can be ordered. Then always the longest cell that is left, so
    that what remains at the end is short and fills the slots evenly.
    """

    def __init__(self, cells: Iterable[Cell], estimates: Estimates) -> None:
        self.estimates = estimates
        self._groups: dict[tuple[str, str], list[Cell]] = defaultdict(list)
        for cell in sorted(cells, key=lambda cell: cell.megapixels):
            self._groups[_pair(cell)].append(cell)
        self._tried = {
            pair for pair, (cell, *_) in self._groups.items() if estimates.seconds(cell) is not None
        }

    def take(self) -> Cell | None:
        """Return the next cell, or None when there are no more."""
        if not self._groups:
            return None
        pair = next((pair for pair in self._groups if pair not in self._tried), None)
        if pair is not None:
            self._tried.add(pair)
            return self._pop(pair, 0)
        longest = max(
            self._groups, key=lambda pair: self.estimates.seconds(self._groups[pair][-1]) or 0.0
        )
        return self._pop(longest, -1)

    def left(self) -> list[Cell]:
        """Return the cells that were not handed out."""
        return [cell for group in self._groups.values() for cell in group]

    def _pop(self, pair: tuple[str, str], index: int) -> Cell:
        cell = self._groups[pair].pop(index)
        if not self._groups[pair]:
            del self._groups[pair]
        return cell


def _pair(cell: Cell) -> tuple[str, str]:
    return cell.prior.spec(), cell.task.spec()


class Clock:
    """Tells how long a run will go on, from the estimates and from what the slots report."""

    def __init__(self, schedule: Schedule, slots: int) -> None:
        self._schedule = schedule
        self._slots = slots
        self._running: dict[int, tuple[Cell, float, float]] = {}

    def step(self, slot: int, cell: Cell, iteration: int, total: int) -> None:
        """Take note that a slot works on a cell and how far it is."""
        running, since, _ = self._running.get(slot, (None, 0.0, 0.0))
        if cell is not running:
            since = time.monotonic()
        self._running[slot] = (cell, since, iteration / total if total else 0.0)

    def finished(self, cell: Cell) -> None:
        """Take note that a cell is done."""
        self._running = {slot: at for slot, at in self._running.items() if at[0] is not cell}

    def seconds_left(self) -> float | None:
        """Return the estimate, or None while there is a prior nobody has timed."""
        now = time.monotonic()
        left = 0.0
        projected = Estimates()
        for cell, since, share in self._running.values():
            whole = (now - since) / share if share else self._schedule.estimates.seconds(cell)
            if whole is None:
                return None
            projected.learn(cell, whole)
            left += max(0.0, whole - (now - since))
        for cell in self._schedule.left():
            whole = self._schedule.estimates.seconds(cell) or projected.seconds(cell)
            if whole is None:
                return None
            left += whole
        return left / self._slots
