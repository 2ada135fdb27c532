"""Priors that have others work for them: what these take is theirs."""

import _thread
import os
import socket
import time

from faultkit import Group, guess

from priorlab.hookspecs import hookimpl

GROUP = Group()
fault = GROUP.fault
KEPT = []


def serving(begin):
    """Return a `prepare` that has a helper work for 0.3 s whenever a cell asks for it."""

    def prepare(self, device, channels):
        mine, its = socket.socketpair()
        KEPT.append(mine)

        def serve():
            while its.recv(1):
                work(0.3)
                its.send(b"x")

        begin(serve)

    return prepare


def work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def ask():
    KEPT[-1].send(b"x")
    KEPT[-1].recv(1)


def in_a_process(serve):
    if not os.fork():
        serve()
        os._exit(0)


def in_a_detached_process(serve):
    if child := os.fork():
        os.waitpid(child, 0)
        return
    if not os.fork():
        os.setsid()
        serve()
    os._exit(0)


@fault("failed", "BrokenPipe|ConnectionReset", prepare=serving(in_a_process))
def has_a_helper(m, trace, seed):
    """Has a process work for its cells that it started while it was prepared."""
    ask()
    return guess(m)


@fault("failed", "BrokenPipe|ConnectionReset", prepare=serving(in_a_detached_process))
def has_a_detached_helper(m, trace, seed):
    """Has a detached process work for its cells that it started while it was prepared."""
    ask()
    return guess(m)


def counted(row):
    assert row["cpu_seconds"] > 0.25, "what works for it is not counted"


@fault("ok", "", counted, prepare=serving(lambda serve: _thread.start_new_thread(serve, ())))
def has_a_thread(m, trace, seed):
    """Has a thread work for its cells that it left where it was prepared."""
    ask()
    return guess(m)


def raising(self):
    raise SystemExit("batched")


@fault(batched=property(raising))
def exits_in_a_property(m, trace, seed):
    """Exits when the driver asks whether it gains from batches."""
    return guess(m)


@hookimpl
def priorlab_priors():
    return GROUP.priors
