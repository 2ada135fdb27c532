"""A process that forks another for each request, and says how each of them ends."""

from __future__ import annotations

import os
import select
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from priorlab.ground.process_tree import end_with, hear_of_children
from priorlab.harness.isolation import huge_pages
from priorlab.harness.isolation.channel import Channel, Message, Received, close_all
from priorlab.harness.isolation.confine import confine

MANY = 50
"""After so many forks it is worth half a second to make each of the others cheaper."""

Work = Callable[[Message, tuple[int, ...]], None]
"""What a forked process does: it gets the request, and the files that came with it."""


def serve(control: Channel, work: Work) -> NoReturn:
    """Fork for each request until whoever holds the other end of `control` is gone.

    Each request has a "token". It is answered by ``{"event": "started", "token": ..., "pid": ...}``
    and, when the process ends, by ``{"event": "ended", "token": ..., "code": ...}``. The caller
    must have no other threads.
    """
    hear_of_children()  # a plugin may have said that it does not want to
    forks, cores = 0, os.sched_getaffinity(0)
    running: dict[int, tuple[int, str]] = {}
    poll = select.poll()
    poll.register(control.fileno(), select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor != control.fileno():
                poll.unregister(descriptor)
                process, token = running.pop(descriptor)
                os.close(descriptor)
                code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                control.send({"event": "ended", "token": token, "code": code})
                continue
            received = control.receive()
            if received is None:
                os._exit(0)
            process = _fork(control, list(running), received, work, cores)
            close_all(received.files)
            forks += 1
            if forks == MANY:
                huge_pages.gather()
            watched = os.pidfd_open(process)
            token = received.message["token"]
            running[watched] = (process, token)
            poll.register(watched, select.POLLIN)
            control.send({"event": "started", "token": token, "pid": process})


def _fork(
    control: Channel, watched: list[int], received: Received, work: Work, cores: set[int]
) -> int:
    """Return the number of a new process that works on a request."""
    parent = os.getpid()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        end_with(parent)
        os.sched_setaffinity(0, cores)  # a cell may have changed those of its parent
        confine()
        close_all(watched)
        control.close()
        work(received.message, received.files)
        code = 0
    except BaseException:  # nothing of this process may go on as if it were its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
