"""Progress of a run: an overall bar, the time left, and a line for what each slot is doing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress as Bars

INTERVAL = 10.0
"""Seconds between two lines when the output is not a terminal."""


class Progress:
    """Follows a run while it works. This one shows nothing."""

    def started(self, total: int, cached: int, slots: int) -> None:
        """A run begins; `cached` of its `total` cells are known already."""

    def note(self, text: str) -> None:
        """Something the user should know, such as an image that cannot be read."""

    def working(self, slot: int, text: str) -> None:
        """A slot, counted from 0, is now doing what the text says."""

    def finished(self, row: Mapping[str, Any], done: int, seconds_left: float | None) -> None:
        """A cell is finished, `done` in all; `seconds_left` is None while it is not known."""

    def ended(self) -> None:
        """The run ends, for any reason; the terminal is to be restored."""


class PlainProgress(Progress):
    """A line now and then, for log files."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = 0
        self._last = time.monotonic()

    def started(self, total: int, cached: int, slots: int) -> None:
        """Say how much is to be done."""
        self._total = total
        how = f"; {slots} at a time" if cached < total else ""
        self._say(f"{total} cells, {cached} known already{how}")

    def note(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def finished(self, row: Mapping[str, Any], done: int, seconds_left: float | None) -> None:
        """Say how far the run is, and each failure."""
        if row["status"] not in ("ok", "unsupported"):
            self._say(describe(row))
        if time.monotonic() - self._last >= INTERVAL or done == self._total:
            self._last = time.monotonic()
            self._say(", ".join(filter(None, (f"{done}/{self._total} cells", _left(seconds_left)))))

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class BarProgress(Progress):
    """A bar with the time left, and a line for each slot; failures scroll by above."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._bars: Bars | None = None
        self._lines: list[str] = []

    def started(self, total: int, cached: int, slots: int) -> None:
        """Draw the bar."""
        from rich.console import Console
        from rich.live import Live
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        self._bars.add_task("cells", total=total, completed=cached, left="")
        self._lines = [""] * slots
        console = Console(stderr=True)
        self._live = Live(
            console=console, get_renderable=self._view, transient=True, refresh_per_second=4
        )
        self._live.start()

    def note(self, text: str) -> None:
        """Print it above the bar."""
        if self._live:
            self._live.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr)

    def working(self, slot: int, text: str) -> None:
        """Show it in the slot's line."""
        self._lines[slot] = text

    def finished(self, row: Mapping[str, Any], done: int, seconds_left: float | None) -> None:
        """Move the bar, and print a failure above it."""
        if self._bars:
            task = self._bars.task_ids[0]
            self._bars.update(task, completed=done, left=_left(seconds_left))
        if row["status"] not in ("ok", "unsupported"):
            self.note(describe(row))

    def ended(self) -> None:
        """Remove the bar."""
        if self._live:
            self._live.stop()
            self._live = None

    def _view(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        lines = [
            Text(f"  {index + 1}: {line}", style="dim", overflow="ellipsis", no_wrap=True)
            for index, line in enumerate(self._lines)
        ]
        return Group(self._bars or "", *lines)


def for_terminal() -> Progress:
    """Return bars where standard error is a terminal, else occasional lines."""
    return BarProgress() if sys.stderr.isatty() else PlainProgress()


def describe(row: Mapping[str, Any]) -> str:
    """Return a failed row as one line.

    Examples
    --------
    >>> cell = {"prior": "bm3d", "task": "denoise", "image": "house", "seed": 0}
    >>> describe(cell | {"status": "failed", "message": "out of memory"})
    'failed: bm3d · denoise · house · seed 0: out of memory'
    """
    cell = f"{row['prior']} · {row['task']} · {row['image']} · seed {row['seed']}"
    return f"{row['status']}: {cell}: {row['message']}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"about {clock} left"
