"""Engines: what places the cells of a comparison on processes, here or on other machines.

An engine only decides where a cell is computed. It is always a child process of the harness
(`priorlab.harness.run.child`) that computes it, so that no engine can change a result.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from typing_extensions import override

from priorlab.components import Component


class Job(Protocol):
    """One thing to compute; `priorlab.harness.run.local_slots` makes a child's request of it."""

    @property
    def cell(self) -> Any:
        """The cell: prior, task, image and seed."""

    @property
    def stored(self) -> str:
        """Not empty where only metrics of an image that is stored already are wanted."""


class Schedule(Protocol):
    """Hands out the jobs."""

    def __len__(self) -> int:
        """Return how many are left to hand out."""

    def take(self) -> Job | None:
        """Return the next job; None where there is none, or none at the moment."""


Results = Generator[tuple[Any, dict[str, Any], float]]
"""For each job that is done: the job, the result of the child, and the seconds it took."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """What an engine is to do, and whom it tells how far it is.

    Attributes
    ----------
    schedule : Schedule
        Hands out the jobs, until it is empty.
    setup : Setup
        What the processes of cells need; see `priorlab.harness.isolation.setup`.
    components : sequence of (str, Component)
        All priors and tasks among the jobs, each with its kind: "priors" or "tasks".
    modules : sequence of str
        The modules of the plugins that provide them.
    slots : int
        How many cells this machine computes at the same time, and for how many there is a line
        that shows what they do.
    limit : int or None
        How many cells at most are computed at the same time, if the user said so.
    logs : Path
        Folder for what processes print.
    stop : callable
        To be asked a few times a second whether to stop at once.
    on_step : callable
        To be called with slot, job, iteration and the total number of iterations (0 if it is not
        known): with iteration 0 when a slot begins a job, then when it gets on with it.
    on_note : callable
        To be called with what the user should know.
    here : callable
        Does work in the slots of this machine.
    """

    schedule: Schedule
    setup: Any
    components: Sequence[tuple[str, Component]]
    modules: Sequence[str]
    slots: int
    limit: int | None
    logs: Path
    stop: Callable[[], bool]
    on_step: Callable[[int, Any, int, int], None]
    on_note: Callable[[str], None]
    here: Callable[[Work], Results]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Engine(Component, abc.ABC):
    """Base of engines: frozen dataclasses with a `name`, a docstring and parameters.

    Attributes
    ----------
    elsewhere : bool
        Whether it computes cells on other machines.
    """

    elsewhere: ClassVar[bool] = True

    def check(self) -> None:
        """Raise a `UsageError` if it cannot be used: a library or a parameter is missing.

        It is called before anything is computed, and is quick.
        """
        return

    @abc.abstractmethod
    def run(self, work: Work) -> Results:
        """Compute all jobs and yield each with its result, in any order.

        When the generator ends, or is closed, nothing of the work goes on anywhere. Each job that
        was taken is yielded, unless the user stops the run.

        Raises
        ------
        UsageError
            If no more jobs can be computed; the message says why.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Local(Engine):
    """The cores, or the accelerator, of this machine."""

    name: ClassVar[str] = "local"
    elsewhere: ClassVar[bool] = False

    @override
    def run(self, work: Work) -> Results:
        return work.here(work)


BUILTIN_ENGINES: tuple[type[Engine], ...] = (Local,)
