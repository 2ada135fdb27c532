"""Keep a process to itself, as far as the system can: Linux can from 5.19 on, by Landlock."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_NO_NEW_PRIVILEGES = 38
_BELOW_A_PATH = 1
_REFER = 1 << 13
"""The right to move files between folders: what is not granted is denied with any rule set."""
_SIGNALS = 2
_FIRST_WITH_REFER, _FIRST_WITH_SIGNALS = 2, 6


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Below(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def confine() -> bool:
    """Keep this process, and those that it starts from now on, from the processes outside.

    It can neither read their memory, files and environment, nor change them, nor send them
    signals (from Linux 6.12 on): the one that started it is outside, too. Those outside may do
    all that with this one as before. It keeps all that it may do with files.

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
    rules = _Rules(_REFER, 0, _SIGNALS if known >= _FIRST_WITH_SIGNALS else 0)
    made = system.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if made < 0:
        return False
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        everywhere = _Below(_REFER, root)
        system.syscall(_ADD_RULE, made, _BELOW_A_PATH, ctypes.byref(everywhere), 0)
        system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(system.syscall(_RESTRICT_SELF, made, 0) == 0)
    finally:
        for descriptor in (root, made):
            with contextlib.suppress(OSError):
                os.close(descriptor)
