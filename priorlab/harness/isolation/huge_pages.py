"""Memory in pages of 2 MB, of which a fork has to copy far fewer entries: Linux from 6.1 on."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

SIZE = 1 << 21
_COLLAPSE = 25


def gather() -> None:
    """Put what memory this process has now into huge pages, as far as the system can.

    It takes half a second for 250 MB, and then halves the time of a fork and of the end of the
    forked process. Where the system cannot, nothing happens.
    """
    if sys.platform != "linux":
        return
    system = ctypes.CDLL(None)
    system.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, end in _own_memory():
        system.madvise(start, end - start, _COLLAPSE)


def _own_memory() -> Iterator[tuple[int, int]]:
    """Yield where whole huge pages of the process's own, writable memory begin and end."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/maps").read_bytes().splitlines():  # names may be any bytes
            place, rights, _, _, _, *name = line.split(maxsplit=5)
            if rights.startswith(b"rw") and rights.endswith(b"p") and name in ([], [b"[heap]"]):
                first, last = (int(number, 16) for number in place.split(b"-"))
                start, end = -(-first // SIZE) * SIZE, last // SIZE * SIZE
                if start < end:
                    yield start, end
