"""Temporary folders that do not outlive their process, even one that is killed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where what a killed process leaves stays
    fcntl = None  # type: ignore[assignment]

PREFIX = "priorlab-while-running-"
"""What the names begin with: so long that nobody else's folder is taken for one of these."""

_NAME = re.compile(rf"{PREFIX}[a-z0-9_]{{8}}")


class TemporaryFolder:
    """A folder that goes with this object or with its process.

    A process that is killed cannot remove its folder. It holds a lock on it, though, which the
    system takes away with the process: whoever makes the next folder removes those without.

    Attributes
    ----------
    name : str
        Its path.

    Raises
    ------
    OSError
        If it cannot be made.

    Examples
    --------
    >>> folder = TemporaryFolder()
    >>> os.path.isdir(folder.name)
    True
    >>> folder.close()
    >>> os.path.isdir(folder.name)
    False
    """

    def __init__(self) -> None:
        remove_abandoned()
        made, lock = _made()
        self.name = made.name
        self._end = weakref.finalize(self, _end, made, lock)

    def close(self) -> None:
        """Remove it now, and what is in it."""
        self._end()


def _made() -> tuple[tempfile.TemporaryDirectory[str], int | None]:
    """Make a folder, and return it with the descriptor that holds its lock, if there are locks."""
    while True:
        made = tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True)
        lock = _locked(Path(made.name), wait=True)
        # Before it had its lock, another process may have taken it for an abandoned one.
        if lock is not None or os.path.isdir(made.name):
            return made, lock
        made.cleanup()


def _end(made: tempfile.TemporaryDirectory[str], lock: int | None) -> None:
    made.cleanup()
    if lock is not None:
        os.close(lock)


def remove_abandoned() -> None:
    """Remove the folders whose processes were killed; those of other users stay."""
    for folder in _found():
        lock = _locked(folder, wait=False)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _found() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        place = tempfile.gettempdir()
        yield from (Path(place, name) for name in os.listdir(place) if _NAME.fullmatch(name))


def _locked(folder: Path, *, wait: bool) -> int | None:
    """Return a descriptor that holds the lock on a folder of this user, or None.

    None if the folder is gone, is in use and one does not `wait`, or if the disk knows no locks:
    of such a disk no folder is ever taken for an abandoned one.
    """
    if fcntl is None:
        return None
    with contextlib.ExitStack() as otherwise, contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        otherwise.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        held = os.fstat(descriptor)
        if held.st_uid == os.geteuid() and os.path.samestat(held, os.lstat(folder)):
            otherwise.pop_all()
            return descriptor
    return None
