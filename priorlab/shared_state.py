"""What all threads of a process share is changed by one of them at a time."""

from __future__ import annotations

import threading

CHANGED = threading.RLock()
"""Held by whoever changes, for a while, what all threads share: torch's default number format, the
generators of random numbers, the streams. Another restoration waits until that is put back.

Threads of a prior never ask for it: who started them holds it."""
