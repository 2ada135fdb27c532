"""The end of a command's process: in order when asked for, and at once when it is done."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, NoReturn

PAUSE = 0.05
"""Seconds after which an interruption that was swallowed, or could not come yet, comes again."""

WHOLE = ("torch", "numpy")
"""Modules whose import is not interrupted: their compiled parts import others and make something
else of what that raises, or drop it, and what is imported by half cannot be imported again."""


def end_in_order() -> None:
    """Take SIGTERM and SIGHUP for a Ctrl-C, and see to it that none is lost.

    What is ignored, as by nohup, stays so.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    sys.unraisablehook = _tell


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise `KeyboardInterrupt`, as soon as no module is being imported that is to be whole."""
    _came[0] = number
    if _is_within_import(frame):
        _come_again()
    else:
        raise KeyboardInterrupt


def _is_within_import(frame: FrameType | None) -> bool:
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if frame.f_code.co_name == "<module>" and name.partition(".")[0] in WHOLE:
            return True
        frame = frame.f_back
    return False


def end_at_once(code: int) -> NoReturn:
    """End this process, whose work is done and printed, with an exit code.

    What is registered for the end is called, but nothing is freed: of what torch brings that takes
    Python a tenth of a second, as long as a small picture. Profilers and debuggers want to see the
    usual end.
    """
    if not _is_watched():
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # it may be closed
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _is_watched() -> bool:
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = [] if monitoring is None else [monitoring.get_tool(number) for number in range(6)]
    return any((sys.gettrace(), sys.getprofile(), sys.flags.inspect, *tools))


def _tell(unraisable: Any) -> None:
    """Tell of an error that Python ignores; an interruption within such a place comes again.

    Such are the ends of objects and the callbacks of weak references, as imports have them.
    """
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _come_again()
    else:
        sys.__unraisablehook__(unraisable)


def _come_again() -> None:
    """Interrupt the main thread in a moment, once, however often it was asked for."""
    if not _coming.is_set():
        _coming.set()
        threading.Thread(target=_interrupt_again, daemon=True).start()


_coming = threading.Event()
"""Whether an interruption is to come again."""

_came = [int(signal.SIGINT)]
"""The signal that came last, which comes again: a shell may have SIGINT ignored."""


def _interrupt_again() -> None:
    time.sleep(PAUSE)
    _coming.clear()
    # Sent to the thread, it ends what that waits for, too.
    signal.pthread_kill(threading.main_thread().ident or 0, _came[0])
