"""Compute what a plan lacks: hand out jobs, keep what comes back, take over what others did."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from priorlab.components import Component
from priorlab.engines import Engine, Work
from priorlab.errors import UsageError
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.results.claims import Claims
from priorlab.harness.results.database import Locked
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.outputs import DATA
from priorlab.harness.results.runs import Result
from priorlab.harness.results.schema import METRICS, Outcome
from priorlab.harness.results.shown import Fetch, Shown
from priorlab.harness.results.store import Store
from priorlab.harness.run import engines, keys, machine, scores
from priorlab.harness.run.attempts import Attempts
from priorlab.harness.run.audience import Audience
from priorlab.harness.run.cell import DAMAGED
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.keeping import Keeper, Unstored
from priorlab.harness.run.placing import here
from priorlab.harness.run.plan import Plan
from priorlab.harness.run.schedule import Job, TimeLeft
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

MOST_NOTES = 3
"""After so many pictures that cannot be shown, the others are only counted."""


class Stopped(Exception):
    """No more can be computed or stored; the message says why."""


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
        progress: Audience,
        since: str,
        engine: Engine,
    ) -> None:
        """Begin; `since` is when the plan looked into the store, as `stamp_of_now` says it."""
        self.results: dict[str, Result] = {}
        self._planned = planned
        self._retry = settings.retry
        self._engine = engine
        self._limit = settings.slots
        self._modules = _modules(planned.selection.components, registry)
        self._setup = Setup(
            threads=settings.threads,
            device=settings.device,
            plugin_files=registry.files,
            plugin_folders=registry.folders,
            task_modules=_modules((("tasks", task) for task in planned.selection.tasks), registry),
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
        self._shown = Shown(folder.pictures)
        self._not_shown = 0
        self._progress = progress
        self._since = since
        self._keeper = Keeper(progress.note)
        self._noted: set[str] = set()
        self._digests = {task: scores.digests(task, registry) for task in planned.selection.tasks}
        # What is stored of cells that are only to be scored, by key.
        self._unscored: dict[str, Result] = {}
        # More than one cell has the same key where two files hold the same picture.
        self._cells: dict[str, list[Cell]] = defaultdict(list)
        for cell in planned.cells:
            self._cells[cell.key].append(cell)

    def run(self, stop: Callable[[], bool]) -> None:
        """Compute until everything is known or the user stops the run.

        Raises
        ------
        Stopped, UsageError
            If no more can be computed or stored; what is known is in `results`.
        """
        for problem in self._planned.problems:
            self._progress.note(f"left out: {problem}")
        for note in self._planned.selection.dataset.notes:
            self._progress.note(note)
        self._store.database.wait(SHORT_WAIT)
        try:
            self._recall()
            if len(self.results) == len(self._cells):
                self._progress.started(len(self._cells), len(self.results), 1)
                return
            self._compute(stop)
            self._finish(stop)
        finally:
            self._shown.finish()
            if self._not_shown > MOST_NOTES:
                self._progress.note(f"not shown: {self._not_shown - MOST_NOTES} more")

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
            result = Result(outcome, self._planned.scores[key], cached=True)
            if key in self._planned.unscored:
                self._unscored[key] = result
            else:
                self.results[key] = result
        for cell in self._planned.cells:
            self._show(cell, self._planned.cached.get(cell.key), self._store.picture)

    def _compute(self, stop: Callable[[], bool]) -> None:
        """Hand out jobs until none is left, neither here nor with other runs."""
        claims = Claims(self._store.database, self._planned.name)
        slots = self._planned.slots
        schedule = SharedSchedule(
            self._planned.missing.values(),
            self._planned.estimates,
            [self._to_score(key, names) for key, names in self._planned.unscored.items()],
            store=self._store,
            since=self._since,
            claims=claims,
            hold=lambda: self._keeper.full,
            locked=lambda: self._keeper.locked,
        )
        attempts = Attempts(schedule, self._retry, self._planned.repeats, self._progress.note)
        slots = min(slots, max(1, len(schedule)))
        time_left = TimeLeft(schedule, slots)
        chores = _Chores(
            [
                (LOOK, self._keeper.flush),
                (LOOK, lambda: self._take_over(schedule, time_left)),
                (LOOK, self._store.database.check_in_place),
                (BEAT, lambda: self._beat(claims, slots, time_left)),
            ]
        )

        def asked_to_stop() -> bool:
            chores.do()
            return stop()

        self._progress.started(len(self._cells), len(self.results), slots)
        try:
            while not asked_to_stop() and len(schedule):
                self._run_engine(schedule, attempts, time_left, slots, asked_to_stop)
                if len(schedule):
                    time.sleep(engines.TICK)  # others have what is left
        finally:
            with contextlib.suppress(UsageError):
                claims.end()

    def _run_engine(
        self,
        schedule: SharedSchedule,
        attempts: Attempts,
        time_left: TimeLeft,
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
                components=self._planned.selection.components,
                modules=self._modules,
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
                if changed := self._planned.watch.changed():
                    raise Stopped(changed)
                time_left.finished(job.cell)
                if message["status"] == DAMAGED:
                    schedule.restore_after_all(job.cell)
                    continue
                if not (result := attempts.settle(job, message)):
                    continue
                if job.stored:
                    self._keep_scores(job, result)
                else:
                    self._keep(job.cell, result, wall, slots)
                self._finished(job.cell.key, time_left)

    def _finish(self, stop: Callable[[], bool]) -> None:
        """Store what waits for a store that is locked."""
        try:
            self._keeper.finish(stop)
        except Unstored as error:
            raise Stopped(str(error)) from None

    def _finished(self, key: str, time_left: TimeLeft) -> None:
        cell, outcome = self._cells[key][0], self.results[key].outcome
        row = cell.labels | {"status": outcome.status, "message": outcome.message}
        self._progress.finished(row, len(self.results), time_left.seconds_left())

    def _note_once(self, text: str) -> None:
        """Pass on what a child says; its neighbours may say the same."""
        if text not in self._noted:
            self._noted.add(text)
            self._progress.note(text)

    def _show(self, cell: Cell, outcome: Outcome | None, fetch: Fetch) -> None:
        """Put a cell's pictures into the run's folder; the store has them in any case."""
        try:
            self._shown.show(cell.labels, outcome, fetch)
        except UsageError as error:
            self._not_shown += 1
            if self._not_shown <= MOST_NOTES:
                self._progress.note(f"not shown: {_name(cell)}: {error}")

    def _to_score(self, key: str, names: tuple[str, ...]) -> Job:
        """Return the job of computing metrics of what is stored."""
        stored = self._unscored[key].outcome.output
        return Job(self._cells[key][0], stored, names, lambda: self._file(stored + DATA))

    def _file(self, name: str) -> dict[str, bytes]:
        """Return a stored picture by its name, if there is one."""
        content = self._store.picture(name)
        return {} if content is None else {name: content}

    def _take_over(self, schedule: SharedSchedule, time_left: TimeLeft) -> None:
        """Take over what other runs have computed of this one's cells."""
        with contextlib.suppress(Locked):
            arrived = {cell.key: cell for cell in schedule.arrived()}
            for key, outcome in self._store.outcomes(arrived).items():
                cell = arrived[key]
                digests = self._digests[cell.task]
                result = Result(outcome, self._store.scores([key], digests)[key], cached=True)
                lacking = tuple(name for name in digests if name not in result.scores)
                if outcome.output and lacking:
                    self._unscored[key] = result
                    schedule.score_later(self._to_score(key, lacking))
                    continue
                self.results[key] = result
                for equal in self._cells[key]:
                    self._show(equal, outcome, self._store.picture)
                self._finished(key, time_left)

    def _beat(self, claims: Claims, slots: int, time_left: TimeLeft) -> None:
        """Tell others that this run lives, and how far it is."""
        doing = self._progress.doing
        with contextlib.suppress(Locked):
            claims.beat(
                {
                    "total": len(self._cells),
                    "done": len(self.results),
                    "failed": self._progress.failed,
                    "slots": slots,
                    "seconds_left": time_left.seconds_left(),
                    "doing": tuple(doing[slot] for slot in sorted(doing)),
                }
            )

    def _keep(self, cell: Cell, message: Message, wall: float, slots: int) -> None:
        """Store what came of restoring a cell."""
        outcome = self._outcome(cell, message, wall, slots)
        values, failed = message.get("scores", {}), message.get("failed_metrics", {})
        self.results[cell.key] = Result(outcome, values, cached=False, failed_metrics=failed)
        pictures: dict[str, bytes] = message.get(FILES, {})
        self._planned.estimates.learn(cell, wall)
        for equal in self._cells[cell.key]:
            self._show(equal, outcome, _first(pictures, self._store.picture))
        facts = cell.key, cell.labels, outcome, self._digests[cell.task], values, pictures
        self._keeper.keep(lambda: self._store.put(*facts), sum(map(len, pictures.values())))

    def _keep_scores(self, job: Job, message: Message) -> None:
        """Store what came of scoring a cell that was restored by an earlier run.

        Metrics that failed, or ended their process, are not remembered: the next run tries again.
        """
        key, known = job.cell.key, self._unscored[job.cell.key]
        if message["status"] != "ok":
            reasons = dict.fromkeys(job.metrics, str(message["message"]))
            self.results[key] = dataclasses.replace(known, failed_metrics=reasons)
            return
        found, digests = message["scores"], self._digests
        self.results[key] = dataclasses.replace(
            known, scores={**known.scores, **found}, failed_metrics=message["failed_metrics"]
        )
        self._keeper.keep(lambda: self._store.put_scores(key, digests[job.cell.task], found), 0)

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


def _modules(components: Iterable[tuple[str, Component]], registry: Registry) -> tuple[str, ...]:
    """Return the modules of the plugins that provide components, and those in them."""
    parts = (part for kind, one in components for part in keys.parts(kind, one))
    return tuple(sorted({registry.owners[kind, part.name].module for kind, part in parts}))


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


def _first(pictures: Mapping[str, bytes], otherwise: Fetch) -> Fetch:
    """Return what looks among some pictures first."""
    return lambda name: pictures[name] if name in pictures else otherwise(name)


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
