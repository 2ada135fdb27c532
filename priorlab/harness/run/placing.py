"""What an engine needs of the harness: the jobs of a run, and a child process for its cells."""

from __future__ import annotations

import functools
import select
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from priorlab.engines import Results, Work
from priorlab.ground.files import said_if_not_written
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.run import local_slots
from priorlab.harness.run.child import Child
from priorlab.harness.run.wire import Message

request = local_slots.request
"""Returns the message that has a child do a job: a dict of what JSON can hold, and of bytes."""


def here(work: Work) -> Results:
    """Do work in the slots of this machine."""
    return local_slots.run(
        work.schedule,  # type: ignore[arg-type]  # an engine may hand on a part of it
        work.setup,
        slots=work.slots,
        logs=work.logs,
        stop=work.stop,
        on_step=work.on_step,
        on_note=work.on_note,
    )


class Place:
    """A child process in which an engine has one cell after another computed, kept warm.

    For engines that have a thread or a process for each place; `Child` is what `here` uses.
    """

    def __init__(
        self,
        setup: Setup,
        log: Path,
        start: Callable[[Callable[[], None]], None] = lambda start: start(),
    ) -> None:
        """Start nothing yet.

        Parameters
        ----------
        setup : Setup
            As `Child` takes it.
        log : Path
            Takes what the child prints.
        start : callable
            Calls a function in a thread that lasts: a child ends with the thread that started it.
        """
        self._start = start
        with said_if_not_written(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.touch()
        self._child = Child(setup, log)

    def run(
        self,
        request: Mapping[str, Any],
        *,
        on_event: Callable[[Message], None],
        wanted: Callable[[], bool],
    ) -> tuple[Message, float] | None:
        """Compute what a request names.

        Parameters
        ----------
        request : mapping
            As `request` makes it; the files that it names must be on this machine.
        on_event : callable
            Receives what the child says in between: events "ready", "step" and "note".
        wanted : callable
            Asked a few times a second whether the result is still wanted.

        Returns
        -------
        message, wall
            The result, and the seconds that it took; None if it is not wanted any more: the child
            has then been ended.
        """
        child, since = self._child, time.monotonic()
        self._start(functools.partial(child.send, dict(request)))
        while wanted():
            wait = min(local_slots.TICK, max(0.0, child.seconds_left()))
            ready, _, _ = select.select([child.fileno()], [], [], wait)
            for message in child.receive() if ready else ():
                if message.get("event") == "result":
                    return message, time.monotonic() - since
                if message.get("event") == "ready":
                    since = time.monotonic()  # loading torch and the plugins is not the cell's
                on_event(message)
            if child.seconds_left() <= 0:
                return child.give_up(), time.monotonic() - since
        child.kill()
        return None

    def close(self) -> None:
        """End the child, if there is one."""
        self._child.kill()
