"""How long the restoration of some pictures will go on."""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from pathlib import Path

from priorlab.harness.run.progress import AtMost

MEMORY = 20
"""An estimate is the median of so many of the latest pictures."""


class TimeLeft:
    """Judges by the pictures before, by their size as files, and by how far the present one is.

    How far that is tells how long it takes at most: a prior may stop before its last step.

    Parameters
    ----------
    jobs : iterable of (str, Path)
        What is done to a file, in the order in which it is done.

    Examples
    --------
    >>> clock = TimeLeft([("tv", Path("photo.png")), ("tv", Path("photo.png"))])
    >>> clock.begin()
    >>> clock.seconds_left() is None  # nothing is known yet
    True
    >>> clock.finished()
    >>> clock.seconds_left() < 60
    True
    """

    def __init__(self, jobs: Iterable[tuple[str, Path]]) -> None:
        self._left = deque((kind, _size(path)) for kind, path in jobs)
        self._rates: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MEMORY))
        self._since, self._counts = time.monotonic(), True
        self._first: tuple[float, float] | None = None

    def begin(self) -> None:
        """Note that the next job begins."""
        self._begin()
        self._counts = True

    def skipped(self) -> None:
        """Note that the job needed no work, so that nothing is learnt from it."""
        self._counts = False

    def finished(self) -> None:
        """Note that the job is done."""
        kind, size = self._left.popleft()
        if self._counts:
            self._rates[kind].append((time.monotonic() - self._since) / size)
        self._begin()

    def seconds_left(self, share: float = 0.0) -> float | None:
        """Return the estimate, `AtMost` one or None where nothing is known yet of what is left.

        Parameters
        ----------
        share : float
            How much of the present job is done, in [0, 1]. What came before the first share, such
            as compiling, says nothing of what is left.
        """
        seconds = time.monotonic() - self._since
        rates = {kind: statistics.median(known) for kind, known in self._rates.items() if known}
        certain = all(kind in rates for kind, _ in self._left)
        most = None
        if share and self._left:
            self._first = self._first or (seconds, share)
            before, done = self._first
            if share > done:
                whole = (seconds - before) / (share - done)
                most = (1 - share) * whole
                kind, size = self._left[0]
                rates[kind] = min(rates.get(kind, math.inf), whole / size)
        if any(kind not in rates for kind, _ in self._left):
            return None
        expected = [rates[kind] * size for kind, size in self._left] or [0.0]
        rest = expected[0] - seconds
        if most is not None and not 0 < rest < most:
            # Nothing like those before, unless it stops as early as they did.
            certain, rest = False, most
        left = max(0.0, rest) + sum(expected[1:])
        return left if certain else AtMost(left)

    def _begin(self) -> None:
        self._since, self._first = time.monotonic(), None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size or 1
    except OSError:
        return 1
