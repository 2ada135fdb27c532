"""What processes print: the beginning and the end of it, however much it is."""

from __future__ import annotations

import os
import select
import threading
from collections import deque

from priorlab.ground import pipes

HEAD = TAIL = 1 << 16
"""Bytes that are kept of the beginning and of the end."""

_CHUNK = 1 << 16


class Output:
    """A pipe that never fills up: a thread reads what comes, and keeps little of it.

    Attributes
    ----------
    entry : int
        The descriptor to print to.
    """

    def __init__(self) -> None:
        self._exit, self.entry = os.pipe()
        os.set_blocking(self._exit, False)
        pipes.widen(self.entry)
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._head = b""
        self._tail: deque[bytes] = deque()
        self._kept = self._dropped = 0

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read_on, daemon=True).start()

    def take(self) -> str:
        """Return what was printed since this was last called."""
        with self._lock:
            self._read()
            middle = f"\n[... {self._dropped} bytes ...]\n" if self._dropped else ""
            head, tail = self._head, b"".join(self._tail)
            self._begin()
        return head.decode(errors="replace") + middle + tail.decode(errors="replace")

    def _read_on(self) -> None:
        poll = select.poll()
        poll.register(self._exit, select.POLLIN)
        while poll.poll():
            with self._lock:
                self._read()

    def _read(self) -> None:
        """Read what there is; called with the lock held."""
        for _ in range(64):  # not for ever: somebody may print all the time
            try:
                chunk = os.read(self._exit, _CHUNK)
            except BlockingIOError:
                return
            room = HEAD - len(self._head)
            if room > 0:
                self._head += chunk[:room]
                chunk = chunk[room:]
            if chunk:
                self._tail.append(chunk)
                self._kept += len(chunk)
            while self._kept - len(self._tail[0] if self._tail else b"") > TAIL:
                first = self._tail.popleft()
                self._kept -= len(first)
                self._dropped += len(first)
