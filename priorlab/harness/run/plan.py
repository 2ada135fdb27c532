"""Plan a run: its cells, what is known of them already, and how long the rest will take."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from priorlab.errors import counted
from priorlab.ground import escaping, garbage
from priorlab.harness.results.names import check_run_name
from priorlab.harness.results.schema import FINAL, Outcome
from priorlab.harness.results.store import Store
from priorlab.harness.run import cores, grid, keys, machine, scores
from priorlab.harness.run.credentials import credentials
from priorlab.harness.run.estimates import Estimates
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.selection import Selection, select
from priorlab.harness.run.settings import RunSettings
from priorlab.harness.run.shards import Shard
from priorlab.registry import Registry
from priorlab.sources.digest import digest
from priorlab.sources.watch import CodeWatch
from priorlab.tasks.base import Task


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    name : str
        The run's name.
    selection : Selection
        What is compared.
    cells : list of Cell
        The grid.
    cached : dict
        What the store knows already, by key.
    scores : dict
        The metrics of those that are known, by key.
    unscored : dict
        The names of those that are missing, by key, where any are.
    slots : int
        How many cells would be computed at the same time.
    estimates : Estimates
        How long cells take.
    watch : CodeWatch
        Says whether the code changed since the keys of the cells were made: asked before a
        result is stored.
    credentials : mapping
        What else decides the results; see `priorlab.harness.run.credentials`.
    shard : Shard or None
        The part of the grid that the cells are, if they are not all of it.
    repeats : int
        How often each cell is restored for exclusive timing; else 0.
    notes : tuple of str
        What else the user should know.
    """

    name: str
    selection: Selection
    cells: list[Cell]
    cached: dict[str, Outcome]
    scores: dict[str, dict[str, float]]
    unscored: dict[str, tuple[str, ...]]
    slots: int
    estimates: Estimates
    watch: CodeWatch
    credentials: Mapping[str, Any]
    shard: Shard | None = None
    repeats: int = 0
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> dict[str, Cell]:
        """The cells to compute, by key."""
        return {cell.key: cell for cell in self.cells if cell.key not in self.cached}

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the image files that cannot be read."""
        return self.selection.dataset.problems

    def text(self) -> str:
        """Say in a few lines what is to be done and how long it will take."""
        missing = list(self.missing.values())
        known = sum(cell.key in self.cached for cell in self.cells)
        lines = [f"run {self.name}: {counted(len(self.cells), 'cell')}, {known} known already"]
        lines += [f"left out: {problem}" for problem in self.problems]
        lines += (*self.selection.dataset.remarks, *self.notes)
        if self.shard:
            lines.append(self.shard.note)
        seconds, unknown = self.estimates.total(missing)
        seconds *= max(1, self.repeats)
        if len(missing) > unknown:
            slots = counted(self.slots, "slot")
            lines.append(f"about {seconds / self.slots / 60:.1f} minutes with {slots}")
        if unknown:
            lines.append(f"{counted(unknown, 'cell')} by priors that were never timed here")
        return "\n".join(map(escaping.terminal, lines))


@garbage.awaited()
def plan(settings: RunSettings, registry: Registry) -> Plan:
    """Return what a run with these settings would do; nothing is written.

    All code that counts is read: a million small objects, nearly none of which is garbage.

    Raises
    ------
    UsageError
        For an empty grid, an unknown name, a bad seed or device, or a store that cannot be read.
    """
    selection = select(settings, registry)
    of_metrics = (module for one in selection.metrics.values() for module in one.modules)
    # Before the keys are made.
    watch = keys.watch(selection.priors, selection.tasks, registry, of_metrics)
    digest_of = functools.cache(digest)  # many components have the same modules
    cells = grid.cells(
        selection.priors,
        selection.tasks,
        selection.dataset.images,
        selection.seeds,
        registry=registry,
        device=settings.device,
        digest_of=digest_of,
    )
    made_by = credentials(selection.priors, selection.tasks, registry, settings.device, digest_of)
    name = settings.name
    if name is None:
        labels = (cell.labels for cell in cells)
        name = grid.run_name(selection.tasks, selection.dataset, labels)
    if settings.shard:
        cells = [cell for cell in cells if settings.shard.holds(cell.key)]
    check_run_name(name)
    estimates = Estimates()
    cached: dict[str, Outcome] = {}
    known: dict[str, dict[str, float]] = {}
    if store := Store.to_read(settings.out):
        with contextlib.closing(store):
            estimates = Estimates(store.rates(machine.name(settings.device)))
            cached = _cached(store, cells, settings)
            known = _scores(store, cells, cached, selection)
    unscored = {
        key: missing
        for key, values in known.items()
        if cached[key].output
        and (missing := tuple(name for name in selection.metrics if name not in values))
    }
    to_do = {cell.key for cell in cells if cell.key not in cached} | unscored.keys()
    slots = max(1, min(_slots(settings), len(to_do)))
    return Plan(
        name=name,
        selection=selection,
        cells=cells,
        cached=cached,
        scores=known,
        unscored=unscored,
        slots=slots,
        estimates=estimates,
        watch=watch,
        credentials=made_by,
        shard=settings.shard,
        repeats=settings.repeats if settings.exclusive else 0,
        notes=(*selection.notes, *_notes(cells, settings)),
    )


def _slots(settings: RunSettings) -> int:
    """Return how many cells may be computed at the same time."""
    if settings.slots is not None:
        return settings.slots
    if settings.device != "cpu" or settings.exclusive:
        return 1
    return max(1, cores.usable_cores() // settings.threads)


def _cached(store: Store, cells: Sequence[Cell], settings: RunSettings) -> dict[str, Outcome]:
    """Return what is not computed again, by key."""
    if settings.overwrite == "all":
        return {}
    keys = [cell.key for cell in cells]
    cached = store.known(keys)
    if settings.exclusive:
        cached = {key: outcome for key, outcome in cached.items() if _timed(outcome, settings)}
    if settings.batch > 1:
        batched = {cell.key for cell in cells if cell.batched}
        cached = {
            key: outcome
            for key, outcome in cached.items()
            if key not in batched or _in_a_batch(outcome, settings)
        }
    if settings.overwrite == "missing":
        tried = store.outcomes(keys)
        cached |= {key: found for key, found in tried.items() if found.status not in FINAL}
    return cached


def _timed(outcome: Outcome, settings: RunSettings) -> bool:
    """Return whether the seconds of an outcome are what exclusive timing would give."""
    conditions = (outcome.slots, outcome.threads) == (1, settings.threads)
    return outcome.status != "ok" or (conditions and (outcome.repeats or 0) >= settings.repeats)


def _in_a_batch(outcome: Outcome, settings: RunSettings) -> bool:
    """Return whether the throughput of an outcome is known, or why it is not."""
    if outcome.status != "ok":
        return True
    tried = outcome.batch == settings.batch
    return tried and (outcome.throughput is not None or settings.overwrite == "missing")


def _notes(cells: Sequence[Cell], settings: RunSettings) -> tuple[str, ...]:
    if settings.batch == 1 or any(cell.batched for cell in cells):
        return ()
    return (f"batch={settings.batch} measures nothing: none of these priors gains from a batch",)


def _scores(
    store: Store, cells: Sequence[Cell], cached: dict[str, Outcome], selection: Selection
) -> dict[str, dict[str, float]]:
    """Return the metrics that the store knows of the cells that it knows."""
    by_task: dict[Task, list[str]] = defaultdict(list)
    for cell in cells:
        if cell.key in cached:
            by_task[cell.task].append(cell.key)
    known: dict[str, dict[str, float]] = {}
    for task, of_task in by_task.items():
        known |= store.scores(of_task, scores.digests(task, selection.metrics))
    return known
