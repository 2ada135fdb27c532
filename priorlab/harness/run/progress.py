"""Progress of a run: an overall bar, the time left, and a line for what each slot is doing.

In a terminal and in a notebook it is drawn; elsewhere there are lines now and then.
"""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from typing_extensions import override

from priorlab.errors import counted
from priorlab.ground import escaping
from priorlab.harness.results.names import cell_text

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress as Bars

INTERVAL = 10.0
"""Seconds between two lines when the output is not a terminal."""

REFRESH = 0.25
"""Least seconds between two changes of what a notebook shows."""


class AtMost(float):
    """A number of seconds left of which there may be fewer."""


class Progress:
    """Follows a run while it works. This one shows nothing."""

    def started(self, total: int, cached: int, slots: int) -> None:
        """A run begins; `cached` of its `total` cells are known already."""

    def note(self, text: str) -> None:
        """Something the user should know, such as an image that cannot be read."""

    def working(
        self, slot: int, text: str, share: float = 0.0, seconds_left: float | None = None
    ) -> None:
        """A slot, counted from 0, is now doing what the text says, of which a share is done."""

    def finished(self, row: Mapping[str, Any], done: int, seconds_left: float | None) -> None:
        """A cell is finished, `done` in all; `seconds_left` is None while it is not known."""

    def ended(self) -> None:
        """The run ends, for any reason; the terminal is to be restored."""


