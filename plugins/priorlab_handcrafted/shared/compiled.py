"""Loops compiled for the CPU by numba."""

import logging
import threading
from collections.abc import Callable
from typing import Any, cast

import numba
from numba.core import event

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
