"""Priors that take for ever."""

import ctypes
import os
import signal
import threading
import time

from faultkit import Group, alive, guess, note_pid

from priorlab.hookspecs import hookimpl

GROUP = Group()
fault = GROUP.fault
LATE = "no result after"


@fault("timeout", LATE)
def sleeps_for_ever(m, trace, seed):
    """Sleeps for ever."""
    time.sleep(1000)


@fault("timeout", LATE)
def sleeps_in_c(m, trace, seed):
    """Sleeps in C and keeps the interpreter locked."""
    ctypes.PyDLL(None).sleep(1000)


@fault("timeout", LATE)
def ignores_signals(m, trace, seed):
    """Ignores every signal that can be ignored, and sleeps."""
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    time.sleep(1000)


@fault("timeout", LATE)
def stops_itself(m, trace, seed):
    """Stops itself with SIGSTOP."""
    os.kill(os.getpid(), signal.SIGSTOP)


@fault("timeout", LATE, unsupported=lambda self, m: time.sleep(1000))
def hangs_in_unsupported(m, trace, seed):
    """Sleeps when it is asked whether it is supported."""
    return guess(m)


class Thinker(Exception):
    def __str__(self):
        time.sleep(1000)


@fault("timeout", LATE)
def raises_what_hangs(m, trace, seed):
    """Raises an error that sleeps when it is printed."""
    raise Thinker


def gone(row):
    assert not alive("hangs-in-many")


@fault("timeout", LATE, gone)
def hangs_in_many(m, trace, seed):
    """Sleeps in eight processes, four of them in sessions of their own."""
    for number in range(3):
        if not os.fork() and number == 2:
            os.setsid()
    note_pid("hangs-in-many")
    time.sleep(1000)


@fault("timeout", LATE)
def locks_itself(m, trace, seed):
    """Waits for a lock that it has."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@hookimpl
def priorlab_priors():
    return GROUP.priors
