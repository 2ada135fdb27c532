"""What a process and those that it started take: memory, CPU time; and how all of them are ended.

Linux tells; elsewhere nothing is known of other processes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

KNOWN = sys.platform == "linux"
"""Whether this system tells of other processes."""

_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE = 1, 4
_SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 36, 37
_SET_NO_NEW_PRIVILEGES = 38
"""Numbers of what `prctl` does."""
_DYING = 2.0
"""Most seconds to wait for the end of processes: freeing much memory takes some time."""

_FIELDS = re.compile(rb"^(VmHWM|RssAnon|RssFile|RssShmem):\s+(\d+) kB$", re.MULTILINE)
_PROPORTIONAL = re.compile(rb"^Pss_(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)
_CLOCK_TICK = os.sysconf("SC_CLK_TCK") if KNOWN else 100


def children(process: int) -> list[int]:
    """Return the processes that a process started and that are still there."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            with contextlib.suppress(OSError):
                found += map(
                    int, Path(f"/proc/{process}/task/{thread}/children").read_bytes().split()
                )
    return found


def descendants(process: int) -> list[int]:
    """Return the processes that a process started, those that these started, and so on."""
    found: list[int] = []
    todo = [process]
    while todo:
        more = children(todo.pop())
        found += more
        todo += more
    return found


def of_session(session: int) -> list[int]:
    """Return the processes of a session, whoever their parents are by now."""
    if not KNOWN:
        return []
    numbers = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [found for found in numbers if _stat(found)[3:4] == [str(session)]]


def parent(process: int) -> int:
    """Return the parent of a process, or 0."""
    fields = _stat(process)
    return int(fields[1]) if fields else 0


def running(processes: Iterable[int]) -> list[int]:
    """Return those of some processes that have not ended."""
    return [process for process in processes if state(process) not in "ZX"]


def own_mb(process: int) -> float:
    """Return the memory that is a process's own, in MB (10^6 bytes): no code, no mapped files."""
    sizes = _sizes(process)
    return sizes.get(b"RssAnon", 0.0) + sizes.get(b"RssShmem", 0.0)


def peak_own_mb(process: int) -> float:
    """Return the most memory of its own that a process ever had, in MB.

    The system counts the peak of all memory, that of mapped files included: libraries, which
    stay once they are loaded. They are taken off.
    """
    sizes = _sizes(process)
    own = sizes.get(b"RssAnon", 0.0) + sizes.get(b"RssShmem", 0.0)
    return max(own, sizes.get(b"VmHWM", 0.0) - sizes.get(b"RssFile", 0.0))


def proportional_mb(process: int) -> float:
    """Return the memory that is a process's own, in MB; of what n processes share, an nth part.

    The system walks through all of it for that.
    """
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process}/smaps_rollup").read_bytes()
        return sum(int(size) for size in _PROPORTIONAL.findall(text)) * 1024 / 1e6
    return 0.0


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process and of those that it started, in all their threads."""
    return (
        own_cpu_seconds(process)
        + sum(map(_cpu_seconds_of_ended, [process, *(others := descendants(process))]))
        + sum(map(own_cpu_seconds, others))
    )


def clocks(process: int) -> dict[int, float]:
    """Return the CPU time of a process and of each below it, by their numbers."""
    return {found: own_cpu_seconds(found) for found in [process, *descendants(process)]}


def end(processes: Iterable[int]) -> None:
    """End processes and all that they started."""
    todo = list(processes)
    # First who is below: the children of an ended process are no longer known to be its.
    below = [other for process in todo for other in descendants(process)]
    for process in todo + below:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
    if not below:
        return
    # What is below gets another parent, who may look for it as soon as this returns.
    deadline = time.monotonic() + _DYING
    while running(todo + below) and time.monotonic() < deadline:
        time.sleep(0.0005)


def hear_of_children() -> None:
    """Have the system say how the children of this process end, whatever was set before.

    Where the signal for it is ignored, as some programs leave it to those that they start, a
    child is forgotten with its end: nobody can wait for it, or ask for its exit code. To be called
    in the main thread.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def adopt_orphans() -> None:
    """Have this process become the parent of those below it whose own parent ends."""
    _control(_SET_CHILD_SUBREAPER, 1)


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """Do as `adopt_orphans` for a while; afterwards all is as before."""
    before = ctypes.c_int()
    ctypes.CDLL(None).prctl(_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    adopt_orphans()
    try:
        yield
    finally:
        _control(_SET_CHILD_SUBREAPER, before.value)


def keep_private() -> None:
    """Keep other processes of the same user from reading this one's memory."""
    _control(_SET_DUMPABLE, 0)


def give_up_privileges() -> None:
    """Let this process, and those it starts, gain no rights: before, none can confine itself."""
    _control(_SET_NO_NEW_PRIVILEGES, 1)


def open_again(descriptors: Iterable[int]) -> None:
    """Share the state of these files, such as whether writing waits, with no other process."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            again = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY)
            os.dup2(again, descriptor)
            os.close(again)


def end_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends."""
    _control(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _control(option: int, value: int) -> None:
    if KNOWN:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _sizes(process: int) -> dict[bytes, float]:
    """Return what the system says of a process's memory, in MB; nothing if it is gone."""
    try:
        text = Path(f"/proc/{process}/status").read_bytes()
    except OSError:
        return {}
    return {name: int(size) * 1024 / 1e6 for name, size in _FIELDS.findall(text)}


def _stat(process: int) -> list[str]:
    """Return what the system says of a process after its name; nothing if it is gone."""
    with contextlib.suppress(OSError):
        # The name may be any bytes.
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].decode().split()
    return []


def state(process: int) -> str:
    """Return the letter for what a process does: "Z" if it has ended, "X" if it is gone."""
    return (_stat(process) or ["X"])[0]


def own_cpu_seconds(process: int) -> float:
    """Return the CPU time of one process, to the nanosecond, as the kernel counts it."""
    with contextlib.suppress(OSError):
        return time.clock_gettime((~process << 3) | 2)  # the clock of another process
    return 0.0


def _cpu_seconds_of_ended(process: int) -> float:
    """Return the CPU time of the children of a process that have ended."""
    fields = _stat(process)
    return (int(fields[13]) + int(fields[14])) / _CLOCK_TICK if fields else 0.0
