"""The scorer's end of the processes of cells: have one started, and hear how it ended."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable

from priorlab.ground import process_tree
from priorlab.harness.isolation import memory_files
from priorlab.harness.isolation.channel import Channel, Message
from priorlab.harness.isolation.endings import exit_text, left_running
from priorlab.harness.isolation.setup import Setup

PREPARE_TIMEOUT = 900.0
"""Seconds within which a prior must have loaded its weights and compiled its loops."""

MOST_PREPARED = 8
"""Prepared priors that wait for their next cell in each slot."""

_GRACE = 5.0
"""Seconds to wait for what must come at once, such as the number of a forked process."""

Note = Callable[[str], None]


class Unborn(Exception):
    """There is no process for a cell, and that is the prior's doing.

    Attributes
    ----------
    status : str
        Of the cell: "failed" or "crashed".
    details : str
    """

    def __init__(self, status: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.details = details


class Late(Unborn):
    """A prior was not prepared in time, nor will it be for its next cell."""


class Barren(Exception):
    """No process can be started any more; no prior is to blame."""


@dataclasses.dataclass(frozen=True)
class CellProcess:
    """A process that waits for the measurement of its cell.

    Attributes
    ----------
    pid : int
    channel : Channel
        To it.
    prepare_seconds : float
        How long preparing the prior took; 0 if another cell had it prepared.
    code : callable
        Returns the exit code as `subprocess` has it, once the process has ended, or None.
    reap : callable
        To be called once it has been ended.
    """

    pid: int
    channel: Channel
    prepare_seconds: float
    code: Callable[[], int | None]
    reap: Callable[[], object] = lambda: None


@dataclasses.dataclass
class _Parent:
    """A process that has loaded plugins, or prepared a prior, and from which others are forked."""

    pid: int
    channel: Channel
    seconds: float


class Nursery:
    """Starts the processes of cells: forks of a zygote, or fresh ones where none is given."""

    def __init__(self, setup: Setup, zygote: Channel | None, on_note: Note) -> None:
        self._setup = setup
        self._zygote = zygote
        self._on_note = on_note
        self._late: dict[str, Late] = {}
        self._prepared: OrderedDict[str, _Parent] = OrderedDict()
        self._plugins: dict[str, _Parent] = {}
        self._count = 0
        self._spare: tuple[subprocess.Popen[bytes], Channel] | None = None

    def start(self, prior: Message, channels: int, job: str) -> CellProcess:
        """Return a process for a cell, in which the prior is prepared.

        Raises
        ------
        Unborn
            If the prior cannot be built, or its process does not survive its preparation.
        Barren
            If processes cannot be started at all.
        """
        key = json.dumps([prior, channels])
        if key in self._late:
            raise self._late[key]
        try:
            if self._zygote is None:
                return self._fresh(prior, channels, job)
            return self._forked(key, prior, channels, job)
        except Late as error:
            self._late[key] = error
            raise

    def _forked(self, key: str, prior: Message, channels: int, job: str) -> CellProcess:
        fresh = key not in self._prepared
        found = self._prepared.get(key) or self._prepare(key, prior, channels)
        try:
            process = self._fork(found, found.seconds if fresh else 0.0, job)
        except Barren:  # it died since: a cell may have ended it
            self._forget(key)
            found = self._prepare(key, prior, channels)
            process = self._fork(found, found.seconds, job)
        self._prepared.move_to_end(key)
        while len(self._prepared) > MOST_PREPARED:
            self._forget(next(iter(self._prepared)))
        return process

    def close(self) -> None:
        """End the processes that wait for a cell."""
        for key in list(self._prepared):
            self._forget(key)
        for found in self._plugins.values():
            process_tree.end([found.pid])
            found.channel.close()
        self._plugins.clear()
        if self._spare is not None:
            process, channel = self._spare
            self._spare = None
            process_tree.end([process.pid])
            process.wait()
            channel.close()

    def known(self) -> list[int]:
        """Return the processes that are to be there between two cells."""
        spare = [self._spare[0].pid] if self._spare else []
        return [found.pid for found in self._prepared.values()] + spare

    def _forget(self, key: str) -> None:
        found = self._prepared.pop(key)
        process_tree.end([found.pid])
        found.channel.close()

    def _prepare(self, key: str, prior: Message, channels: int) -> _Parent:
        """Return a new process in which a prior is prepared."""
        assert self._zygote is not None
        modules = self._setup.modules_of(prior)
        plugins = json.dumps(modules)
        if plugins not in self._plugins:
            self._plugins[plugins] = self._begun(self._zygote, {"modules": modules})
        request = {"prior": prior, "channels": channels}
        self._prepared[key] = self._begun(self._plugins[plugins].channel, request)
        return self._prepared[key]

    def _begun(self, parent: Channel, request: Message) -> _Parent:
        """Have a process fork another one, and wait until that one is ready."""
        self._count += 1
        token = f"process {self._count}"
        pid, ours = _forked(parent, request, token)
        try:
            seconds = self._until_prepared(ours, lambda: _code(parent, token))
            self._end_what_was_left(pid, request)
        except BaseException:
            process_tree.end([pid])
            ours.close()
            raise
        return _Parent(pid, ours, seconds)

    def _end_what_was_left(self, pid: int, request: Message) -> None:
        """End what a plugin or a prior started and left running, and say so."""
        if left := process_tree.running(process_tree.descendants(pid)):
            process_tree.end(left)
            name = request["prior"]["name"] if "prior" in request else "a plugin"
            when = "prepared" if "prior" in request else "imported"
            self._on_note(f"{name}: while it was {when}, {left_running(len(left))}")

    def _until_prepared(self, channel: Channel, code: Callable[[], int | None]) -> float:
        """Return how long a prior took to be prepared."""
        deadline = time.monotonic() + PREPARE_TIMEOUT
        while True:
            if not channel.readable(deadline - time.monotonic()):
                raise Late("crashed", f"it was not prepared within {PREPARE_TIMEOUT:g} s")
            received = channel.receive()
            if received is None:
                raise Unborn("crashed", f"{exit_text(code())} while it was prepared")
            message = received.message
            if message.get("event") == "note":
                self._on_note(str(message.get("text")))
            elif message.get("event") == "failed":
                raise Unborn("failed", str(message["message"]), str(message["details"]))
            elif message.get("event") == "prepared":
                return float(message["seconds"])

    def _fork(self, prepared: _Parent, seconds: float, job: str) -> CellProcess:
        pid, ours = _forked(prepared.channel, {}, job)
        return CellProcess(pid, ours, seconds, lambda: _code(prepared.channel, job))

    def _fresh(self, prior: Message, channels: int, job: str) -> CellProcess:
        """Use the process that was started ahead, and start the next one."""
        process, channel = self._spare or self._start_fresh()
        self._spare = None
        if not channel.readable(PREPARE_TIMEOUT) or channel.receive() is None:
            process.kill()
            raise Barren(f"{exit_text(process.wait())} while it started")
        channel.send({"token": job, "prior": prior, "channels": channels})

        def code() -> int | None:
            try:
                return process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                return None

        try:
            seconds = self._until_prepared(channel, code)
        except BaseException:
            process.kill()
            process.wait()
            raise
        self._spare = self._start_fresh()
        return CellProcess(process.pid, channel, seconds, code, process.wait)

    def _start_fresh(self) -> tuple[subprocess.Popen[bytes], Channel]:
        ours, theirs = Channel.pair()
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", FRESH, str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        # In a file: the names of many images would be too long for a message.
        setup = memory_files.holding(json.dumps(dataclasses.asdict(self._setup)).encode())
        ours.send({"parent": os.getpid()}, [setup])
        os.close(setup)
        return process, ours


FRESH = "priorlab.harness.isolation.fresh"


def _forked(parent: Channel, request: Message, token: str) -> tuple[int, Channel]:
    """Have a process fork itself; return the number of the new one, and the channel to it."""
    ours, theirs = Channel.pair()
    sent = parent.send({**request, "token": token}, [theirs.fileno()])
    theirs.close()
    if not sent:
        raise Barren(_PARENT_GONE)
    return int(_awaited(parent, "started", token)["pid"]), ours


_PARENT_GONE = "no process could be started: the one that was to be its parent has ended"


def _awaited(channel: Channel, event: str, token: str) -> Message:
    """Return a message that is to come soon; others are of processes that nobody asks for."""
    deadline = time.monotonic() + _GRACE * 6
    while channel.readable(deadline - time.monotonic()):
        received = channel.receive()
        if received is None:
            raise Barren(_PARENT_GONE)
        if received.message.get("event") == event and received.message.get("token") == token:
            return received.message
    raise Barren(f"no process could be started: no {event!r} within {_GRACE * 6:g} s")


def _code(channel: Channel | None, token: str) -> int | None:
    """Return the exit code of a forked process, or None if nobody says so."""
    try:
        return int(_awaited(channel, "ended", token)["code"]) if channel else None
    except Barren:
        return None
