"""What is said of how processes ended, and of those that had to be ended."""

from __future__ import annotations

import signal
import subprocess

_FAREWELL = 5.0
"""Seconds between the end of a channel and that of its process; in a crash, next to none."""


def exit_text(code: int | None) -> str:
    """Say how a process ended.

    Examples
    --------
    >>> exit_text(7), exit_text(-11)
    ('the process exited with status 7', 'the process was ended by SIGSEGV')
    """
    if code is None:
        return "the process hung up"
    if code >= 0:
        return f"the process exited with status {code}"
    name = signal.Signals(-code).name
    reason = " (out of memory?)" if name == "SIGKILL" else ""
    return f"the process was ended by {name}{reason}"


def exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """Return the status of a process that closed its channel, or None if it lives on.

    Examples
    --------
    >>> exit_code(subprocess.Popen(["false"]))
    1
    """
    try:
        return process.wait(_FAREWELL)
    except subprocess.TimeoutExpired:
        return None


def left_running(count: int) -> str:
    """Say that processes were still there at the end of what started them.

    Examples
    --------
    >>> left_running(1)
    'it left 1 process running, which was ended'
    """
    processes, were = ("process", "was") if count == 1 else ("processes", "were")
    return f"it left {count} {processes} running, which {were} ended"
