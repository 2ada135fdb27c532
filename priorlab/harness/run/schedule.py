"""Which cell comes next, and how long the rest will take."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping

from priorlab.harness.run.grid import Cell

Pair = tuple[str, str]
"""Prior and task, as specs."""

MEMORY = 50
"""An estimate is the median of so many of the latest cells."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What a child process does at a time: restore a cell, or only score what was restored.

    Attributes
    ----------
    cell : Cell
        The cell.
    stored : str
        Digest of the restored image where that is known already and only metrics of it are
        missing; else empty.
    metrics : tuple of str
        The names of those metrics.
    read : callable, optional
        Returns the file of that image, by name.
    """

    cell: Cell
    stored: str = ""
    metrics: tuple[str, ...] = ()
    read: Callable[[], dict[str, bytes]] | None = None


class Estimates:
    """How long a cell takes, judged by earlier cells of the same prior, per megapixel."""

    def __init__(self, known: Mapping[Pair, float] | None = None) -> None:
        """Start from seconds per megapixel by (prior, task), as `Store.rates` returns them."""
        self._rates: dict[Pair, deque[float]] = defaultdict(lambda: deque(maxlen=MEMORY))
        for pair, rate in (known or {}).items():
            self._rates[pair].append(rate)

    def learn(self, cell: Cell, seconds: float) -> None:
        """Remember how long a cell took."""
        self._rates[cell.pair].append(seconds / cell.megapixels)

    def rate(self, pair: Pair) -> float | None:
        """Return seconds per megapixel, of the same task or else of others; None if unknown."""
        own = self._rates.get(pair)
        rates = own or [
            rate for (prior, _), rates in self._rates.items() if prior == pair[0] for rate in rates
        ]
        return statistics.median(rates) if rates else None

    def seconds(self, cell: Cell) -> float | None:
        """Return the estimate of a cell; None if unknown."""
        rate = self.rate(cell.pair)
        return None if rate is None else rate * cell.megapixels

    def total(self, cells: Iterable[Cell]) -> tuple[float, int]:
        """Return the sum of the estimates, and the number of cells that have none."""
        known = [self.seconds(cell) for cell in cells]
        return sum(value for value in known if value is not None), known.count(None)


class Schedule:
    """Hands out jobs so that the estimates come early and all slots finish together.

    First what is only to be scored, which takes no time. Then one small cell of each prior and
    task that was never timed: after it every method has a first result, and the rest can be
    ordered. Then always the longest cell that is left, so that what remains at the end is short
    and fills the slots evenly.

    Attributes
    ----------
    left : dict
        The cells to restore that were not handed out, by prior and task, small images first.
    """

    def __init__(
        self, cells: Iterable[Cell], estimates: Estimates, to_score: Iterable[Job] = ()
    ) -> None:
        self.estimates = estimates
        self.left: dict[Pair, list[Cell]] = {}
        self._to_score = deque(to_score)
        for cell in sorted(cells, key=_size):
            self.left.setdefault(cell.pair, []).append(cell)
        self._untried = [pair for pair in self.left if estimates.rate(pair) is None]

    def __len__(self) -> int:
        return len(self._to_score) + sum(map(len, self.left.values()))

    def take(self) -> Job | None:
        """Return the next job, or None when there are no more."""
        if self._to_score:
            return self._to_score.popleft()
        while self._untried:
            pair = self._untried.pop(0)
            if pair in self.left:
                return self._pop(pair, 0)
        if self.left:
            return self._pop(max(self.left, key=self._longest), -1)
        return None

    def restore_after_all(self, cell: Cell) -> None:
        """Add a cell whose stored image turned out to be damaged."""
        group = self.left.setdefault(cell.pair, [])
        group.append(cell)
        group.sort(key=_size)

    def _longest(self, pair: Pair) -> float:
        return self.estimates.seconds(self.left[pair][-1]) or 0.0

    def _pop(self, pair: Pair, index: int) -> Job:
        cell = self.left[pair].pop(index)
        if not self.left[pair]:
            del self.left[pair]
        return Job(cell)


def _size(cell: Cell) -> float:
    return cell.megapixels


class TimeLeft:
    """How long a run will go on, judged by the estimates and by what the slots report."""

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
        for pair, cells in self._schedule.left.items():
            rate = self._schedule.estimates.rate(pair) or projected.rate(pair)
            if rate is None:
                return None
            seconds += rate * sum(cell.megapixels for cell in cells)
        return seconds / self._slots
