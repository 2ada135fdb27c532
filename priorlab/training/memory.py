"""Memory that one training step frees and the next one needs again."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt``, from ``malloc.h``."""

MOST_TRIM, MOST_MMAP = (1 << 31) - 1, 1 << 30
"""Thresholds that no tensor reaches."""

OWN_TRIM, OWN_MMAP = 64 << 20, 32 << 20
"""The greatest thresholds that glibc sets by itself; it raises them as large blocks are freed.

It neither says what they were nor adapts them again once they were set. So these are what it is
left with: a process that has trained would have reached them anyway.
"""


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Do not hand freed memory back to the kernel within this context, where the C library can.

    glibc returns every freed activation and pays its page faults again in the next step, which
    costs more than a third of the time. At the end what is free is returned.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "mallopt"):
        yield
        return
    library.mallopt(MMAP_THRESHOLD, MOST_MMAP)
    library.mallopt(TRIM_THRESHOLD, MOST_TRIM)
    try:
        yield
    finally:
        library.mallopt(MMAP_THRESHOLD, OWN_MMAP)
        library.mallopt(TRIM_THRESHOLD, OWN_TRIM)
        library.malloc_trim(0)
