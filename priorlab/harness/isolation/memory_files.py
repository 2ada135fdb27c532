"""Files without a name, in memory where the system has that: what is handed to another process."""

from __future__ import annotations

import os
import sys
import tempfile


def empty(size: int) -> int:
    """Return the descriptor of a file of `size` zeros; on Linux nobody can change its size.

    Whoever maps a file that somebody else shrinks ends at the next look at it.
    """
    if sys.platform == "linux":
        import fcntl

        file = os.memfd_create("priorlab", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(file, size)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        return file
    with tempfile.TemporaryFile() as temporary:
        file = os.dup(temporary.fileno())
    os.ftruncate(file, size)
    return file


def holding(data: bytes) -> int:
    """Return the descriptor of a file that holds some bytes.

    Examples
    --------
    >>> file = holding(b"pixels")
    >>> os.pread(file, 100, 0)
    b'pixels'
    >>> os.close(file)
    """
    file = empty(len(data))
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], written)
    return file
