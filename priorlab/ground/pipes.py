"""Pipes through which a whole message goes at once."""

from __future__ import annotations

import contextlib
import fcntl

BYTES = 2**20
"""Room of a pipe. Through the usual 64 kB a result would go in ten pieces, and each time either end
would wait to be woken, where all cores are busy."""


def widen(pipe: int) -> None:
    """Give a pipe room for `BYTES`, where the system allows it.

    Examples
    --------
    >>> import os
    >>> out, into = os.pipe()
    >>> widen(into)
    >>> os.write(into, bytes(10))
    10
    """
    with contextlib.suppress(OSError, AttributeError):  # the latter where it is not Linux
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, BYTES)
