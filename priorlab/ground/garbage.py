"""The search for garbage, which waits while modules are imported.

Python looks for objects that only hold each other whenever enough new ones were made. Imports make
hundreds of thousands, nearly all of which stay. To look through them again and again, and once more
at the end, takes a third of the time of a short command.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_freezes = False


def freeze() -> None:
    """Look no more through what there is, nor through what will be imported, in this process.

    For a process whose end is known: a command, or one that others are forked from.
    """
    global _freezes
    _freezes = True
    gc.freeze()


@contextlib.contextmanager
def awaited() -> Iterator[None]:
    """Look for no garbage within; afterwards what was made counts as old, and is seldom looked at.

    Examples
    --------
    >>> with awaited():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if not _freezes:
            gc.unfreeze()  # from there it comes back as the oldest
        gc.enable()
