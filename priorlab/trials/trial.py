"""Try plugins in a child process, and say which would have ended or stopped this one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from priorlab.candidates import Candidate
from priorlab.errors import printable
from priorlab.remembered import own_files
from priorlab.trials import processes, surroundings
from priorlab.trials.child import COPIES_ITSELF, COPY, CUT_OFF, Load, serve

TIMEOUT = 60.0
"""Seconds that loading one plugin may take."""
SLOW = 5.0
"""Seconds after which the user is told for what they wait."""
START_TIMEOUT = 180.0
"""Seconds in which a new process must have imported torch."""
MOST_OUTPUT = 10**6
"""Bytes that a plugin may print when it is loaded."""
_POLL = 0.05
"""Seconds after which to see whether the process has ended: what it started may hold its pipes."""
KEPT_OUTPUT = 3000
"""Bytes that are kept of the beginning and of the end of its output."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What became of a plugin that was tried.

    Attributes
    ----------
    problem : str
        In one line why it is not to be loaded here; empty if it can be.
    details : str
        A traceback, or the last that it printed.
    files : tuple of str
        The files of code that it imported, without installed libraries.
    hung : bool
        Whether it was ended because it took too long.
    """

    problem: str = ""
    details: str = ""
    files: tuple[str, ...] = ()
    hung: bool = False


def verdicts(candidates: Sequence[Candidate], load: Load, command: str) -> list[Verdict]:
    """Try plugins, all in one process; where one of them ends it, the others in a new one.

    Parameters
    ----------
    candidates : sequence of Candidate
        What to try.
    load : callable
        Loads one; the child calls it.
    command : str
        Python code for a new process, which calls `serve` with what `parse` returns of its
        argument.

    Returns
    -------
    list of Verdict
        In the same order.
    """
    found: list[Verdict] = []
    while len(found) < len(candidates):
        todo = candidates[len(found) :]
        with processes.orphans_ended(), _Process(todo, load, command) as process:
            some = list(process.verdicts())
        if len(some) > 1 and process.died:
            some.pop()  # an earlier plugin may be to blame: this one is tried as the first
        found += some
    return found


def parse(argument: str) -> tuple[list[Candidate], int]:
    """Return the candidates and the descriptor that a new process was given."""
    given = json.loads(argument)
    return [Candidate(**one) for one in given["candidates"]], given["report"]


def _can_fork() -> bool:
    """Return whether a copy of this process can go on alone: elsewhere a new one is started.

    Copying is safe where no other thread may hold a lock and no accelerator is in use; macOS's
    own libraries do not stand it.
    """
    alone = threading.active_count() == 1
    return sys.platform == "linux" and alone and not torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


class _Process:
    """A child process that tries plugins."""

    def __init__(self, candidates: Sequence[Candidate], load: Load, command: str) -> None:
        self.died = False
        self._candidates = candidates
        self._report, report = os.pipe()
        self._output, output = os.pipe()
        self._printed = 0
        self._first = self._last = b""
        self._pending = b""
        try:
            if _can_fork():
                self._pid = self._fork(load, report, output)
            else:
                self._pid = self._start(command, report, output)
        finally:
            os.close(report)
            os.close(output)
        self._deadline = time.monotonic() + START_TIMEOUT
        self._current = 0
        self._started = self._hung = False
        self._slow_at = float("inf")

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *raised: object) -> None:
        """End the process and all that it started."""
        self._end()
        os.close(self._report)
        os.close(self._output)

    def verdicts(self) -> Iterator[Verdict]:
        """Yield the verdict on each plugin until the process ends."""
        with selectors.DefaultSelector() as selector:
            for descriptor in (self._report, self._output):
                selector.register(descriptor, selectors.EVENT_READ)
            while not self._is_done():
                wait = min(self._deadline, self._slow_at) - time.monotonic()
                for key, _ in selector.select(max(0.0, min(wait, _POLL))):
                    chunk = os.read(key.fd, 1 << 16)
                    if not chunk:
                        selector.unregister(key.fd)
                    elif key.fd == self._report:
                        yield from self._received(chunk)
                    else:
                        self._note_output(chunk)
                if problem := self._what_ends_it():
                    yield from self._rest()
                    if not self._is_done():
                        yield self._ended(problem)
                    return
                if time.monotonic() >= self._slow_at:
                    self._say_slow()

    def _is_done(self) -> bool:
        """Return whether all were tried, or the process ends because of what one left behind."""
        return self._stopped or self._current == len(self._candidates)

    def _what_ends_it(self) -> str:
        """Return why nothing more is to be waited for, or an empty text."""
        if self._printed > MOST_OUTPUT:
            return f"it prints more than {MOST_OUTPUT // 10**6} MB when loaded"
        try:
            number, status = os.waitpid(self._pid, os.WNOHANG)
        except ChildProcessError:  # it has ended, and this process ignores how its children do
            number, status = self._pid, 0
        if number:
            self._pid, self.died = 0, True
            return self._how_it_ended(os.waitstatus_to_exitcode(status))
        if time.monotonic() < self._deadline:
            return ""
        if not self._started:
            return f"a process to try it in did not start in {START_TIMEOUT:g} s"
        self._hung = True
        return f"loading it took more than {TIMEOUT:g} s"

    def _rest(self) -> Iterator[Verdict]:
        """Yield what a process has reported that has ended."""
        os.set_blocking(self._report, False)
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._report, 1 << 16):
                yield from self._received(chunk)

    _stopped = False
    """Whether the process ended by itself after a plugin, because of what that left behind."""

    def _received(self, chunk: bytes) -> Iterator[Verdict]:
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message["event"] == "start":
                self._current, self._started = message["number"], True
                self._printed, self._first, self._last = 0, b"", b""
                self._deadline = time.monotonic() + TIMEOUT
                self._slow_at = time.monotonic() + SLOW
            else:
                self._slow_at = float("inf")
                self._current += 1
                self._stopped = message["lasting"]
                yield Verdict(message["problem"], message["details"], tuple(message["files"]))

    def _note_output(self, chunk: bytes) -> None:
        self._printed += len(chunk)
        self._first += chunk[: KEPT_OUTPUT - len(self._first)]
        self._last = (self._last + chunk)[-KEPT_OUTPUT:]

    def _ended(self, problem: str) -> Verdict:
        """Return the verdict on the plugin that was being loaded when the process ended."""
        self._end()
        os.set_blocking(self._output, False)
        with contextlib.suppress(BlockingIOError):
            while self._printed <= MOST_OUTPUT and (chunk := os.read(self._output, 1 << 16)):
                self._note_output(chunk)
        return Verdict(problem, self._said(), hung=self._hung)

    def _said(self) -> str:
        """Return what the plugin printed, of much the beginning and the end."""
        rest = self._printed - len(self._first)
        last = self._last[-rest:] if rest else b""
        gap = rest - len(last)
        left_out = f"\n... ({gap} bytes) ...\n".encode() if gap else b""
        return (self._first + left_out + last).decode("utf-8", "replace")

    def _how_it_ended(self, code: int) -> str:
        """Return in words what an exit code means."""
        if not self._started:
            return f"a process to try it in did not start (exit status {code})"
        if code < 0:
            return f"loading it ends the process ({signal.Signals(-code).name})"
        if code == CUT_OFF:
            return "loading it closes files that are not its own"
        if code == COPY:
            return COPIES_ITSELF
        return f"loading it ends the process (exit status {code})"

    def _end(self) -> None:
        if self._pid:
            for kill in (os.killpg, os.kill):
                try:
                    kill(self._pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    continue
            with contextlib.suppress(ChildProcessError):  # as above
                os.waitpid(self._pid, 0)
            self._pid = 0

    def _say_slow(self) -> None:
        name = printable(self._candidates[self._current].name)
        print(
            f"priorlab: loading the plugin {name} takes long; it is ended after {TIMEOUT:g} s",
            file=sys.stderr,
        )
        self._slow_at = float("inf")

    def _fork(self, load: Load, report: int, output: int) -> int:
        surroundings.flush()  # or the copy would print it, too
        known = list(own_files())  # not in the copy, where each module would cost memory
        with warnings.catch_warnings():
            # Idle threads of numerical libraries are no reason not to: those see to it.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDONLY)
            for descriptor, number in ((nothing, 0), (output, 1), (output, 2)):
                os.dup2(descriptor, number)
            os.close(self._report)
            os.close(self._output)
            serve(self._candidates, load, report, known)
        finally:
            os._exit(1)

    def _start(self, command: str, report: int, output: int) -> int:
        given = {
            "candidates": [dataclasses.asdict(one) for one in self._candidates],
            "report": report,
        }
        started: subprocess.Popen[Any] = subprocess.Popen(
            [sys.executable, "-c", command, json.dumps(given)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[report],
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        started.returncode = 0  # waited for here, by its number
        return started.pid