class PlainProgress(Progress):
    """A line now and then, for log files."""

    unit = "cell"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = 0
        self._last = time.monotonic()

    def started(self, total: int, cached: int, slots: int) -> None:
        """Say how much is to be done."""
        self._total = total
        how = f"; {slots} at a time" if cached < total else ""
        self._say(f"{counted(total, 'cell')}, {cached} known already{how}")

    def note(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def finished(self, row: Mapping[str, Any], done: int, seconds_left: float | None) -> None:
        """Say how far the run is, and each failure."""
        if row["status"] not in ("ok", "unsupported"):
            self._say(describe(row))
        if time.monotonic() - self._last >= INTERVAL or done == self._total:
            self._last = time.monotonic()
            count = f"{done}/{counted(self._total, self.unit)}"
            self._say(", ".join(filter(None, (count, time_left(seconds_left)))))

    def _say(self, text: str) -> None:
        print(escaping.terminal(text), file=self._stream, flush=True)


class BarProgress(Progress):
    """A bar with the time left, and a line for each slot; failures scroll by above."""

    def __init__(self, unit: str = "cell") -> None:
        self._unit = unit
        self._done = 0
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
        self._bars.add_task(f"{self._unit}s", total=total, completed=cached, left="")
        self._done = cached
        self._lines = [""] * slots
        console = Console(stderr=True)
        self._live = Live(
            console=console,
            get_renderable=self._view,
            transient=True,
            refresh_per_second=1 / REFRESH,
            redirect_stdout=sys.stdout.isatty(),  # a file gets what is printed
        )
        self._live.start()

    def note(self, text: str) -> None:
        """Print it above the bar."""
        if self._live:
            self._live.console.print(
                escaping.terminal(text), markup=False, highlight=False, emoji=False
            )
        else:
            print(escaping.terminal(text), file=sys.stderr)

    def working(
        self, slot: int, text: str, share: float = 0.0, seconds_left: float | None = None
    ) -> None:
        """Show it in the slot's line, and where the share is known in the bar."""
        self._lines[slot] = escaping.terminal(text)
        if self._bars and share:
            task = self._bars.task_ids[0]
            self._bars.update(task, completed=self._done + share, left=time_left(seconds_left))

    def finished(self, row: Mapping[str, Any], done: int, seconds_left: float | None) -> None:
        """Move the bar, and print a failure above it."""
        self._done = done
        if self._bars:
            task = self._bars.task_ids[0]
            self._bars.update(task, completed=done, left=time_left(seconds_left))
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


class PictureLines(PlainProgress):
    """A line now and then while pictures are restored, whose results are told elsewhere."""

    unit = "result"

    @override
    def started(self, total: int, cached: int, slots: int) -> None:
        self._total = total

    def working(
        self, slot: int, text: str, share: float = 0.0, seconds_left: float | None = None
    ) -> None:
        """Say how far a picture is that takes long."""
        if share and time.monotonic() - self._last >= INTERVAL:
            self._last = time.monotonic()
            self._say(", ".join(filter(None, (f"{text}: {share:.0%}", time_left(seconds_left)))))

    def finished(self, row: Mapping[str, Any], done: int, seconds_left: float | None) -> None:
        """Say how many pictures are done, unless it was the last."""
        if done < self._total:
            super().finished(row, done, seconds_left)


class NotebookProgress(Progress):
    """A bar below the cell of a notebook, which disappears at the end."""

    def __init__(self, unit: str = "cell") -> None:
        self._unit = unit
        self._total = self._done = 0
        self._text = ""
        self._shown = -REFRESH
        # What a notebook has loaded already; elsewhere IPython need not be installed.
        display = sys.modules["IPython"].display.display
        self._handle = display(_drawn("", 0, 1), raw=True, display_id=True)

    @override
    def started(self, total: int, cached: int, slots: int) -> None:
        self._total, self._done = total, cached

    @override
    def note(self, text: str) -> None:
        print(escaping.terminal(text))

    def working(
        self, slot: int, text: str, share: float = 0.0, seconds_left: float | None = None
    ) -> None:
        """Draw how far it is."""
        self._text = escaping.terminal(text)
        self._draw(share, seconds_left)

    def finished(self, row: Mapping[str, Any], done: int, seconds_left: float | None) -> None:
        """Draw how far it is, and print a failure."""
        self._done = done
        self._draw(0.0, seconds_left)
        if row["status"] not in ("ok", "unsupported"):
            self.note(describe(row))

    @override
    def ended(self) -> None:
        self._handle.update({"text/plain": "", "text/html": ""}, raw=True)

    def _draw(self, share: float, seconds_left: float | None) -> None:
        if time.monotonic() - self._shown < REFRESH:
            return
        self._shown = time.monotonic()
        count = f"{self._done}/{counted(self._total, self._unit)}"
        line = " · ".join(filter(None, (count, self._text, time_left(seconds_left))))
        self._handle.update(_drawn(line, self._done + share, self._total), raw=True)


def _drawn(line: str, done: float, total: int) -> dict[str, str]:
    """Return a bar with a line beside it, as text and as HTML."""
    bar = f'<progress value="{done:.3f}" max="{max(1, total)}"></progress>'
    return {"text/plain": line, "text/html": f"{bar} {html.escape(line)}"}


def for_terminal() -> Progress:
    """Return bars where standard error is a terminal or a notebook, else occasional lines."""
    if in_notebook():
        return NotebookProgress()
    return BarProgress() if sys.stderr.isatty() else PlainProgress()


def for_pictures() -> Progress:
    """Return what `for_terminal` does, for pictures that are restored one after the other."""
    if in_notebook():
        return NotebookProgress("result")
    return BarProgress("result") if sys.stderr.isatty() else PictureLines()


def in_notebook() -> bool:
    """Return whether this process works for a notebook, such as Jupyter's.

    Examples
    --------
    >>> in_notebook()
    False
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def describe(row: Mapping[str, Any]) -> str:
    """Return a failed row as one line.

    Examples
    --------
    >>> cell = {"prior": "bm3d", "task": "denoise", "image": "house", "seed": 0}
    >>> describe(cell | {"status": "failed", "message": "out of memory"})
    'failed: bm3d · denoise · house · seed 0: out of memory'
    """
    return escaping.terminal(f"{row['status']}: {cell_text(row)}: {row['message']}")


def time_left(seconds: float | None) -> str:
    """Return the time left in words, or nothing where it is not known.

    Examples
    --------
    >>> time_left(3725), time_left(AtMost(57)), time_left(None)
    ('about 1:02:05 left', 'at most 0:57 left', '')
    """
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"{'at most' if isinstance(seconds, AtMost) else 'about'} {clock} left"
