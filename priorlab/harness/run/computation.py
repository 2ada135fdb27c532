"""Compute what a plan lacks: hand out jobs, keep what comes back, take over what others did."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping

from priorlab.engines import Engine, Work
from priorlab.errors import UsageError
from priorlab.harness.results.claims import Claims
from priorlab.harness.results.database import Locked
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.names import cell_text
from priorlab.harness.results.runs import Result
from priorlab.harness.results.schema import Outcome
from priorlab.harness.results.store import Store
from priorlab.harness.run import local_slots, machine
from priorlab.harness.run.attempts import Attempts
from priorlab.harness.run.audience import Audience
from priorlab.harness.run.cell import DAMAGED
from priorlab.harness.run.collected import Collected, cell_name
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.keeping import Unstored, patiently
from priorlab.harness.run.placing import here
from priorlab.harness.run.plan import Plan
from priorlab.harness.run.remaining import RemainingTime
from priorlab.harness.run.run_setup import modules_of, setup_of
from priorlab.harness.run.schedule import Job
from priorlab.harness.run.settings import RunSettings
from priorlab.harness.run.sharing import SharedSchedule
from priorlab.harness.run.wire import FILES, Message
from priorlab.registry import Registry

BEAT = 5.0
"""Seconds between two signs of life to other runs."""

LOOK = 1.0
"""Seconds between two looks at what other runs have done."""

SHORT_WAIT = 0.5
"""Seconds to wait for others who write: meanwhile nobody listens to the child processes."""


class Stopped(Exception):
    """No more can be computed or stored; the message says why."""


class Computation:
    """The part of a run that takes time."""

    def __init__(
        self,
        planned: Plan,
        settings: RunSettings,
        registry: Registry,
        store: Store,
        folder: RunFolder,
        progress: Audience,
        since: str,
        engine: Engine,
    ) -> None:
        """Begin; `since` is when the plan looked into the store, as `stamp_of_now` says it."""
        self._planned = planned
        self._retry = settings.retry
        self._engine = engine
        self._limit = settings.slots
        self._parts = planned.selection.components_with_metrics
        self._modules = modules_of(self._parts, registry)
        self._setup = setup_of(planned, settings, registry, store)
        self._store = store
        self._logs = folder.logs
        self._progress = progress
        self._since = since
        self._noted: set[str] = set()
        self._collected = Collected(planned, store, folder, progress.note)

    @property
    def results(self) -> Mapping[str, Result]:
        """What is known of the cells so far, by key: all of them unless `run` was stopped."""
        return self._collected.results

    def run(self, stop: Callable[[], bool]) -> None:
        """Compute until everything is known or the user stops the run.

        Raises
        ------
        Stopped, UsageError
            If no more can be computed or stored; what is known is in `results`.
        """
        for problem in self._planned.problems:
            self._progress.note(f"left out: {problem}")
        for note in (*self._planned.selection.dataset.remarks, *self._planned.notes):
            self._progress.note(note)
        self._store.database.wait(SHORT_WAIT)
        try:
            to_score = self._collected.recall()
            if self._collected.complete:
                self._progress.started(len(self.results), len(self.results), 1)
                return
            self._compute(to_score, stop)
            self._collected.keeper.finish(stop)
        except Unstored as error:
            raise Stopped(str(error)) from None
        finally:
            self._collected.close()

    def details(self) -> list[tuple[str, str]]:
        """Return for each cell that failed its name and its traceback or last output."""
        return [
            (cell_text(cell.labels), self.results[cell.key].outcome.details)
            for cell in self._planned.cells
            if cell.key in self.results and self.results[cell.key].outcome.details
        ]

    def _compute(self, to_score: list[Job], stop: Callable[[], bool]) -> None:
        """Hand out jobs until none is left, neither here nor with other runs."""
        keeper = self._collected.keeper
        database, name = self._store.database, self._planned.name
        claims = patiently(lambda: Claims(database, name), self._progress.note, stop)
        schedule = SharedSchedule(
            self._planned.missing.values(),
            self._planned.estimates,
            to_score,
            store=self._store,
            since=self._since,
            claims=claims,
            hold=lambda: keeper.full,
            locked=lambda: keeper.locked,
        )
        attempts = Attempts(schedule, self._retry, self._planned.repeats, self._progress.note)
        slots = min(self._planned.slots, max(1, len(schedule)))
        time_left = RemainingTime(schedule, slots)
        chores = _Chores(
            [
                (LOOK, keeper.flush),
                (LOOK, lambda: self._take_over(schedule, time_left)),
                (LOOK, self._store.database.check_in_place),
                (BEAT, lambda: self._beat(claims, slots, time_left)),
            ]
        )

        def asked_to_stop() -> bool:
            chores.do()
            return stop()

        self._progress.started(len(self._collected.cells), len(self.results), slots)
        try:
            while not asked_to_stop() and len(schedule):
                self._run_engine(schedule, attempts, time_left, slots, asked_to_stop)
                if len(schedule):
                    time.sleep(local_slots.TICK)  # others have what is left
        finally:
            with contextlib.suppress(UsageError):
                claims.end()

    def _run_engine(
        self,
        schedule: SharedSchedule,
        attempts: Attempts,
        time_left: RemainingTime,
        slots: int,
        stop: Callable[[], bool],
    ) -> None:
        def on_step(slot: int, job: Job, iteration: int, steps: int) -> None:
            if not job.stored:
                time_left.step(slot, job.cell, iteration, steps)
            self._progress.working(slot, _doing(job, iteration, steps))

        computed = self._engine.run(
            Work(
                schedule=schedule,
                setup=self._setup,
                components=self._parts,
                modules=self._modules,
                slots=slots,
                limit=self._limit,
                logs=self._logs,
                stop=stop,
                on_step=on_step,
                on_note=self._note_once,
                here=here,
            )
        )
        with contextlib.closing(computed):
            for job, message, wall in computed:
                if changed := self._planned.watch.changed():
                    raise Stopped(changed)
                time_left.finished(job.cell)
                if message["status"] == DAMAGED:
                    schedule.restore_after_all(job.cell)
                    continue
                if not (result := attempts.settle(job, message)):
                    continue
                if job.stored:
                    self._collected.keep_scores(job, result)
                else:
                    self._keep(job.cell, result, wall, slots)
                self._finished(job.cell, time_left)

    def _keep(self, cell: Cell, message: Message, wall: float, slots: int) -> None:
        """Keep what came of restoring a cell."""
        self._planned.estimates.learn(cell, wall)
        outcome = self._outcome(cell, message, wall, slots)
        self._collected.keep(cell, outcome, message, message.get(FILES, {}))

    def _finished(self, cell: Cell, time_left: RemainingTime) -> None:
        outcome = self.results[cell.key].outcome
        row = cell.labels | {"status": outcome.status, "message": outcome.message}
        self._progress.finished(row, len(self.results), time_left.seconds_left())

    def _note_once(self, text: str) -> None:
        """Pass on what a child says; its neighbours may say the same."""
        if text not in self._noted:
            self._noted.add(text)
            self._progress.note(text)

    def _take_over(self, schedule: SharedSchedule, time_left: RemainingTime) -> None:
        """Take over what other runs have computed of this one's cells."""
        arrived = []
        with contextlib.suppress(Locked):
            arrived = schedule.arrived()
        for cell in arrived:
            try:
                to_score = self._collected.take_over(cell)
            except Locked:
                schedule.look_again(cell)
                continue
            if to_score:
                schedule.score_later(to_score)
            else:
                self._finished(cell, time_left)

    def _beat(self, claims: Claims, slots: int, time_left: RemainingTime) -> None:
        """Tell others that this run lives, and how far it is."""
        doing = self._progress.doing
        facts = {
            "total": len(self._collected.cells),
            "done": len(self.results),
            "failed": self._progress.failed,
            "slots": slots,
            "seconds_left": time_left.seconds_left(),
            "doing": tuple(doing[slot] for slot in sorted(doing)),
        }
        with contextlib.suppress(Locked):
            claims.beat(facts)

    def _outcome(self, cell: Cell, message: Message, wall: float, slots: int) -> Outcome:
        """Return what a child's result says of a cell."""
        known = {field.name for field in dataclasses.fields(Outcome)}
        facts = {
            "slots": slots,
            "device": self._setup.device,
            "machine": machine.name(self._setup.device),
            **{key: value for key, value in message.items() if key in known},
        }
        return Outcome(
            **facts,
            wall=wall,
            height=cell.image.height,
            width=cell.image.width,
            channels=cell.image.channels,
            threads=self._setup.threads,
        )


class _Chores:
    """What is to be done now and then while a run goes on."""

    def __init__(self, chores: list[tuple[float, Callable[[], None]]]) -> None:
        """Note them, each with the seconds between two times."""
        self._chores = chores
        self._next = [0.0] * len(chores)

    def do(self) -> None:
        """Do those whose time has come."""
        for index, (pause, chore) in enumerate(self._chores):
            if time.monotonic() >= self._next[index]:
                chore()
                self._next[index] = time.monotonic() + pause


def _doing(job: Job, iteration: int, steps: int) -> str:
    """Say what a slot is doing."""
    if job.stored:
        return f"{cell_name(job.cell)} · metrics"
    of = f"/{steps}" if steps else ""
    return f"{cell_name(job.cell)} · step {iteration}{of}" if iteration else cell_name(job.cell)
