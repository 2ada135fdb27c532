"""Compute what a plan lacks: hand out jobs, keep what comes back."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from priorlab.engines import Engine, Work
from priorlab.errors import UsageError
from priorlab.files import write_atomically
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.results import outputs
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.runs import Result
from priorlab.harness.results.schema import METRICS, Outcome
from priorlab.harness.results.store import Store
from priorlab.harness.run import keys, scores
from priorlab.harness.run.cell import DAMAGED
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.interrupts import interruptible
from priorlab.harness.run.placing import here
from priorlab.harness.run.plan import Plan
from priorlab.harness.run.progress import Progress
from priorlab.harness.run.schedule import Job, Schedule, TimeLeft
from priorlab.harness.run.settings import RunSettings
from priorlab.harness.run.wire import FILES, Message
from priorlab.registry import Registry
from priorlab.tasks.base import Task


class Stopped(Exception):
    """No image can be stored any more; the message says why."""


class Computation:
    """The part of a run that takes time.

    Attributes
    ----------
    results : dict
        What is known of the cells so far, by key: all of them once `run` has returned, unless
        the user stopped it.
    """

    def __init__(
        self,
        planned: Plan,
        settings: RunSettings,
        registry: Registry,
        store: Store,
        folder: RunFolder,
        progress: Progress,
        engine: Engine,
    ) -> None:
        self.results: dict[str, Result] = {}
        self._planned = planned
        self._engine = engine
        self._limit = settings.slots
        self._setup = Setup(
            threads=settings.threads,
            device=settings.device,
            plugin_files=registry.files,
            plugin_folders=registry.folders,
            task_modules=task_modules(planned.selection.tasks, registry),
            metrics={
                name: registry.owners["metrics", name].module
                for name in registry.metrics
                if name not in METRICS
            },
            timeout_s=settings.timeout_s,
            memory_mb=settings.memory_mb,
        )
        self._store = store
        self._folder = folder
        self._progress = progress
        self._noted: set[str] = set()
        self._digests = {task: scores.digests(task, registry) for task in planned.selection.tasks}
        # More than one cell has the same key where two files hold the same picture.
        self._cells: dict[str, list[Cell]] = defaultdict(list)
        for cell in planned.cells:
            self._cells[cell.key].append(cell)

    def run(self) -> None:
        """Compute until everything is known or the user stops the run.

        Raises
        ------
        Stopped
            If no image can be stored any more; what is known is in `results`.
        UsageError
            If the store cannot be written.
        """
        for problem in self._planned.problems:
            self._progress.note(f"left out: {problem}")
        for note in self._planned.selection.dataset.notes:
            self._progress.note(note)
        with interruptible() as stop:
            self._recall()
            schedule = self._schedule()
            slots = min(self._planned.slots, max(1, len(schedule)))
            self._progress.started(len(self._cells), len(self.results), slots)
            time_left = TimeLeft(schedule, slots)

            def on_step(slot: int, job: Job, iteration: int, steps: int) -> None:
                if not job.stored:
                    time_left.step(slot, job.cell, iteration, steps)
                self._progress.working(slot, _doing(job, iteration, steps))

            computed = self._engine.run(
                Work(
                    schedule=schedule,
                    setup=self._setup,
                    components=self._planned.selection.components,
                    slots=slots,
                    limit=self._limit,
                    logs=self._folder.logs,
                    stop=stop,
                    on_step=on_step,
                    on_note=self._note_once,
                    here=here,
                )
            )
            with contextlib.closing(computed):
                for job, message, wall in computed:
                    time_left.finished(job.cell)
                    if message["status"] == DAMAGED:
                        schedule.restore_after_all(job.cell)
                        continue
                    if job.stored:
                        self._keep_scores(job, message)
                    else:
                        self._keep(job.cell, message, wall, slots)
                    outcome = self.results[job.cell.key].outcome
                    row = job.cell.labels | {"status": outcome.status, "message": outcome.message}
                    self._progress.finished(row, len(self.results), time_left.seconds_left())

    def _note_once(self, text: str) -> None:
        """Pass on what a child says; its neighbours may say the same."""
        if text not in self._noted:
            self._noted.add(text)
            self._progress.note(text)

    def details(self) -> list[tuple[str, str]]:
        """Return for each cell that failed its labels and its traceback or last output."""
        return [
            (f"{cell.labels}", self.results[cell.key].outcome.details)
            for cell in self._planned.cells
            if cell.key in self.results and self.results[cell.key].outcome.details
        ]

    def _recall(self) -> None:
        """Take over what the store knows, and show it in the run's folder."""
        for key, outcome in self._planned.cached.items():
            if key not in self._planned.unscored:
                self.results[key] = Result(outcome, self._planned.scores[key], cached=True)
        for cell in self._planned.cells:
            self._show(cell, self._planned.cached.get(cell.key))

    def _show(self, cell: Cell, outcome: Outcome | None) -> None:
        """Put a cell's pictures into the run's folder; the store has them in any case."""
        try:
            self._folder.show(cell.labels, outcome, self._store.pictures)
        except UsageError as error:
            self._progress.note(f"not shown: {_name(cell)}: {error}")

    def _schedule(self) -> Schedule:
        """Return what is left to do."""
        planned = self._planned
        to_score = [
            Job(
                self._cells[key][0],
                planned.cached[key].output,
                metrics,
                functools.partial(self._read, planned.cached[key].output),
            )
            for key, metrics in planned.unscored.items()
        ]
        return Schedule(planned.missing.values(), planned.estimates, to_score)

    def _keep(self, cell: Cell, message: Message, wall: float, slots: int) -> None:
        """Store what came of restoring a cell."""
        self._write(message.get(FILES, {}))
        outcome = self._outcome(cell, message, wall, slots)
        values, failed = message.get("scores", {}), message.get("failed_metrics", {})
        self._store.put(cell.key, cell.labels, outcome, self._digests[cell.task], values)
        self.results[cell.key] = Result(outcome, values, cached=False, failed_metrics=failed)
        for equal in self._cells[cell.key]:
            self._show(equal, outcome)
        self._planned.estimates.learn(cell, wall)

    def _write(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            target = self._store.pictures / name[:2] / name[2:]
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    write_atomically(target, data)
            except (OSError, UsageError) as error:
                raise Stopped(str(error)) from None

    def _read(self, digest: str) -> dict[str, bytes]:
        with contextlib.suppress(OSError):
            path = outputs.path(self._store.pictures, digest, outputs.DATA)
            return {digest + outputs.DATA: path.read_bytes()}
        return {}

    def _keep_scores(self, job: Job, message: Message) -> None:
        """Store what came of scoring a cell that was restored by an earlier run.

        Metrics that failed, or ended their process, are not remembered: the next run tries again.
        """
        key, values = job.cell.key, self._planned.scores[job.cell.key]
        if message["status"] == "ok":
            found, failed = message["scores"], message["failed_metrics"]
            self._store.put_scores(key, self._digests[job.cell.task], found)
            values = values | found
        else:
            failed = dict.fromkeys(job.metrics, message["message"])
        self.results[key] = Result(self._planned.cached[key], values, True, failed)

    def _outcome(self, cell: Cell, message: Message, wall: float, slots: int) -> Outcome:
        """Return what a child's result says of a cell."""
        known = {field.name for field in dataclasses.fields(Outcome)}
        facts: dict[str, Any] = {"slots": slots, "device": self._setup.device}
        facts |= {key: value for key, value in message.items() if key in known}
        return Outcome(
            **facts,
            wall=wall,
            height=cell.image.height,
            width=cell.image.width,
            channels=cell.image.channels,
            threads=self._setup.threads,
        )


def task_modules(tasks: Iterable[Task], registry: Registry) -> tuple[str, ...]:
    """Return the modules of the plugins that provide tasks, and the components in them."""
    return tuple(
        sorted(
            {
                registry.owners[kind, part.name].module
                for task in tasks
                for kind, part in keys.parts("tasks", task)
            }
        )
    )


def _name(cell: Cell) -> str:
    """Return what a cell is called in the lines of progress."""
    text = f"{cell.prior.spec()} · {cell.task.spec()} · {cell.image.name}"
    return f"{text} · seed {cell.seed}" if cell.seed else text


def _doing(job: Job, iteration: int, steps: int) -> str:
    """Say what a slot is doing."""
    if job.stored:
        return f"{_name(job.cell)} · metrics"
    of = f"/{steps}" if steps else ""
    return f"{_name(job.cell)} · step {iteration}{of}" if iteration else _name(job.cell)
