"""What is to be done with what comes from the cluster, in the order in which it came."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from distributed import Future

FETCH = 60.0
"""Seconds within which a result must arrive once it is there."""

Task = Callable[[], Iterator[Any] | None]
"""What is to be done, which may yield results of cells."""


class Inbox:
    """Filled by the threads of a client, emptied by the driver's."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(4, "priorlab-fetch")
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()

    def put(self, task: Task) -> None:
        """Have the driver do something."""
        self._tasks.put(task)

    def when_done(self, future: Future, then: Callable[[Any], Iterator[Any] | None]) -> None:
        """Have the driver do something with what a future will hold, exceptions included."""

        def fetch() -> None:
            try:
                reply = future.result(timeout=FETCH)
            except BaseException as error:
                reply = error
            self.put(lambda: then(reply))

        def fetch_later(_: Future) -> None:
            with contextlib.suppress(RuntimeError):  # the run has ended
                self.threads.submit(fetch)

        future.add_done_callback(fetch_later)

    def empty(self, wait: float) -> Iterator[Any]:
        """Wait some seconds for something to come, do all that came, and yield its results."""
        with contextlib.suppress(queue.Empty):
            task = self._tasks.get(timeout=wait)
            while True:
                yield from task() or ()
                task = self._tasks.get_nowait()

    def close(self) -> None:
        """Fetch nothing any more."""
        self.threads.shutdown(wait=False, cancel_futures=True)
