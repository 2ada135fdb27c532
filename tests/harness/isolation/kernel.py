"""What this kernel can do and lets others do, asked of it and not of the code that is tested."""

import ctypes
import os
import sys

SECCOMP = {"x86_64": 317, "aarch64": 277}
_ASK_FOR_VERSION, _ASK_FOR_ACTION = 1, 2


def landlock_is_known() -> bool:
    """Return whether it keeps processes from files as `confine` needs it."""
    if sys.platform != "linux":
        return False
    return ctypes.CDLL(None).syscall(444, None, 0, _ASK_FOR_VERSION) >= 2


def filters_are_known() -> bool:
    """Return whether it filters system calls, on a machine whose numbers `system_calls` has."""
    number = SECCOMP.get(os.uname().machine) if sys.platform == "linux" else None
    refuse = ctypes.c_uint32(0x00050000)
    return number is not None and not ctypes.CDLL(None).syscall(
        number, _ASK_FOR_ACTION, 0, ctypes.byref(refuse)
    )


def succeeds_as_nobody(act) -> bool:
    """Return whether a function returns True in a process that has no rights of root's."""
    child = os.fork()
    if not child:
        try:
            if not os.geteuid():
                os.setresuid(65534, 65534, 65534)
            os._exit(not act())
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0
