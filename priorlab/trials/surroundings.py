"""What all code of a process shares, and a plugin's import may change: kept as it was.

The working folder, environment variables, torch's defaults, signal handlers and the like belong to
the user or to the core. What cannot be put back is told.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

from priorlab.ground import shared_state, torch_settings

try:
    import resource
except ImportError:  # Windows
    LIMITS: list[int] = []
else:
    LIMITS = sorted({getattr(resource, name) for name in dir(resource) if name[:7] == "RLIMIT_"})

STREAMS = ("stdin", "stdout", "stderr")
"""Those of the descriptors 0 to 2, in `sys`."""

PATIENCE = 0.5
"""Seconds in which a thread that a plugin started may come to its end."""


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Put everything back at the end that can be put back; what is printed meanwhile is an aside.

    What is imported meanwhile finds torch as it is in a fresh process.

    Whatever is printed goes to standard error, so that it does not mix with a command's output,
    and what is read is not the user's input.

    Examples
    --------
    >>> with kept():
    ...     torch.set_default_dtype(torch.float64)
    >>> torch.get_default_dtype()
    torch.float32
    """
    with settings_kept(), torch_settings.usual(), warnings.catch_warnings(), _descriptors():
        streams = sys.stdin, sys.stdout, sys.stderr
        sys.stdout = sys.stderr
        try:
            yield
        finally:
            sys.stdin, sys.stdout, sys.stderr = streams


@contextlib.contextmanager
def settings_kept() -> Iterator[None]:
    """Put back at the end what was set, such as the working folder and torch's defaults.

    Examples
    --------
    >>> with settings_kept():
    ...     torch.set_num_threads(1 + torch.get_num_threads())
    ...     os.chdir("/")
    >>> os.getcwd() == "/"
    False
    """
    with shared_state.CHANGED:
        settings = [(write, read(), read) for read, write in _settings()]
        try:
            yield
        finally:
            for write, before, read in settings:
                with contextlib.suppress(Exception):  # the others are to be put back in any case
                    if read() != before:
                        write(before)


@contextlib.contextmanager
def streams_kept() -> Iterator[None]:
    """Have the standard streams open at the end that were open before.

    Those that are open are left alone: another thread may have redirected them meanwhile.

    Examples
    --------
    >>> before = sys.stdout
    >>> with streams_kept():
    ...     sys.stdout = None
    >>> sys.stdout is before
    True
    """
    before = {name: getattr(sys, name) for name in STREAMS if not _is_closed(name)}
    saved = _saved()
    try:
        yield
    finally:
        for number, copy in saved.items():
            if not _is_open(number):
                os.dup2(copy, number)
            os.close(copy)
        for number, name in enumerate(STREAMS):
            lost = getattr(sys, name) is None or _is_closed(name)
            if lost and name in before and number in saved:
                stream = before[name]
                if stream.closed:
                    stream = open(  # noqa: SIM115 - it stays open
                        number,
                        stream.mode,
                        encoding="utf-8",
                        errors="backslashreplace",
                        closefd=False,
                    )
                setattr(sys, name, stream)


def lasting(started: set[threading.Thread], limits: list[tuple[int, int]]) -> str:
    """Return in one line what a plugin's import has left that cannot be put back, or "".

    Parameters
    ----------
    started : set of Thread
        Those that ran before.
    limits : list
        `hard_limits` before.
    """
    deadline = time.monotonic() + PATIENCE
    for thread in set(threading.enumerate()) - started:
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            return f"it leaves a thread running ({thread.name})"
    if closed := [name for name in STREAMS if _is_closed(name)]:
        return f"it closes sys.{closed[0]}"
    return "" if hard_limits() == limits else "it lowers a limit of the process for good"


def hard_limits() -> list[tuple[int, int]]:
    """Return the limits of this process that it cannot raise.

    Examples
    --------
    >>> hard_limits() == hard_limits()
    True
    """
    return [(limit, resource.getrlimit(limit)[1]) for limit in LIMITS]


