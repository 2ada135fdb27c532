"""The slots of this machine: each has one scorer, and computes one job at a time."""

from __future__ import annotations

import dataclasses
import select
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from priorlab import components
from priorlab.ground.files import said_if_not_written
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run.child import Child
from priorlab.harness.run.schedule import Job, Schedule
from priorlab.harness.run.wire import FILES, Message

TICK = 0.2
"""Most seconds between two looks at whether the user wants to stop."""

START_FAILURES = 3
"""After so many processes in a row that did not start, no more are tried."""

Step = Callable[[int, Job, int, int], None]
"""Receives slot, job, iteration, and the total number of iterations or 0."""

Note = Callable[[str], None]
"""Receives what the user should know, such as that loops are being compiled."""


def run(
    schedule: Schedule,
    setup: Setup,
    *,
    slots: int,
    logs: Path,
    stop: Callable[[], bool],
    on_step: Step,
    on_note: Note,
) -> Generator[tuple[Job, Message, float]]:
    """Run the jobs of a schedule.

    Parameters
    ----------
    schedule : Schedule
        Hands out the jobs.
    setup : Setup
        What the children need.
    slots : int
        How many of them work at the same time.
    logs : Path
        Folder for what the children print.
    stop : callable
        Asked a few times a second whether to stop at once.
    on_step : callable
        Called when a slot begins a job, and when it gets on with it.
    on_note : callable
        Called with what the user should know.

    Yields
    ------
    job, message, wall
        The job, the child's result, and the seconds from handing out to result. When the
        generator ends or is closed, all children are dead.
    """
    if not len(schedule):
        return
    with said_if_not_written(logs):
        logs.mkdir(parents=True, exist_ok=True)
    workers = [_Slot(index, Child(setup, _log(logs, index))) for index in range(slots)]
    failures = 0
    reason = ""
    try:
        while not stop():
            for slot in workers:
                if slot.job is None and failures < START_FAILURES:
                    slot.take(schedule, on_step)
            busy = [slot for slot in workers if slot.job is not None]
            if not busy:
                if not len(schedule) or failures >= START_FAILURES:
                    break
                time.sleep(TICK)  # what is left is not to be done right now
                continue
            for slot, message in _messages(busy, on_step, on_note):
                job, wall = slot.finish()
                failures = 0 if message.get("started", True) else failures + 1
                reason = message.get("message", "")
                yield job, message, wall
        while failures >= START_FAILURES and (untried := schedule.take()) and not stop():
            yield untried, {"status": "crashed", "message": f"not tried: {reason}"}, 0.0
    finally:
        for slot in workers:
            slot.child.kill()


@dataclasses.dataclass
class _Slot:
    index: int
    child: Child
    job: Job | None = None
    since: float = 0.0

    def take(self, schedule: Schedule, on_step: Step) -> None:
        """Start the next job, if there is one."""
        self.job = schedule.take()
        if self.job is not None:
            self.child.send(request(self.job))
            self.begin(on_step)

    def begin(self, on_step: Step) -> None:
        """Start the clock of the job: when it is sent, or when its new process is ready."""
        self.since = time.monotonic()
        if self.job is not None:
            on_step(self.index, self.job, 0, 0)

    def finish(self) -> tuple[Job, float]:
        """Return the job and its wall time, and be free."""
        if self.job is None:
            raise RuntimeError("this slot has no job to finish")
        job, self.job = self.job, None
        return job, time.monotonic() - self.since


def _messages(busy: list[_Slot], on_step: Step, on_note: Note) -> Iterator[tuple[_Slot, Message]]:
    """Wait a moment, pass on what the children report, and yield the results that came."""
    wait = min(TICK, *(max(0.0, slot.child.seconds_left()) for slot in busy))
    poll = select.poll()
    by_descriptor = {slot.child.fileno(): slot for slot in busy}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    for descriptor, _ in poll.poll(wait * 1000):
        slot = by_descriptor[descriptor]
        for message in slot.child.receive():
            if message.get("event") == "result":
                yield slot, message
            elif message.get("event") == "ready":
                slot.begin(on_step)
            elif message.get("event") == "note":
                on_note(message["text"])
            elif message.get("event") == "step" and slot.job is not None:
                on_step(slot.index, slot.job, message["iteration"], message["total"])
    for slot in busy:
        if slot.job is not None and slot.child.seconds_left() <= 0:
            yield slot, slot.child.give_up()


def request(job: Job) -> Message:
    """Return the message that has a scorer do a job."""
    cell = job.cell
    return {
        "prior": components.description(cell.prior),
        "batched": cell.batched,
        "task": components.description(cell.task),
        "image": dataclasses.asdict(cell.image) | {"path": str(cell.image.path.resolve())},
        "seed": cell.seed,
        "stored": job.stored,
        "metrics": job.metrics,
        FILES: job.read() if job.read else {},
    }


def _log(folder: Path, index: int) -> Path:
    log = folder / f"slot{index + 1}.log"
    with said_if_not_written(log):
        log.write_bytes(b"")
    return log
