"""Store what comes back, also while another process keeps the store locked."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from priorlab.errors import counted
from priorlab.harness.results.database import Locked

PATIENCE = 600.0
"""Seconds to wait at the end of a run for a store that is locked."""

IMPATIENCE = 10.0
"""The same, once the user has asked to stop."""

PAUSE = 1.0
"""Seconds between two tries."""

REMINDER = 60.0
"""Seconds after which is said again that the store is locked."""

MOST_BYTES = 2**29
"""With so much in memory that cannot be stored, no more is computed."""

Made = TypeVar("Made")

Write = Callable[[], None]
"""Stores something, or raises `Locked`."""


def patiently(
    make: Callable[[], Made], say: Callable[[str], None], stop: Callable[[], bool]
) -> Made:
    """Return what a function returns; while the store is locked, it is called again and again.

    Raises
    ------
    Locked
        If that went on for too long, or the user asked to stop.
    """
    since = time.monotonic()
    while True:
        try:
            return make()
        except Locked as error:
            if stop() or time.monotonic() - since > PATIENCE:
                raise
            say(f"{error}; waiting for it")
            time.sleep(PAUSE)


class Unstored(Exception):
    """Results could not be stored before patience was lost; the message says how many."""


class Keeper:
    """Stores results in their order; what cannot be stored yet waits in memory.

    Attributes
    ----------
    locked : bool
        Whether another process kept the store locked when it was last tried.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """Note whom to tell when the store is locked, and when it is free again."""
        self.locked = False
        self._say = say
        self._waiting: deque[tuple[Write, int]] = deque()
        self._bytes = 0
        self._next_try = self._next_word = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether there is no room for more results."""
        return self._bytes >= MOST_BYTES

    def keep(self, write: Write, size: int) -> None:
        """Store a result of so many bytes, now or later."""
        self._waiting.append((write, size))
        self._bytes += size
        self.flush()

    def flush(self) -> None:
        """Store what waits, as far as that is possible now.

        Raises
        ------
        UsageError
            If the store cannot be written, for another reason than being locked.
        """
        if self.locked and time.monotonic() < self._next_try:
            return
        while self._waiting:
            write, size = self._waiting[0]
            try:
                write()
            except Locked:
                self._wait()
                return
            self._waiting.popleft()
            self._bytes -= size
        if self.locked:
            self._say("the store is free again; nothing was lost")
        self.locked = False

    def _wait(self) -> None:
        now = time.monotonic()
        if not self.locked:
            self._next_word = now + PAUSE
        elif now >= self._next_word:
            self._next_word = now + REMINDER
            waiting = counted(len(self), "result waits", "results wait")
            self._say(f"another process keeps the store locked; {waiting} in memory")
        self.locked = True
        self._next_try = now + PAUSE

    def finish(self, stop: Callable[[], bool]) -> None:
        """Store what is left, and wait for that as long as it makes sense.

        Raises
        ------
        Unstored
            If the store stayed locked.
        UsageError
            As `flush` raises it.
        """
        since = time.monotonic()
        while True:
            self.flush()
            if not self._waiting:
                return
            waited = time.monotonic() - since
            if waited > (IMPATIENCE if stop() else PATIENCE):
                results = counted(len(self), "result is", "results are")
                raise Unstored(
                    f"{results} not stored: another process kept the store locked"
                    f" for {waited:.0f} s; they are in this table, and will be computed again"
                )
            time.sleep(PAUSE / 10)
