"""The work of compiled loops, divided among threads."""

import contextlib
import ctypes
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = 200
"""Looks at a result before a thread goes to sleep until it is there: who sleeps is woken late."""


class Threads:
    """As many threads as torch is set to use, for work on parts of numpy arrays.

    The division must not depend on how many there are: then neither does the result. Within the
    work of one of these threads there are no more of them.

    The thread that calls is one of them: it works, too, and waits for nothing but what another one
    has begun. The others are kept off its processor. For Linux takes a processor of a virtual
    machine that has slept for 0.2 ms for taken, wakes a thread where the one runs that calls it,
    and there it waits until that one rests.
    """

    def __enter__(self) -> "Threads":
        self.count = 1 if hasattr(_here, "busy") else torch.get_num_threads()
        self._left: deque[_Task] = deque()
        self._called = 0
        self._helpers: list[_Helper] = []
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.clear()
        for helper in self._helpers:
            with helper.working:  # until it has ended what it had begun
                _free.append(helper)

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return the results of `work`, in the order of `items`."""
        return list(self.stream(work, items))

    def stream(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield the results in the order of `items`; few of them exist at a time."""
        if self.count == 1:
            yield from map(work, items)
            return
        self._keep_off()
        waiting: deque[_Task] = deque()
        for item in items:
            self._add(waiting, _Task(work, item))
            if len(waiting) > 2 * self.count:
                yield self._result(waiting.popleft())
        while waiting:
            yield self._result(waiting.popleft())

    def _add(self, waiting: "deque[_Task]", task: "_Task") -> None:
        waiting.append(task)
        self._left.append(task)
        if len(waiting) == 1:  # for this thread
            return
        if len(self._helpers) < self.count - 1:
            self._helpers.append(_hire())
            self._keep_off()
        self._called = (self._called + 1) % len(self._helpers)
        self._helpers[self._called].calls.put(self._left)

    def _keep_off(self) -> None:
        """Let the helpers run where this thread does not, each on a share of the processors."""
        if sys.platform != "linux" or _getcpu is None:
            return
        others = sorted(os.sched_getaffinity(0) - {_getcpu()})
        for index, helper in enumerate(self._helpers):
            share = set(others[index :: self.count - 1])
            if share and share != helper.processors:
                with contextlib.suppress(OSError):  # where that is not allowed
                    os.sched_setaffinity(helper.number, share)
                helper.processors = share

    def _result(self, task: "_Task") -> Any:
        """Return the result of a task, after doing whatever is left if it is not there yet."""
        _here.busy = True
        try:
            while not task.ended():
                self._left.popleft().run()
        except IndexError:
            pass
        finally:
            del _here.busy
        return task.result()


class _Task:
    """Something to be done by whoever takes it first, and what came out."""

    def __init__(self, work: Callable[[Any], Any], item: Any) -> None:
        self._work, self._item = work, item
        self._running = threading.Lock()
        self._running.acquire()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do it."""
        try:
            self._result = self._work(self._item)
        except BaseException as error:
            self._error = error
        self._running.release()

    def ended(self) -> bool:
        """Return whether it was done."""
        return not self._running.locked()

    def result(self) -> Any:
        """Return the result, once it is there, or raise the error."""
        for _ in range(PATIENCE):
            if self.ended():
                break
            time.sleep(0)
        with self._running:
            if self._error is not None:
                raise self._error
            return self._result


class _Helper:
    """A thread that, for each queue of tasks that it is given, does what is left in it."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[deque[_Task] | None] = queue.SimpleQueue()
        self.working = threading.Lock()
        self._thread = threading.Thread(target=self._live, daemon=True, name="priorlab")
        self._thread.start()
        self.number = self._thread.native_id
        self.processors: set[int] = set()

    def end(self) -> None:
        """Let it end."""
        self.calls.put(None)
        self._thread.join()

    def _live(self) -> None:
        _here.busy = True
        while (left := self.calls.get()) is not None:
            with self.working, contextlib.suppress(IndexError):
                while True:
                    left.popleft().run()


_here = threading.local()
"""Has `busy` in a thread that does some of the work."""

_free: list[_Helper] = []
"""Helpers that nobody has hired."""

_getcpu = getattr(ctypes.CDLL(None), "sched_getcpu", None) if sys.platform == "linux" else None


def _hire() -> _Helper:
    try:
        return _free.pop()
    except IndexError:
        return _Helper()


def _dismiss() -> None:
    while _free:
        _free.pop().end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_dismiss, after_in_child=_free.clear)
