"""The process in which plugins are tried: it loads one after the other, and reports on each."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from priorlab.candidates import Candidate
from priorlab.errors import printable
from priorlab.ground import process_tree
from priorlab.registry import Plugin
from priorlab.remembered import own_files
from priorlab.trials import surroundings

COPY = 86
"""The exit status of a copy of the process that a plugin's import made."""
COPIES_ITSELF = "it makes a copy of the process (os.fork) that goes on"
CUT_OFF = 87
"""The exit status of a process that cannot report any more."""

Load = Callable[[Candidate], Plugin]


def serve(candidates: Sequence[Candidate], load: Load, report: int, known: Sequence[str]) -> None:
    """Load plugins and write a line of JSON on each to a descriptor; then end the process.

    Parameters
    ----------
    candidates : sequence of Candidate
        What to load.
    load : callable
        Loads one, and returns what became of it.
    report : int
        The descriptor.
    known : sequence of str
        The files of `priorlab.remembered.own_files` that this process has loaded already.
    """
    _settle()
    process, newest = os.getpid(), next(reversed(sys.modules))
    for number, candidate in enumerate(candidates):
        _send(report, event="start", number=number)
        result = _tried(candidate, load, process)
        folder = f"{Path(candidate.source).absolute().parent}{os.sep}"
        files = set(own_files(after=newest))
        files.update(file for file in known if file.startswith(folder))
        _send(report, event="end", files=sorted(files), **result)
        if result["lasting"]:
            break  # and may harm the next ones
    os._exit(0)


def _tried(candidate: Candidate, load: Load, process: int) -> dict[str, Any]:
    """Load one plugin and return what became of it."""
    threads, limits = set(threading.enumerate()), surroundings.hard_limits()
    with surroundings.kept():
        try:
            plugin = load(candidate)
            problem, details = plugin.problem, plugin.details
        except BaseException as error:  # KeyboardInterrupt: nobody but the plugin can raise it
            problem, details = f"it raised {type(error).__name__}", ""
        if os.getpid() != process:
            os._exit(COPY)
        lasting = surroundings.lasting(threads, limits) or _processes()
    return {
        "problem": printable(problem or lasting),
        "details": printable(details),
        "lasting": bool(lasting),
    }


def _processes() -> str:
    """Return in one line that processes were left behind, or ""."""
    helper = sys.modules.get("multiprocessing.resource_tracker")
    if helper is not None and getattr(helper._resource_tracker, "_pid", None):
        return ""  # it is Python's own, and ends with this process
    with contextlib.suppress(ChildProcessError):
        while True:
            number, status = os.waitpid(-1, os.WNOHANG)
            if number and os.waitstatus_to_exitcode(status) == COPY:
                return COPIES_ITSELF
            if not number:
                return "it leaves a process running"
    return ""


def _settle() -> None:
    """Make this process one that harms nobody and says how it ends."""
    process_tree.end_with(os.getppid())
    faulthandler.enable(2)
    torch.set_num_threads(1)  # those of a process that was forked are gone
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        hangup = getattr(signal, "SIGHUP", signal.SIGTERM)
        if signal.getsignal(hangup) is not signal.SIG_IGN:  # as it is by nohup
            signal.signal(hangup, signal.SIG_DFL)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = open(number, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)


def _send(report: int, **message: Any) -> None:
    try:
        os.write(report, json.dumps(message).encode() + b"\n")
    except OSError:
        os._exit(CUT_OFF)