def _is_closed(name: str) -> bool:
    return bool(getattr(getattr(sys, name), "closed", False))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _descriptors() -> Iterator[None]:
    """Keep descriptors 0 to 2, with nothing to read, and standard error for all that is printed."""
    saved = _saved()
    flush()
    try:
        if {0, 1, 2} <= set(saved):
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(2, 1)
            os.close(nothing)
        yield
    finally:
        flush()
        for number, copy in saved.items():
            with contextlib.suppress(OSError):  # whoever closes these, too, is not loaded here
                os.dup2(copy, number)
                os.close(copy)


def _saved() -> dict[int, int]:
    """Return a copy of each of the descriptors 0 to 2 that is open."""
    saved = {}
    for number in (0, 1, 2):
        with contextlib.suppress(OSError):  # the user may have closed it
            saved[number] = os.dup(number)
    return saved


def flush() -> None:
    """Write out what was printed.

    Examples
    --------
    >>> flush()
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _settings() -> list[tuple[Callable[[], Any], Callable[[Any], object]]]:
    """Return how each setting is read and written, in the order in which it is put back."""
    settings: list[tuple[Callable[[], Any], Callable[[Any], object]]] = [
        (_folder, _to_folder),
        (lambda: dict(os.environ), _set_variables),
        (_umask, os.umask),
        (sys.getrecursionlimit, sys.setrecursionlimit),
        (sys.getswitchinterval, sys.setswitchinterval),
        (lambda: sys.excepthook, lambda hook: setattr(sys, "excepthook", hook)),
        (gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
        (torch.get_default_dtype, torch.set_default_dtype),
        (torch_settings.default_device, _set_default_device),
        (torch.is_grad_enabled, torch.set_grad_enabled),
        (torch.get_num_threads, torch.set_num_threads),
        (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        (_autocast, lambda on: torch.set_autocast_enabled("cpu", on)),
    ]
    for limit in LIMITS:
        settings.append(_limit(limit))
    if threading.current_thread() is threading.main_thread():
        for number in signal.valid_signals():
            settings.append(_handler(number))
        if hasattr(signal, "setitimer"):
            clocks = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
            settings += [_clock(clock) for clock in clocks]
            settings.append((_blocked, _block))
    return settings


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


def _to_folder(folder: str) -> None:
    if folder:
        os.chdir(folder)


OURS = ("CUDA_", "OMP_", "MKL_", "OPENBLAS_", "NUMBA_", "TORCH_", "PYTHON", "PRIORLAB_")
"""What the names of variables begin with that decide what all plugins do."""


def _set_variables(before: dict[str, str]) -> None:
    """Put back what there was; a new variable stays, for the library that reads it, if it can."""
    for name in set(os.environ) - set(before):
        if name.startswith(OURS):
            del os.environ[name]
    os.environ.update({name: text for name, text in before.items() if os.environ.get(name) != text})


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _set_default_device(before: torch.device) -> None:
    # Not to the CPU, which would slow down every call: that is where tensors are by themselves.
    torch.set_default_device(None if before.type == "cpu" else before)


def _autocast() -> bool:
    return torch.is_autocast_enabled("cpu")


def _limit(limit: int) -> tuple[Callable[[], Any], Callable[[Any], object]]:
    return (
        lambda: resource.getrlimit(limit)[0],
        lambda soft: resource.setrlimit(limit, (soft, resource.getrlimit(limit)[1])),
    )


def _handler(number: int) -> tuple[Callable[[], Any], Callable[[Any], object]]:
    return (
        lambda: signal.getsignal(number),
        lambda handler: signal.signal(number, handler) if handler is not None else None,
    )


def _clock(clock: int) -> tuple[Callable[[], Any], Callable[[Any], object]]:
    return (lambda: signal.getitimer(clock), lambda times: signal.setitimer(clock, *times))


def _blocked() -> set[int]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def _block(mask: set[int]) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
