"""Keep a process to itself, as far as the system can: Linux can from 5.19 on, by Landlock."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from priorlab.ground import process_tree

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_BELOW_A_PATH = 1
_WRITE_FILE, _READ_FILE = 1 << 1, 1 << 2
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
"""The rights to remove folders and files, and to make them, of whatever kind."""
_REFER = 1 << 13
"""The right to move files between folders: what is not granted is denied with any rule set."""
_TRUNCATE = 1 << 14
_OF_A_FILE = _READ_FILE | _WRITE_FILE | _TRUNCATE
_SIGNALS = 2
SYSTEM = ("/proc", "/sys")
"""What the system shows as files: whoever writes there changes it, or other processes."""
_FIRST_WITH_REFER, _FIRST_WITH_TRUNCATE, _FIRST_WITH_SIGNALS = 2, 3, 6


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Below(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def confine(unreadable: Collection[str] = (), unwritable: Collection[str] = ()) -> bool:
    """Keep this process, and those that it starts from now on, from the processes outside.

    It can neither read their memory, files and environment, nor change them, nor send them
    signals (from Linux 6.12 on): the one that started it is outside, too. Those outside may do
    all that with this one as before.

    The system takes a list of what is allowed: all that lies beside the way to what is denied.
    What somebody puts later into a folder on that way is therefore denied, too, but not what is
    put into those beside it.

    Parameters
    ----------
    unreadable : collection of str
        Files that it cannot read from now on, and folders in which it can read none.
    unwritable : collection of str
        Files and folders in which it can change, make, remove and (from Linux 6.2 on) shorten
        nothing; nor can it change files beside such a file, in the same folder.

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
    unread, unwritten = _there(unreadable), _there(unwritable)
    reading = _READ_FILE if unread else 0
    writing = _WRITE_FILE | _REMOVE_AND_MAKE if unwritten else 0
    if unwritten and known >= _FIRST_WITH_TRUNCATE:
        writing |= _TRUNCATE
    handled = _REFER | reading | writing
    rules = _Rules(handled, 0, _SIGNALS if known >= _FIRST_WITH_SIGNALS else 0)
    made = system.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if made < 0:
        return False
    try:
        _allow(system, made, Path("/"), _REFER)
        for place in _beside(unread):
            _allow(system, made, place, reading)
        closed = {path.parent for path in unwritten if path.is_file()}
        for place in _beside(unwritten):
            if place.parent not in closed or not place.is_file():
                _allow(system, made, place, writing)
        process_tree.give_up_privileges()
        return bool(system.syscall(_RESTRICT_SELF, made, 0) == 0)
    finally:
        os.close(made)


def denies(error: BaseException) -> bool:
    """Return whether an error is one that `confine` causes: the rights of the file do not."""
    if not isinstance(error, PermissionError) or not isinstance(error.filename, str | bytes):
        return False
    place = os.path.abspath(os.fsdecode(error.filename))
    if not os.path.exists(place):
        return os.access(os.path.dirname(place), os.W_OK)
    return os.access(place, os.R_OK | os.W_OK)


def _there(paths: Collection[str]) -> set[Path]:
    """Return those of some paths where there is anything, without links in them."""
    return {Path(path).resolve() for path in paths if os.path.exists(path)}


def _allow(system: ctypes.CDLL, rules: int, place: Path, what: int) -> None:
    """Allow something with a file, or with all that is in a folder."""
    with contextlib.suppress(OSError):  # what cannot be opened cannot be read either
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                what &= _OF_A_FILE  # a rule with any other right would be refused
            rule = _Below(what, descriptor)
            system.syscall(_ADD_RULE, rules, _BELOW_A_PATH, ctypes.byref(rule), 0)
        finally:
            os.close(descriptor)


def _beside(denied: Collection[Path]) -> Iterator[Path]:
    """Yield what lies beside the ways to some files and folders."""
    on_the_way = {folder for path in denied for folder in path.parents}
    todo = [Path("/")] if denied else []
    while todo:
        folder = todo.pop()
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                place = folder / entry.name
                if place in on_the_way and place not in denied:
                    todo.append(place)
                elif place not in denied and not entry.is_symlink():
                    yield place  # what a link leads to has a place of its own
