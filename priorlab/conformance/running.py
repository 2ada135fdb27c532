"""Make checks in processes of their own: a crash or a hang is the failure of one check."""

from __future__ import annotations

import dataclasses
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from priorlab.conformance.checks import Outcome, said_once
from priorlab.conformance.child import COMMAND
from priorlab.ground import process_tree
from priorlab.registry import Plugin, Registry

START_SECONDS = 180.0
"""In which a process must have imported torch and the plugin."""

_GRACE = 1.0
"""Seconds in which a process that reports no more may end by itself."""

_SHOWN = 2000
"""Bytes of the end of what a process printed that are shown where it ended."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """One thing that is checked.

    Attributes
    ----------
    kind : str
        "priors", "tasks", ...
    name : str
        As it is known by its plugin alone.
    plugin : Plugin
        Who provides it.
    """

    kind: str
    name: str
    plugin: Plugin


def outcomes(subject: Subject, registry: Registry) -> Iterator[Outcome]:
    """Yield what comes of each check of one thing, as soon as it is made.

    A check that ends its process, or takes too long, fails; the next ones are made in another
    process.

    Parameters
    ----------
    subject : Subject
        What to check.
    registry : Registry
        It says from where the plugin is loaded.
    """
    return said_once(_outcomes(subject, registry))


def _outcomes(subject: Subject, registry: Registry) -> Iterator[Outcome]:
    made, known = 0, 1
    while made < known:
        with _Process(subject, registry, made) as process:
            for outcome in process.outcomes():
                made += 1
                yield outcome
            known = len(process.checks)


class _Process:
    """A child process that makes checks, from one on."""

    def __init__(self, subject: Subject, registry: Registry, first: int) -> None:
        self.checks: list[tuple[str, float]] = []
        self._first = first
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115
        self._report, report = os.pipe()
        given = {
            "files": registry.files,
            "folders": registry.folders,
            "module": subject.plugin.module,
            "kind": subject.kind,
            "name": subject.name,
            "first": first,
            "report": report,
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, json.dumps(given)],
                stdin=subprocess.DEVNULL,
                stdout=self._printed,
                stderr=subprocess.STDOUT,
                pass_fds=(report,),
            )
        finally:
            os.close(report)

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *raised: object) -> None:
        """End the process and all that it started."""
        self._end()
        os.close(self._report)
        self._printed.close()

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what comes of the checks until one ends the process."""
        number, pending = self._first, b""
        deadline = time.monotonic() + START_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._report, selectors.EVENT_READ)
            while ready := selector.select(max(0.0, deadline - time.monotonic())):
                chunk = os.read(ready[0][0].fd, 1 << 16)
                if not chunk:
                    break
                *lines, pending = (pending + chunk).split(b"\n")
                for message in map(json.loads, lines):
                    if outcome := message.get("outcome"):
                        yield Outcome(**outcome)
                        number += 1
                    else:
                        self.checks = message["checks"]
                    if number == len(self.checks):
                        return
                    deadline = time.monotonic() + self.checks[number][1]
        if not self.checks:
            self.checks = [("start", START_SECONDS)]
        name, seconds = self.checks[number]
        yield Outcome(name, "FAIL", self._why(seconds, late=not ready), self._tail())

    def _why(self, seconds: float, *, late: bool) -> str:
        """Return in one line why there is no answer."""
        if late:
            return f"it did not end within {seconds:g} s"
        status = self._end()
        if status < 0:
            return f"it ended the process by the signal {signal.Signals(-status).name}"
        return f"it ended the process with the status {status}"

    def _end(self) -> int:
        """End the process, if it has not ended, with all that it started; return its status."""
        try:
            return self._process.wait(_GRACE)  # it may just be ending by itself
        except subprocess.TimeoutExpired:
            process_tree.end([self._process.pid])
            return self._process.wait()

    def _tail(self) -> str:
        """Return the end of what the process printed."""
        size = os.fstat(self._printed.fileno()).st_size
        self._printed.seek(max(0, size - _SHOWN))
        return self._printed.read().decode(errors="replace").strip()
