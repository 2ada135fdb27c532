"""The processes that a plugin starts when it is loaded: found and ended, on Linux."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

_DEATH_SIGNAL, _SET_REAPER, _GET_REAPER = 1, 36, 37
"""Numbers of what `prctl` does."""
_MOST_ROUNDS = 1000


def end_with_parent() -> None:
    """Have the kernel end this process with the one that waits for it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)


@contextlib.contextmanager
def orphans_ended() -> Iterator[None]:
    """At the end, end the processes that were started within, also those whose parent is gone.

    In a process with threads nothing is ended: another thread may have started what is found.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        yield
        return
    before, own = ctypes.c_int(), children()
    prctl = ctypes.CDLL(None).prctl
    prctl(_GET_REAPER, ctypes.byref(before))
    prctl(_SET_REAPER, 1)
    try:
        yield
    finally:
        end(own)
        prctl(_SET_REAPER, before.value)


def children() -> set[int]:
    """Return the numbers of this process's children; none where that is not known.

    Examples
    --------
    >>> isinstance(children(), set)
    True
    """
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            found.update(map(int, (thread / "children").read_text().split()))
    return found


def end(keep: Collection[int] = ()) -> None:
    """End all children but those to keep, and the children that these leave behind."""
    for _ in range(_MOST_ROUNDS):
        found = children().difference(keep)
        if not found:
            return
        for number in found:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(number, signal.SIGKILL)
                os.waitpid(number, 0)
