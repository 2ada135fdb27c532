"""Loops compiled for the CPU by numba, and their division among threads."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar, cast

import numba
import torch
from numba.core import event

Item = TypeVar("Item")
Result = TypeVar("Result")

OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    # All of "fast" but assuming that there are no NaNs or infinities, and approximating functions.
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays and numbers, when it is first called with new types.

    It releases the interpreter's lock. The machine code is kept on disk, next to the source or in
    the user's cache, if one of them is writable. That it is being compiled is said once.
    """
    try:
        compiled = numba.njit(cache=True, **OPTIONS)(function)
        _notice.kept.add(compiled)
    except RuntimeError:  # neither is writable
        compiled = numba.njit(**OPTIONS)(function)
        _notice.not_kept.add(compiled)
    return cast(Callable[..., Any], compiled)


class _Notice(event.Listener):  # type: ignore[misc]
    """Says, once in a process, why the first call takes seconds: its loops are being compiled."""

    def __init__(self) -> None:
        self.kept: set[Any] = set()
        self.not_kept: set[Any] = set()
        self._said = threading.Lock()

    def on_start(self, event: event.Event) -> None:
        """Say it, if it is a loop of priorlab's that is not found on disk."""
        loop = event.data["dispatcher"]
        if loop in self.kept and self._said.acquire(blocking=False):
            _log.warning("compiling loops for this processor, once; it takes some seconds")
        elif loop in self.not_kept and self._said.acquire(blocking=False):
            _log.warning(
                "compiling loops for this processor, as in every process: no folder to keep them"
                " is writable (NUMBA_CACHE_DIR can name one)"
            )

    def on_end(self, event: event.Event) -> None:
        """Be silent."""


_log = logging.getLogger("priorlab.compiling")
_notice = _Notice()
event.register("numba:compile", _notice)
_here = threading.local()
"""Has `busy` in the threads of a pool."""


class Threads:
    """As many threads as torch is set to use, for work on parts of numpy arrays.

    The division must not depend on how many there are: then neither does the result. Within the
    work of one of these threads there are no more of them.
    """

    def __enter__(self) -> "Threads":
        self._count = 1 if hasattr(_here, "busy") else torch.get_num_threads()
        self._pool = (
            ThreadPoolExecutor(self._count, initializer=setattr, initargs=(_here, "busy", True))
            if self._count > 1
            else None
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return the results of `work`, in the order of `items`."""
        return list(self._pool.map(work, items) if self._pool else map(work, items))

    def stream(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield the results in the order of `items`; few of them exist at a time."""
        if not self._pool:
            yield from map(work, items)
            return
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(self._pool.submit(work, item))
            if len(waiting) > 2 * self._count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
