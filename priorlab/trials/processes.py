"""The processes that a plugin starts when it is loaded are ended, on Linux."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from priorlab.ground import process_tree

_MOST_ROUNDS = 1000


@contextlib.contextmanager
def orphans_ended() -> Iterator[None]:
    """At the end, end the processes that were started within, also those whose parent is gone.

    In a process with threads nothing is ended: another thread may have started what is found.
    """
    if not process_tree.KNOWN or threading.active_count() > 1:
        yield
        return
    own = set(process_tree.children(os.getpid()))
    with process_tree.adopting_orphans():
        try:
            yield
        finally:
            _end_all_but(own)


def _end_all_but(keep: set[int]) -> None:
    """End the children of this process but some, and those that these leave behind."""
    for _ in range(_MOST_ROUNDS):
        found = set(process_tree.children(os.getpid())) - keep
        if not found:
            return
        process_tree.end(found)
        for number in found:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(number, 0)
