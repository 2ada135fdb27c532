"""Which cell comes next."""

from __future__ import annotations

import bisect
import dataclasses
import heapq
from collections import deque
from collections.abc import Callable, Iterable

from priorlab.harness.run.estimates import Estimates, Pair
from priorlab.harness.run.grid import Cell


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


class _Group:
    """The cells of one prior and task that were not handed out, small images first."""

    def __init__(self, order: int) -> None:
        self.order = order
        self.cells: list[Cell] = []
        self.pixels = 0
        self.rate: float | None = None

    def add(self, cell: Cell) -> None:
        """Add a cell where its size belongs, before others of that size."""
        bisect.insort_left(self.cells, cell, key=_pixels)
        self.pixels += cell.pixels

    def pop(self, index: int) -> Cell:
        """Take a cell away."""
        cell = self.cells.pop(index)
        self.pixels -= cell.pixels
        return cell

    @property
    def seconds(self) -> float:
        """The estimate of all of them; 0 while it is unknown."""
        return (self.rate or 0.0) * self.pixels / 1e6

    @property
    def longest(self) -> float:
        """The estimate of the longest."""
        return (self.rate or 0.0) * (self.cells[-1].pixels if self.cells else 0) / 1e6


class Schedule:
    """Hands out jobs so that the estimates come early and all slots finish together.

    First what is only to be scored, which takes no time. Then one small cell of each prior and
    task that was never timed: after it every method has a first result, and the rest can be
    ordered. Then always the longest cell that is left, so that what remains at the end is short
    and fills the slots evenly.

    What a cell costs does not grow with the number of cells: sums are kept, and the longest is
    the top of a heap.

    Attributes
    ----------
    estimates : Estimates
        How long cells take; what it learns counts at once.
    """

    def __init__(
        self, cells: Iterable[Cell], estimates: Estimates, to_score: Iterable[Job] = ()
    ) -> None:
        self.estimates = estimates
        self._turns: deque[Pair] | None = None
        self._repeats = 1
        self._to_score = deque(to_score)
        self._groups: dict[Pair, _Group] = {}
        self._of_prior: dict[str, list[Pair]] = {}
        self._count = 0
        self._seconds = 0.0
        self._unknown: set[Pair] = set()
        self._heap: list[tuple[float, int, Pair]] = []
        for cell in sorted(cells, key=_pixels):
            group = self._group(cell.pair)
            group.cells.append(cell)
            group.pixels += cell.pixels
            self._count += 1
        estimates.changed()
        for pair in self._groups:
            self._rate(pair)
        self._untried = deque(pair for pair in self._groups if pair in self._unknown)

    def __len__(self) -> int:
        return len(self._to_score) + self._count

    def take(self) -> Job | None:
        """Return the next job, or None when there are no more."""
        if self._to_score:
            return self._to_score.popleft()
        if not self._count:
            return None
        self._learn()
        if self._turns is not None:
            return self._pop(self._next_turn(self._turns), 0)
        while self._untried:
            pair = self._untried.popleft()
            if self._groups[pair].cells:
                return self._pop(pair, 0)
        return self._pop(self._longest(), -1)

    def restore_after_all(self, cell: Cell) -> None:
        """Add a cell once more, such as one whose stored image turned out to be damaged.

        Where priors take turns it is the first of its prior's next one.
        """
        group = self._group(cell.pair)
        self._seconds -= group.seconds
        group.add(cell)
        self._count += 1
        self._seconds += group.seconds
        self._rate(cell.pair)
        if self._turns is not None and cell.pair not in self._turns:
            self._turns.append(cell.pair)

    def take_turns(self, repeats: int) -> None:
        """Have the priors take turns from now on, each with the same images, small ones first.

        Whatever changes in the machine's speed meanwhile then hits all of them alike. Each cell
        is expected to come back until it was handed out so many times.
        """
        self._turns = deque(self._groups)
        self._repeats = repeats

    def seconds(self, projected: Estimates) -> float | None:
        """Return the sum of the estimates of all cells that were not handed out.

        Parameters
        ----------
        projected : Estimates
            What running cells tell of priors that were never timed.

        Returns
        -------
        float or None
            None if even they say nothing of one of the priors.
        """
        self._learn()
        seconds = self._seconds if self._count else 0.0
        for pair in self._unknown:
            rate = projected.rate(pair)
            if rate is None:
                return None
            seconds += rate * self._groups[pair].pixels / 1e6
        return seconds * self._repeats

    def _group(self, pair: Pair) -> _Group:
        """Return the group of a prior and task; make it if there is none."""
        if pair not in self._groups:
            self._groups[pair] = _Group(len(self._groups))
            self._of_prior.setdefault(pair[0], []).append(pair)
        return self._groups[pair]

    def _learn(self) -> None:
        """Take over what was learned since the last time."""
        for prior in self.estimates.changed():
            for pair in self._of_prior.get(prior, ()):
                self._rate(pair)

    def _rate(self, pair: Pair) -> None:
        """Take over the rate of a prior and task."""
        group = self._groups[pair]
        self._seconds -= group.seconds
        group.rate = self.estimates.rate(pair)
        self._seconds += group.seconds
        self._place(pair)

    def _place(self, pair: Pair) -> None:
        """Give the longest cell of a prior and task its place, after a change of either."""
        group = self._groups[pair]
        if group.cells and group.rate is None:
            self._unknown.add(pair)
        else:
            self._unknown.discard(pair)
        if group.cells:
            heapq.heappush(self._heap, (-group.longest, group.order, pair))
        if len(self._heap) > 4 * len(self._groups) + 64:  # most of it is out of date
            self._heap = [(-g.longest, g.order, p) for p, g in self._groups.items() if g.cells]
            heapq.heapify(self._heap)

    def _next_turn(self, turns: deque[Pair]) -> Pair:
        """Return the prior and task whose turn it is; those that are done have no more."""
        while not self._groups[turns[0]].cells:
            turns.popleft()
        turns.rotate(-1)
        return turns[-1]

    def _longest(self) -> Pair:
        """Return the prior and task of the longest cell; of equally long ones the first's."""
        while True:
            longest, _, pair = self._heap[0]
            group = self._groups[pair]
            if group.cells and -longest == group.longest:
                return pair
            # It was longer once, and what it is now has a place of its own, if it is still there.
            heapq.heappop(self._heap)

    def _pop(self, pair: Pair, index: int) -> Job:
        group = self._groups[pair]
        self._seconds -= group.seconds
        cell = group.pop(index)
        self._seconds += group.seconds
        self._count -= 1
        self._place(pair)
        return Job(cell)


def _pixels(cell: Cell) -> int:
    return cell.pixels
