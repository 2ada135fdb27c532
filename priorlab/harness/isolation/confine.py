"""Keep a process to itself, as far as the system can: Linux can from 5.19 on, by Landlock."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from priorlab.harness.results.names import INFO

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_NO_NEW_PRIVILEGES = 38
_BELOW_A_PATH = 1
_READ = 1 << 2
_REFER = 1 << 13
"""The right to move files between folders: what is not granted is denied with any rule set."""
_SIGNALS = 2
_FIRST_WITH_REFER, _FIRST_WITH_SIGNALS = 2, 6


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Below(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def confine(hidden: Iterable[str] = ()) -> bool:
    """Keep this process, and those that it starts from now on, from what is outside of it.

    It can neither read the memory and the files of the processes outside, nor change them, nor
    send them signals (from Linux 6.12 on): the one that started it is outside, too. Those outside
    may do all that with this one as before.

    Parameters
    ----------
    hidden : iterable of str
        Folders whose files it cannot read either, but for code (``*.py``), and nothing of the
        folders of runs in them. What is made later in a folder above them cannot be read either.

    Returns
    -------
    bool
        Whether the system could do it.
    """
    if sys.platform != "linux":
        return False
    system = ctypes.CDLL(None)
    known = system.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if known < _FIRST_WITH_REFER:
        return False
    folders = {Path(folder).resolve() for folder in hidden}
    files = _REFER | (_READ if folders else 0)
    rules = _Rules(files, 0, _SIGNALS if known >= _FIRST_WITH_SIGNALS else 0)
    made = system.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if made < 0:
        return False

    def allow(right: int, path: Path) -> None:
        with contextlib.suppress(OSError):
            place = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
            below = _Below(right, place)
            system.syscall(_ADD_RULE, made, _BELOW_A_PATH, ctypes.byref(below), 0)
            os.close(place)

    try:
        allow(_REFER, Path("/"))
        for path in _beside(folders):
            allow(_READ, path)
        system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(system.syscall(_RESTRICT_SELF, made, 0) == 0)
    finally:
        os.close(made)


def _beside(hidden: set[Path]) -> Iterator[Path]:
    """Yield what may be read: the system lets one allow what is below a folder, not forbid it."""
    ways = hidden | {above for folder in hidden for above in folder.parents}
    for folder in ways:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                if path in ways or entry.is_symlink():
                    continue
                if folder in hidden and not _is_harmless(path):
                    continue
                yield path


def _is_harmless(path: Path) -> bool:
    """Return whether a file or folder in a hidden folder has nothing to hide."""
    return not (path / INFO).exists() if path.is_dir() else path.suffix == ".py"
