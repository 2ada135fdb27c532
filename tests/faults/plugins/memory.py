"""Priors that take memory: up to what they may have, or all there is."""

import mmap
import os
import subprocess
import sys
import time

import torch
from faultkit import Group, guess

from priorlab.hookspecs import hookimpl

GROUP = Group()
fault = GROUP.fault
MUCH = "took more than"
LIMIT = 300
"""MB that a cell may have in the run of these."""


def capped(row):
    assert row["peak_mb"] <= 1.1 * LIMIT, row["peak_mb"]


def fill(megabytes, seconds=0.0):
    """Take memory, 10 MB at a time."""
    kept = []
    for _ in range(megabytes // 10):
        kept.append(torch.ones(2_500_000))
        time.sleep(seconds)
    return kept


@fault("crashed", MUCH)
def takes_too_much(m, trace, seed):
    """Takes 10 MB after 10 MB."""
    fill(3000)
    return guess(m)


@fault("crashed", MUCH, capped)
def takes_too_much_slowly(m, trace, seed):
    """Takes 10 MB after 10 MB, with pauses."""
    fill(600, 0.05)
    time.sleep(1000)


@fault("crashed", MUCH)
def takes_too_much_at_once(m, trace, seed):
    """Takes 3 GB at once."""
    torch.ones(750_000_000)
    time.sleep(1000)


@fault("ok", "", lambda row: 180 < row["peak_mb"] < 300)
def takes_what_it_may(m, trace, seed):
    """Takes 240 of the 300 MB that it may have."""
    fill(240)
    return guess(m)


@fault("crashed", MUCH, capped)
def takes_too_much_in_children(m, trace, seed):
    """Takes 150 MB in each of three children, slowly."""
    for _ in range(3):
        if not os.fork():
            kept = fill(150, 0.2)
            time.sleep(1000 + len(kept))
    time.sleep(1000)


@fault("crashed", MUCH)
def takes_too_much_in_a_grandchild(m, trace, seed):
    """Takes 500 MB in a detached grandchild."""
    if not os.fork():
        os.setsid()
        if not os.fork():
            kept = fill(500, 0.01)
            time.sleep(1000 + len(kept))
        os._exit(0)
    time.sleep(1000)


@fault("crashed", MUCH)
def takes_too_much_in_another_program(m, trace, seed):
    """Takes 500 MB in another program."""
    subprocess.run([sys.executable, "-c", "kept = bytearray(5 * 10**8); input()"])
    time.sleep(1000)


@fault("crashed", MUCH)
def takes_too_much_of_shared_memory(m, trace, seed):
    """Takes 500 MB of shared memory."""
    shared = mmap.mmap(-1, 500_000_000)
    for start in range(0, 500_000_000, 1 << 20):
        shared[start : start + (1 << 20)] = b"x" * (1 << 20)
    time.sleep(1000)


@fault("ok", "", lambda row: row["peak_mb"] < 30)
def takes_nothing(m, trace, seed):
    """Does nothing: after large neighbours it still takes next to nothing."""
    return guess(m)


@fault("ok", "", lambda row: row["peak_mb"] < 60)
def forks_idle_children(m, trace, seed):
    """Starts four children that do nothing: what they share with it is counted once."""
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            time.sleep(0.3)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return guess(m)


@fault("ok", "", lambda row: 90 < row["peak_mb"] < 200)
def shares_with_children(m, trace, seed):
    """Takes 100 MB and starts four children, which see it, too: it is counted once."""
    kept = fill(100)
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            time.sleep(0.3 + 0 * len(kept))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return guess(m)


@hookimpl
def priorlab_priors():
    return GROUP.priors
