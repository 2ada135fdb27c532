"""Stop at a safe point when the user presses Ctrl-C or the system asks to end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""What asks to end: Ctrl-C, the system, and a terminal that is closed."""


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Collect SIGINT, SIGTERM and SIGHUP instead of dying of them.

    Yields
    ------
    callable
        Whether one has come. A second Ctrl-C raises `KeyboardInterrupt` at once; a terminal
        that is closed may well send the others twice. Outside the main thread, where Python
        delivers no signals, it is always False.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came and number == signal.SIGINT:
            raise KeyboardInterrupt
        came.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    watched = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, note) for number in watched}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
