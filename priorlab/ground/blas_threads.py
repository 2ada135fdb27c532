"""One thread for the linear algebra of numpy and scipy, whose systems here have a few unknowns."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from threadpoolctl import ThreadpoolController

from priorlab.ground import shared_state

_AT_ITS_START = "OPENBLAS_NUM_THREADS"


@contextlib.contextmanager
def one() -> Iterator[None]:
    """Let OpenBLAS compute with one thread, also if it is loaded meanwhile; then as before.

    It gives even systems of 2 x 2 to as many threads as there are cores, and these wait for each
    other: where other work keeps a core busy, for many times as long as the work itself takes. That
    of torch, on processors where torch has it, keeps its threads. All of a process share this: of
    its threads one is within at a time.

    Examples
    --------
    >>> with one():
    ...     os.environ["OPENBLAS_NUM_THREADS"]
    '1'
    """
    with shared_state.CHANGED:
        loaded = _of_arrays()
        usual = os.environ.get(_AT_ITS_START)
        os.environ[_AT_ITS_START] = "1"
        try:
            with loaded.limit(limits=1):
                yield
        finally:
            if usual is None:
                os.environ.pop(_AT_ITS_START, None)
            else:
                os.environ[_AT_ITS_START] = usual
            _give_threads_to_others(loaded)


def _of_arrays() -> ThreadpoolController:
    """Return what controls OpenBLAS as far as it is loaded, but for that of torch."""
    return _found(len(sys.modules))


@functools.lru_cache(1)
def _found(modules: int) -> ThreadpoolController:
    """Look for it again once there are more modules: that takes a millisecond."""
    found = ThreadpoolController().select(internal_api="openblas")
    places = [library.filepath for library in found.lib_controllers]
    return found.select(filepath=[one for one in places if "torch" not in Path(one).parts])


def _give_threads_to_others(known: ThreadpoolController) -> None:
    """Let what was loaded since compute with as many threads as what was there before."""
    places = {library.filepath for library in known.lib_controllers}
    for library in _of_arrays().lib_controllers:
        if places and library.filepath not in places:
            library.set_num_threads(known.lib_controllers[0].num_threads)
            library.clear_controlling_thread()
