"""A process that is asked to end does so in order: temporary files are removed on the way out."""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import Any

PAUSE = 0.05
"""Seconds after which an interruption that was swallowed comes again."""


def end_in_order() -> None:
    """Take SIGTERM and SIGHUP for a Ctrl-C, and see to it that none is lost.

    What is ignored, as by nohup, stays so.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    sys.unraisablehook = _tell


def _tell(unraisable: Any) -> None:
    """Tell of an error that Python ignores; an interruption within such a place comes again.

    Such are the ends of objects and the callbacks of weak references, as imports have them.
    """
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Thread(target=_interrupt_again, daemon=True).start()
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt_again() -> None:
    time.sleep(PAUSE)
    # Sent to the thread, it ends what that waits for, too.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
