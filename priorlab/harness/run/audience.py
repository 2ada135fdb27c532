"""Progress for an audience that may leave: a terminal that is closed must not end a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from typing_extensions import override

from priorlab.harness.run.progress import Progress


class Audience(Progress):
    """Passes everything on, until that fails.

    Attributes
    ----------
    doing : dict
        What each slot does, in words.
    failed : int
        The cells that failed so far.
    """

    def __init__(self, progress: Progress) -> None:
        """Note whom to tell."""
        self.doing: dict[int, str] = {}
        self.failed = 0
        self._progress = progress
        self._gone = False

    @override
    def started(self, total: int, cached: int, slots: int) -> None:
        self._tell(lambda: self._progress.started(total, cached, slots))

    @override
    def note(self, text: str) -> None:
        self._tell(lambda: self._progress.note(text))

    def working(
        self, slot: int, text: str, share: float = 0.0, seconds_left: float | None = None
    ) -> None:
        """Pass it on, and remember it."""
        self.doing[slot] = text
        self._tell(lambda: self._progress.working(slot, text, share, seconds_left))

    def finished(self, row: Mapping[str, Any], done: int, seconds_left: float | None) -> None:
        """Pass it on, and count the failures."""
        self.failed += row["status"] not in ("ok", "unsupported")
        self._tell(lambda: self._progress.finished(row, done, seconds_left))

    @override
    def ended(self) -> None:
        self._tell(self._progress.ended)

    def _tell(self, tell: Callable[[], None]) -> None:
        if self._gone:
            return
        try:
            tell()
        except (OSError, ValueError):  # a terminal that hung up, a file that was closed
            self._gone = True
