"""One cell as it is watched from outside: its clock, its limits, what it reports and returns.

Nothing that the prior's process says is taken on trust: the kernel says who sent it, this process
has the clock, and the system says what was used.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import re
import select
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from priorlab.errors import LONGEST_TRACEBACK, printable
from priorlab.ground import process_tree
from priorlab.harness.isolation.block import FRAMES, Block
from priorlab.harness.isolation.channel import Received, close_all
from priorlab.harness.isolation.endings import exit_text, left_running
from priorlab.harness.isolation.nursery import CellProcess
from priorlab.harness.isolation.reports import LONGEST_NOTE, whole_number
from priorlab.harness.isolation.setup import Setup
from priorlab.pictures.extra_pictures import NAME, ExtraPicture
from priorlab.restoration import LONGEST_REASON

TICK = 0.05
"""Most seconds between two looks at what the processes of a cell take."""

_FILLS = 8000.0
"""MB per second that a process can at most take; so often a limit must be looked at."""

_START = 60.0
"""Seconds within which a process must be ready that has nothing to do before."""

_FAREWELL = 0.5
"""Seconds between the end of a channel and that of its process; in a crash, next to none."""

_MOST_NOTES = 20
"""Notes of a cell that are passed on: there may be a million."""

_MOST_PICTURES = 16


@dataclasses.dataclass
class Watcher:
    """Whom to tell what a cell reports.

    Attributes
    ----------
    began : callable
        Called when the clock starts.
    step : callable
        Receives iteration and planned total.
    image : callable
        Receives the iteration, the seconds since the clock started, and the image (1, C, H, W),
        which is gone afterwards.
    note : callable
        Receives what the user should know.
    """

    began: Callable[[], None]
    step: Callable[[int, int], None]
    image: Callable[[int, float, Tensor], None]
    note: Callable[[str], None]


UNHEARD = Watcher(lambda: None, lambda *_: None, lambda *_: None, lambda _: None)
"""Nobody: only what comes of the cell matters."""


@dataclasses.dataclass
class Attempt:
    """What came of a cell.

    Attributes
    ----------
    status : str
        "ok", "failed", "unsupported", "crashed" or "timeout".
    message, details : str
        Why it is not "ok".
    image : Tensor or None
        The restored image (1, C, H, W), as it was returned.
    seconds, cpu_seconds, peak_mb : float or None
        From the measurement's arrival to the image's return. The memory is the increase of the
        process, and of those that it started, over what it had when the measurement came.
    load : float or None
        Load average of this machine over the minute before the image's return.
    facts : dict
        "last", "stop", "before" and "converged" as far as they were reported.
    pictures : list of ExtraPicture
    """

    status: str = "crashed"
    message: str = ""
    details: str = ""
    image: Tensor | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_mb: float | None = None
    load: float | None = None
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    pictures: list[ExtraPicture] = dataclasses.field(default_factory=list)

    def failed(self, status: str, message: Any, details: Any = "") -> None:
        """Note why there is no image."""
        self.status = status
        self.message = printable(str(message))[:LONGEST_REASON]
        self.details = printable(str(details))[-LONGEST_TRACEBACK:]


class _Watch:
    """The state of watching one process."""

    def __init__(
        self, process: CellProcess, job: str, block: Block, setup: Setup, watcher: Watcher
    ) -> None:
        self.result = Attempt()
        self._process = process
        self._job = job
        self._block = block
        self._setup = setup
        self._watcher = watcher
        self._poll = select.poll()
        self._poll.register(process.channel.fileno(), select.POLLIN)
        self._ended = _watched(process.pid)
        if self._ended is not None:
            self._poll.register(self._ended, select.POLLIN)
        # What the prior left running there, such as a thread, may work for it.
        self._parent = process_tree.parent(process.pid) if setup.forks else 0
        self._mb_before = self._cpu_before = self._parent_before = 0.0
        self._most_growth = 0.0
        self._clocks: dict[int, float] = {}
        self._next_look = self._next_step = 0.0
        self._notes = 0

    def run(self, seed: int) -> Attempt:
        """Hand over the measurement when the process is ready, and watch until there is an end."""
        try:
            if not self._until_ready():
                return self.result
            self._mb_before = process_tree.own_mb(self._process.pid)
            self._cpu_before = process_tree.cpu_seconds(self._process.pid)
            self._parent_before = self._parent_clock()
            self._watcher.began()
            start = time.perf_counter()
            handed = {"block": self._block.layout, "seed": seed}
            self._process.channel.send(handed, [self._block.descriptor])
            self._until_answered(start)
            self.result.peak_mb = self._peak()
            return self.result
        finally:
            if self._ended is not None:
                os.close(self._ended)

    def _until_ready(self) -> bool:
        deadline = time.perf_counter() + _START
        while time.perf_counter() < deadline:
            for received in self._received(deadline - time.perf_counter()):
                if received is None:
                    self._crashed()
                    return False
                if received.message.get("event") == "ready" and self._trusted(received):
                    return True
        self.result.failed("crashed", f"the process did not start within {_START:g} s")
        return False

    def _until_answered(self, start: float) -> None:
        deadline = start + self._setup.timeout_s
        while True:
            left = deadline - time.perf_counter()
            if left <= 0:
                limit = f"{self._setup.timeout_s:g} s"
                self.result.failed("timeout", f"no result after {limit}; the process was ended")
                return
            for received in self._received(min(left, self._interval())):
                now = time.perf_counter()
                if received is None:
                    self._crashed()
                    return
                if self._answered(received, now - start):
                    return
            if self._takes_too_much():
                return

    def _received(self, seconds: float) -> list[Received | None]:
        """Wait for a message; None stands for the end of the process."""
        events = {descriptor for descriptor, _ in self._poll.poll(max(0.0, seconds) * 1000)}
        if self._process.channel.fileno() in events:
            return [self._process.channel.receive()]
        # What it sent before it ended was read above, in an earlier round.
        return [None] if events else []

    def _trusted(self, received: Received) -> bool:
        """Return whether a message is from the process itself, on this cell."""
        own = received.sender in (0, self._process.pid)
        return own and received.message.get("job") == self._job

    def _answered(self, received: Received, seconds: float) -> bool:
        """Take note of a message; returns whether it is the last one."""
        message = received.message
        try:
            if not self._trusted(received):
                self.result.failed("crashed", "something else answered in its place")
                return True
            event = message.get("event")
            if event == "step":
                self._step(message, seconds)
            elif event == "note":
                self._note(message)
            elif event == "picture":
                self._picture(message, received.files)
            elif event in ("done", "failed", "unsupported"):
                self._done(event, message, seconds)
                return True
            else:
                self.result.failed("crashed", "it sent a message that is none")
                return True
            return False
        finally:
            close_all(received.files)

    def _note(self, message: dict[str, Any]) -> None:
        self._notes += 1
        if self._notes <= _MOST_NOTES:
            self._watcher.note(printable(str(message.get("text")))[:LONGEST_NOTE])

    def _step(self, message: dict[str, Any], seconds: float) -> None:
        iteration = whole_number(message.get("iteration"))
        if iteration is None:
            return
        frame = message.get("frame")
        if isinstance(frame, int) and 0 < frame <= FRAMES:
            self._watcher.image(iteration, seconds, self._block.frames[frame])
            self._block.mark(frame, used=False)
        if (now := time.perf_counter()) >= self._next_step:
            self._next_step = now + TICK
            self._watcher.step(iteration, whole_number(message.get("total")) or 0)

    def _picture(self, message: dict[str, Any], files: tuple[int, ...]) -> None:
        """Keep an extra picture, if it is one."""
        name, white, shape = (message.get(key) for key in ("name", "white", "shape"))
        if (
            not (isinstance(name, str) and re.fullmatch(NAME, name))
            or not (isinstance(white, float) and 0 < white < math.inf)
            or not (isinstance(shape, list) and len(shape) == 3 and len(files) == 1)
            or len(self.result.pictures) == _MOST_PICTURES
        ):
            return
        values = _values(files[0], shape, most=4 * self._block.result.numel())
        if values is not None:
            self.result.pictures.append(ExtraPicture(name, values, white))

    def _done(self, event: str, message: dict[str, Any], seconds: float) -> None:
        if event != "done":
            self.result.failed(event, message.get("message"), message.get("details", ""))
            return
        self.result.status = "ok"
        self.result.image = self._block.result.clone()
        self.result.seconds = seconds
        self.result.cpu_seconds = self._cpu_seconds()
        with contextlib.suppress(OSError):  # not known in some containers
            self.result.load = round(os.getloadavg()[0], 2)
        facts = self.result.facts
        numbers = [name for name in ("last", "stop", "before") if name in message]
        facts |= {name: whole_number(message[name]) for name in numbers}
        if isinstance(message.get("converged"), bool):
            facts["converged"] = message["converged"]
        # Only the process itself knows what an accelerator had to hold.
        peak = message.get("peak_mb")
        if self._setup.device != "cpu" and isinstance(peak, float) and 0 <= peak < math.inf:
            facts["peak_mb"] = peak

    def _cpu_seconds(self) -> float:
        """Return the CPU time since the measurement came.

        The system forgets that of children whose end their parent ignores; what was seen of them
        counts in any case.
        """
        self._clocks |= process_tree.clocks(self._process.pid)
        told = process_tree.cpu_seconds(self._process.pid)
        seen = sum(self._clocks.values())
        own = max(0.0, told - self._cpu_before, seen - self._cpu_before)
        return own + max(0.0, self._parent_clock() - self._parent_before)

    def _parent_clock(self) -> float:
        return process_tree.own_cpu_seconds(self._parent) if self._parent else 0.0

    def _interval(self) -> float:
        """Return how long nobody need look at the memory."""
        limit = self._setup.memory_mb
        if limit is None:
            return TICK
        return min(TICK, max(0.001, (limit - self._most_growth) / _FILLS))

    def _growth(self) -> float:
        """Return by how much the memory has grown that the process and those below it take.

        What they share is counted once, and what they all got from the process that forked this
        one, not at all: its own part of that is as large as the part of each of them.
        """
        pid = self._process.pid
        below = process_tree.descendants(pid)
        if not below:
            return process_tree.own_mb(pid) - self._mb_before
        forked = self._setup.forks
        given = process_tree.proportional_mb(process_tree.parent(pid)) if forked else 0.0
        taken = sum(process_tree.proportional_mb(one) - given for one in [pid, *below])
        return taken if forked else taken - self._mb_before

    def _takes_too_much(self) -> bool:
        """Look at the memory, if it is time to; returns whether that was too much."""
        if (now := time.perf_counter()) < self._next_look:
            return False
        taken = self._growth()
        self._most_growth = max(self._most_growth, taken)
        self._clocks |= process_tree.clocks(self._process.pid)
        self._next_look = now + self._interval()
        limit = self._setup.memory_mb
        if limit is None or taken <= limit:
            return False
        self.result.failed(
            "crashed", f"it took more than {limit:g} MB of memory; the process was ended"
        )
        return True

    def _peak(self) -> float | None:
        """Return by how much the memory grew at most."""
        if "peak_mb" in self.result.facts:
            return float(self.result.facts["peak_mb"])
        if not process_tree.KNOWN:
            return None
        # Between two looks only the peak of the process itself is known.
        return max(self._most_growth, process_tree.peak_own_mb(self._process.pid) - self._mb_before)

    def _crashed(self) -> None:
        """Say how the process ended; one that only closed its channel is not waited for."""
        deadline = time.perf_counter() + _FAREWELL
        while process_tree.running([self._process.pid]) and time.perf_counter() < deadline:
            time.sleep(0.001)
        alive = process_tree.KNOWN and process_tree.running([self._process.pid])
        self.result.failed("crashed", exit_text(None if alive else self._process.code()))


def watch(
    process: CellProcess, job: str, block: Block, seed: int, setup: Setup, watcher: Watcher
) -> Attempt:
    """Have a process restore what is in a block, and end it and all that it started.

    Returns
    -------
    Attempt
        Whatever happened.
    """
    try:
        result = _Watch(process, job, block, setup, watcher).run(seed)
        left = process_tree.running(process_tree.descendants(process.pid))
    finally:
        process_tree.end([process.pid])
        process.reap()
        process.channel.close()
    if left and result.status == "ok":
        result.message = left_running(len(left))
    return result


def _values(file: int, shape: list[Any], most: int) -> NDArray[np.float32] | None:
    """Return the picture in a file, or None if there is none of this shape."""
    if not all(isinstance(length, int) and 0 < length < 2**20 for length in shape):
        return None
    count = math.prod(shape)
    if count > most:
        return None
    with contextlib.suppress(OSError, ValueError):
        values = np.frombuffer(os.pread(file, 4 * count, 0), np.float32).reshape(shape)
        if np.isfinite(values).all():
            return np.clip(values, 0, 1)
    return None


def _watched(process: int) -> int | None:
    """Return a descriptor that is readable once a process has ended."""
    try:
        return os.pidfd_open(process)
    except (OSError, AttributeError):  # it has ended; or this system has none
        return None
