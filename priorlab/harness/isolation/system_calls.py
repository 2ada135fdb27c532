"""Keep a process from changing others by their numbers, where signals and files are not needed.

Whoever has the same user may lower the priority of any process, for ever, and set its limits; and a
process can start another one that counts as its parent's. Linux forbids it by a filter of system
calls, which those inherit that are started from then on.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys

from priorlab.ground import process_tree

_MODE_FILTER = 1
_KEEP_SPECULATION = 1 << 2
"""The flag without which older kernels slow the process down: nothing secret is in it."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_CLONE_PARENT = 0x8000
_OF_X32 = 0x40000000
"""From this number on, calls of x86-64 have a second number."""

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_OF_ITSELF: tuple[tuple[dict[str, int], dict[int, int]], ...] = (
    ({"x86_64": 141, "aarch64": 140}, {0: 0, 1: 0}),  # setpriority(PRIO_PROCESS, 0, ...)
    ({"x86_64": 251, "aarch64": 30}, {0: 1, 1: 0}),  # ioprio_set(IOPRIO_WHO_PROCESS, 0, ...)
    ({"x86_64": 142, "aarch64": 118}, {0: 0}),  # sched_setparam(0, ...)
    ({"x86_64": 144, "aarch64": 119}, {0: 0}),  # sched_setscheduler(0, ...)
    ({"x86_64": 314, "aarch64": 274}, {0: 0}),  # sched_setattr(0, ...)
    ({"x86_64": 302, "aarch64": 261}, {0: 0}),  # prlimit64(0, ...)
)
"""Calls of which only those to itself are allowed: numbers, and values of some arguments."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def keep_to_itself() -> bool:
    """Keep this process, and those that it starts from now on, from changing others.

    It can no longer set the priority, the scheduling and the limits of any process but itself, nor
    start one beside itself instead of below.

    Returns
    -------
    bool
        Whether the system could do it.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _MACHINES or sys.maxsize < 2**32:
        return False
    code = _code(machine)
    system = ctypes.CDLL(None)
    process_tree.give_up_privileges()
    program = _Program(len(code), b"".join(code))
    arguments = (_MODE_FILTER, _KEEP_SPECULATION, ctypes.byref(program))
    return bool(system.syscall(_SECCOMP[machine], *arguments) == 0)


def _code(machine: str) -> list[bytes]:
    """Return the filter, an instruction each."""
    refuse = _step(_RETURN, _FAIL | errno.EPERM)
    allow = _step(_RETURN, _ALLOW)
    unknown = _step(_RETURN, _FAIL | errno.ENOSYS)
    code = [
        _step(_LOAD, _MACHINE),
        _step(_EQUAL, _MACHINES[machine], yes=1),
        unknown,
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _OF_X32, no=1),
        unknown,
        # Its flags are out of reach; who is told that there is no such call uses `clone`.
        _step(_EQUAL, _CLONE3, no=1),
        unknown,
        _step(_EQUAL, _CLONE[machine], no=4),
        _step(_LOAD, _ARGUMENTS),
        _step(_ANY_BIT, _CLONE_PARENT, no=1),
        refuse,
        allow,
    ]
    for numbers, arguments in _OF_ITSELF:
        checks = []
        for place, value in arguments.items():
            checks += [_step(_LOAD, _ARGUMENTS + 8 * place), _step(_EQUAL, value, yes=1), refuse]
        code += [_step(_EQUAL, numbers[machine], no=len(checks) + 1), *checks, allow]
    return [*code, allow]


def _step(what: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """Return an instruction; `yes` and `no` say how many others a comparison skips."""
    return struct.pack("=HBBI", what, yes, no, value)
