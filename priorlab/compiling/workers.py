"""The processes that prepare priors: as many as there are cores, since each compiles on one."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence

from priorlab.ground import process_tree
from priorlab.harness.isolation.channel import Channel, Message
from priorlab.harness.isolation.endings import exit_code, exit_text
from priorlab.harness.isolation.nursery import PREPARE_TIMEOUT
from priorlab.harness.run.child import environment
from priorlab.harness.run.cores import usable_cores
from priorlab.registry import Registry

_TICK = 0.2
"""Most seconds between two looks at whether a process has ended, or takes too long."""

_CHILD = "priorlab.compiling.child"


def prepare(
    names: Sequence[str], registry: Registry, on_note: Callable[[str], None]
) -> Generator[tuple[str, str]]:
    """Prepare priors, each in the next process that is free.

    A prior that ends its process fails alone; the next ones are prepared in another process.

    Parameters
    ----------
    names : sequence of str
        Of priors.
    registry : Registry
        It says from where their plugins are loaded.
    on_note : callable
        Called once with each thing that the user should know, such as that loops are compiled.

    Yields
    ------
    name, problem : str
        In one line why a prior cannot be prepared, or "". When the generator ends or is closed,
        all processes are gone.
    """
    todo = list(reversed(names))
    told: set[str] = set()
    modules = sorted({registry.owners["priors", name].module for name in names})
    given = {"files": registry.files, "folders": registry.folders, "modules": modules}
    workers = [_Worker(given) for _ in range(min(usable_cores(), len(names)))]
    try:
        while todo or any(worker.prior for worker in workers):
            for worker in workers:
                if todo and not worker.prior:
                    worker.begin(todo.pop())
            busy = [worker for worker in workers if worker.prior]
            _await_report(busy)
            for worker in busy:
                prior = worker.prior
                for message in worker.messages():
                    if message["event"] == "prepared":
                        yield prior, message["problem"]
                    elif message["text"] not in told:
                        told.add(message["text"])
                        on_note(message["text"])
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that prepares one prior at a time, started when it gets the first.

    Attributes
    ----------
    prior : str
        The one that is being prepared, or "".
    """

    def __init__(self, given: Message) -> None:
        self.prior = ""
        self._given = {**given, "parent": os.getpid()}
        self._deadline = 0.0
        self._started: tuple[subprocess.Popen[bytes], Channel] | None = None

    def begin(self, prior: str) -> None:
        """Have a prior prepared."""
        if self._started is None:
            self._started = self._start()
        self.prior = prior
        self._deadline = time.monotonic() + PREPARE_TIMEOUT
        self._started[1].send({"prior": prior})

    def fileno(self) -> int:
        """Return the descriptor to wait on for messages."""
        return self._running[1].fileno()

    def messages(self) -> Iterator[Message]:
        """Yield what the process has reported; if it ended or takes too long, that is the last."""
        process, channel = self._running
        ended = process.poll() is not None  # first: what it said before is there to be read
        while self.prior and channel.readable(0):
            received = channel.receive()
            if received is None:
                ended = True
                break
            if received.message["event"] == "prepared":
                self.prior = ""
            yield received.message
        if self.prior and ended:
            yield self._given_up(exit_text(exit_code(process)))
        elif self.prior and time.monotonic() > self._deadline:
            yield self._given_up(f"it was not prepared within {PREPARE_TIMEOUT:g} s")

    def end(self) -> None:
        """End the process, and all that it started."""
        self.prior = ""
        if self._started is not None:
            process, channel = self._started
            self._started = None
            process_tree.end([process.pid])
            process.wait()
            channel.close()

    @property
    def _running(self) -> tuple[subprocess.Popen[bytes], Channel]:
        if self._started is None:
            raise RuntimeError("the process has not been started")
        return self._started

    def _given_up(self, problem: str) -> Message:
        self.end()
        return {"event": "prepared", "problem": problem}

    def _start(self) -> tuple[subprocess.Popen[bytes], Channel]:
        ours, theirs = Channel.pair()
        process = subprocess.Popen(
            [sys.executable, "-P", "-X", "faulthandler", "-m", _CHILD, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=2,  # what a plugin prints is no answer of ours
            env=environment(threads=1),
            start_new_session=True,  # an interrupt is for who started it
        )
        theirs.close()
        ours.send(self._given)
        return process, ours


def _await_report(busy: Sequence[_Worker]) -> None:
    """Wait a moment, until one of them has something to say."""
    poll = select.poll()
    for worker in busy:
        poll.register(worker, select.POLLIN)
    poll.poll(1000 * _TICK)
