"""Memory that was freed, which this process keeps for what it will need next.

A step of an iteration allocates what the one before it freed. By default the C library of most
Linux systems, glibc, gives such memory back, and the system must clear each page before it is used
again: a quarter of the time of `bm3d` filling in a small picture, for one.
`benchmarks/freed_memory.py` measures it.
"""

from __future__ import annotations

import ctypes
import os
import sys

MOST_KEPT = 512 << 20
"""Bytes of free memory from which on some is given back."""

LARGEST_KEPT = 128 << 20
"""Bytes of the largest block that is kept. Larger ones, of pictures beyond ten megapixels in
colour, are given back at once: the holes that they leave between others would be too large."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of `malloc.h`


def keep() -> None:
    """Have this process keep it, and those it forks; with another C library nothing changes.

    For a process of our own, such as a command. What the user has set about it stays.

    Examples
    --------
    >>> keep()
    """
    said = any(name.startswith("MALLOC_") for name in os.environ)
    if said or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "") or sys.platform != "linux":
        return
    choose = getattr(ctypes.CDLL(None), "mallopt", None)
    if choose is not None:
        choose(_TRIM_THRESHOLD, MOST_KEPT)
        choose(_MMAP_THRESHOLD, LARGEST_KEPT)
