"""Priors that make a mess of a size that takes a while."""

import os
import threading
import time

import torch
from faultkit import Group, alive, guess, note_pid

from priorlab.hookspecs import hookimpl

GROUP = Group()
fault = GROUP.fault


@fault("ok", "", lambda row: row["seconds"] < 60)
def prints_a_gigabyte(m, trace, seed):
    """Prints 1 GB: the beginning and the end are kept."""
    os.write(1, b"the beginning\n")
    text = b"x" * 99_999 + b"\n"
    for _ in range(10_000):
        os.write(1, text)
    os.write(1, b"the end\n")
    return guess(m)


@fault("failed|crashed")
def raises_a_gigabyte(m, trace, seed):
    """Raises an error with a text of 1 GB."""
    raise ValueError("x" * 10**9)


def none_left(name):
    def check(row):
        assert not alive(name)

    return check


@fault("ok", r"left \d+ process", none_left("starts-three-hundred"))
def starts_three_hundred(m, trace, seed):
    """Leaves 300 detached processes behind."""
    for _ in range(300):
        if not os.fork():
            os.setsid()
            if not os.fork():
                note_pid("starts-three-hundred")
                time.sleep(1000)
            os._exit(0)
        os.wait()
    time.sleep(0.5)
    return guess(m)


@fault("ok", "left", none_left("runs-away"))
def runs_away(m, trace, seed):
    """Leaves a process behind that forks and exits again and again."""
    if not os.fork():
        os.setsid()
        for _ in range(100_000):
            if os.fork():
                os._exit(0)
            time.sleep(0.001)
        note_pid("runs-away")
    return guess(m)


@fault("ok", "")
def leaves_a_hundred_threads(m, trace, seed):
    """Leaves a hundred threads running."""
    for _ in range(100):
        threading.Thread(target=time.sleep, args=(1000,)).start()
    return guess(m)


@fault("ok", "")
def reports_for_ever(m, trace, seed):
    """Reports 20,000 images."""
    for step in range(20_000):
        trace.report(step, 20_000, m.y)
    return guess(m)


@fault("ok", "", lambda row: row["peak_mb"] > 900)
def takes_a_gigabyte(m, trace, seed):
    """Takes 1 GB and gives it back: its neighbours do not seem to have it."""
    held = torch.ones(250_000_000)
    return guess(m) + 0 * held[0]


@hookimpl
def priorlab_priors():
    return GROUP.priors
