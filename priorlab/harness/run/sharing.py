"""A schedule of cells that other runs on the same store may be computing, too."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from typing_extensions import override

from priorlab.harness.results.claims import MINE, Claims
from priorlab.harness.results.database import Locked
from priorlab.harness.results.store import Store
from priorlab.harness.run.estimates import Estimates
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.schedule import Job, Schedule

AT_ONCE = 50
"""After so many cells that others have, the engine is to look at its processes again."""


class SharedSchedule(Schedule):
    """Hands out what nobody else computes; what others compute is waited for.

    While others have all that is left, `take` returns None although `len` is not 0.
    """

    def __init__(
        self,
        cells: Iterable[Cell],
        estimates: Estimates,
        to_score: Iterable[Job],
        *,
        store: Store,
        since: str,
        claims: Claims,
        hold: Callable[[], bool],
        locked: Callable[[], bool],
    ) -> None:
        """Begin with what is left to do.

        Parameters
        ----------
        cells, estimates, to_score
            As `Schedule` takes them.
        store : Store
            Where the results of others appear.
        since : str
            When this run looked into the store, as `stamp_of_now` says it: what others stored
            later is not computed.
        claims : Claims
            Those of this run.
        hold : callable
            Whether nothing is to be handed out for now.
        locked : callable
            Whether the store is locked: then cells are computed without being claimed.
        """
        left = {cell.key: cell for cell in cells}
        stamps = store.stamps(left)
        # What has no stamp yet was stored since they were read.
        news = [key for key in store.known(left) if stamps.get(key, since) >= since]
        self._waiting = {key: left.pop(key) for key in news}
        self._stamps = {key: stamps[key] for key in left.keys() & stamps.keys()}
        super().__init__(left.values(), estimates, to_score)
        self._store = store
        self._claims = claims
        self._hold = hold
        self._locked = locked
        self._to_score_later: deque[Job] = deque()

    def __len__(self) -> int:
        return super().__len__() + len(self._to_score_later) + len(self._waiting)

    @override
    def take(self) -> Job | None:
        if self._hold():
            return None
        for _ in range(AT_ONCE):
            job = self._to_score_later.popleft() if self._to_score_later else super().take()
            if job is None:
                return None
            if job.stored or self._claim(job.cell):
                return job
            self._waiting[job.cell.key] = job.cell
        return None

    @override
    def restore_after_all(self, cell: Cell) -> None:
        self._stamps |= self._store.stamps([cell.key])  # what is stored of it is no result
        super().restore_after_all(cell)

    def score_later(self, job: Job) -> None:
        """Add a cell that another run has restored, and of which metrics are missing."""
        self._to_score_later.append(job)

    def arrived(self) -> list[Cell]:
        """Return the cells that others have finished since this was last asked.

        Those that others have given up are handed out again.
        """
        if not self._waiting:
            return []
        taken = self._claims.taken(self._waiting)
        stamps = self._store.stamps(self._waiting)
        news = [key for key in self._waiting if stamps.get(key) != self._stamps.get(key)]
        arrived = [self._waiting.pop(key) for key in news]
        for key in self._waiting.keys() - taken:
            super().restore_after_all(self._waiting.pop(key))
        return arrived

    def look_again(self, cell: Cell) -> None:
        """Have a cell arrive once more, since what is stored of it could not be read."""
        self._waiting[cell.key] = cell

    def _claim(self, cell: Cell) -> bool:
        """Return whether a cell is to be computed here."""
        if self._locked():
            return True
        try:
            return self._claims.claim(cell.key, self._stamps.get(cell.key)) == MINE
        except Locked:
            return True
