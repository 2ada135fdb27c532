"""Cells that are computed more than once: because they failed, or for a median of their seconds."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from priorlab.harness.run.progress import describe
from priorlab.harness.run.schedule import Job, Schedule

RETRIED = ("failed", "crashed", "timeout")
"""Statuses after which a cell may be tried again."""

MEDIANS = ("seconds", "cpu_seconds", "throughput")
"""What of a result is the median over its repeats, if it is in the last; the rest is that of the
last."""


class Attempts:
    """Decides of each result whether it is kept or its cell goes back into the schedule."""

    def __init__(
        self, schedule: Schedule, retries: int, repeats: int, say: Callable[[str], None]
    ) -> None:
        """Begin a run.

        Parameters
        ----------
        schedule : Schedule
            Of its cells; with repeats, the priors take turns.
        retries : int
            How often a cell that failed is tried again.
        repeats : int
            How many results each cell is to have; 0 for a single one that is not called a repeat.
        say : callable
            Called with why a cell is tried again.
        """
        self._schedule = schedule
        self._retries = retries
        self._repeats = repeats
        self._say = say
        self._failures: Counter[str] = Counter()
        self._results: dict[str, list[dict[str, Any]]] = defaultdict(list)
        if repeats:
            schedule.take_turns(repeats)

    def settle(self, job: Job, message: dict[str, Any]) -> dict[str, Any] | None:
        """Return the result to keep, or None if the cell will be computed once more."""
        if job.stored:
            return message
        if message["status"] in RETRIED and self._failures[job.cell.key] < self._retries:
            self._failures[job.cell.key] += 1
            self._say(f"tried again: {describe(job.cell.labels | message)}")
        elif message["status"] != "ok" or not self._repeats:
            return message
        else:
            found = self._results[job.cell.key]
            found.append(message)
            if len(found) >= self._repeats:
                del self._results[job.cell.key]
                return _median(found)
        self._schedule.restore_after_all(job.cell)
        return None


def _median(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the last of some results, with the median of their times."""
    medians = {
        name: statistics.median(values)
        for name in MEDIANS
        if found[-1].get(name) is not None
        and (values := [one[name] for one in found if one.get(name) is not None])
    }
    return found[-1] | medians | {"repeats": len(found)}
