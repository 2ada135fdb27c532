"""Engines place cells on processes. There is one: the slots of this machine."""

from __future__ import annotations

import dataclasses
import select
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from priorlab.harness.run.child import Child, Message, Setup
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.schedule import Schedule
from priorlab.specs import Component

TICK = 0.2
"""Most seconds between two looks at whether the user wants to stop."""

START_FAILURES = 3
"""After so many processes in a row that did not start, no more are tried."""

Step = Callable[[int, Cell, int, int], None]
"""Is told: slot, cell, iteration, and total number of iterations or 0."""


def local(
    schedule: Schedule,
    setup: Setup,
    *,
    slots: int,
    timeout: float,
    logs: Path,
    stop: Callable[[], bool],
    on_step: Step,
) -> Generator[tuple[Cell, Message, float]]:
    """Run the cells of a schedule in one warm child process for each slot.

    Parameters
    ----------
    schedule : Schedule
        Hands out the cells.
    setup : Setup
        What the children need.
    slots : int
        How many of them work at the same time.
    timeout : float
        Seconds after which a cell is given up.
    logs : Path
        Folder for what the children print.
    stop : callable
        Looked at a few times a second: whether to stop at once.
    on_step : callable
        Is told which cell a slot works on and how far it is.

    Yields
    ------
    cell, message, wall
        The cell, the child's result, and the seconds from handing out to result. When the
        generator ends or is closed, all children are dead.
    """
    if not schedule.left:
        return
    logs.mkdir(parents=True, exist_ok=True)
    workers = [_Slot(index, Child(setup, timeout, _log(logs, index))) for index in range(slots)]
    failures = 0
    reason = ""
    try:
        while not stop():
            for slot in workers:
                if slot.cell is None and failures < START_FAILURES:
                    slot.take(schedule, on_step)
            busy = [slot for slot in workers if slot.cell is not None]
            if not busy:
                break
            for slot, message in _messages(busy, on_step):
                cell, wall = slot.finish()
                failures = 0 if message.get("started", True) else failures + 1
                reason = message.get("message", "")
                yield cell, message, wall
        while failures >= START_FAILURES and (untried := schedule.take()) and not stop():
            yield untried, {"status": "crashed", "message": f"not tried: {reason}"}, 0.0
    finally:
        for slot in workers:
            slot.child.kill()


@dataclasses.dataclass
class _Slot:
    index: int
    child: Child
    cell: Cell | None = None
    since: float = 0.0

    def take(self, schedule: Schedule, on_step: Step) -> None:
        """Start the next cell, if there is one."""
        self.cell = schedule.take()
        if self.cell is not None:
            self.child.send(job(self.cell))
            self.begin(on_step)

    def begin(self, on_step: Step) -> None:
        """Start the clock of the cell: when it is sent, or when its new process is ready."""
        self.since = time.monotonic()
        if self.cell is not None:
            on_step(self.index, self.cell, 0, 0)

    def finish(self) -> tuple[Cell, float]:
        """Return the cell and its wall time, and be free."""
        if self.cell is None:
            raise RuntimeError("this slot has no cell to finish")
        cell, self.cell = self.cell, None
        return cell, time.monotonic() - self.since


def _messages(busy: list[_Slot], on_step: Step) -> Iterator[tuple[_Slot, Message]]:
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
            elif message.get("event") == "step" and slot.cell is not None:
                on_step(slot.index, slot.cell, message["iteration"], message["total"])
    for slot in busy:
        if slot.cell is not None and slot.child.seconds_left() <= 0:
            yield slot, slot.child.give_up()


def job(cell: Cell) -> Message:
    """Return the message that has a child run a cell."""
    return {
        "prior": _description(cell.prior),
        "task": _description(cell.task),
        "image": dataclasses.asdict(cell.image) | {"path": str(cell.image.path.resolve())},
        "seed": cell.seed,
    }


def _description(component: Component) -> dict[str, object]:
    fields = dataclasses.fields(component)
    parameters = {field.name: getattr(component, field.name) for field in fields}
    return {"name": component.name, "parameters": parameters}


def _log(folder: Path, index: int) -> Path:
    log = folder / f"slot{index + 1}.log"
    log.write_bytes(b"")
    return log
