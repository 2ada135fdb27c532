"""What all threads of a process share is changed by one of them at a time."""

from __future__ import annotations

import os
import threading

CHANGED = threading.RLock()
"""Held by whoever changes, for a while, what all threads share: torch's default number format, the
generators of random numbers, the streams. Another restoration waits until that is put back.

Threads of a prior never ask for it: who started them holds it. A copy of the process has a new one,
for the thread that held it may not be in it."""


def _renew() -> None:
    global CHANGED
    CHANGED = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
