"""Plan a comparison: its cells, what is known of them already, how long the rest will take."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from priorlab.errors import UsageError
from priorlab.harness.results import outputs
from priorlab.harness.results.schema import FINAL, Outcome
from priorlab.harness.results.store import Store
from priorlab.harness.run import grid, machine
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.schedule import Estimates
from priorlab.pictures.datasets import Dataset
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.tasks.base import Task


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    name : str
        The run's name.
    cells : list of Cell
        The grid.
    problems : tuple of str
        What is wrong with the image files that cannot be read.
    cached : dict
        What the store knows already, by key.
    slots : int
        How many cells would be computed at the same time.
    """

    name: str
    cells: list[Cell]
    problems: tuple[str, ...]
    cached: dict[str, Outcome]
    slots: int
    estimates: Estimates

    @property
    def missing(self) -> dict[str, Cell]:
        """The cells to compute, by key."""
        return {cell.key: cell for cell in self.cells if cell.key not in self.cached}

    def text(self) -> str:
        """Say in a few lines what is to be done and how long it will take."""
        missing = list(self.missing.values())
        known = sum(cell.key in self.cached for cell in self.cells)
        lines = [f"run {self.name}: {len(self.cells)} cells, {known} known already"]
        lines += [f"left out: {problem}" for problem in self.problems]
        seconds, unknown = self.estimates.total(missing)
        if len(missing) > unknown:
            lines.append(f"about {seconds / self.slots / 60:.1f} minutes with {self.slots} slots")
        if unknown:
            lines.append(f"{unknown} cells by priors that were never timed here")
        return "\n".join(lines)


def plan(
    priors: Sequence[Prior],
    tasks: Sequence[Task],
    dataset: Dataset,
    seeds: Sequence[int] = (0,),
    *,
    registry: Registry,
    out: Path,
    name: str | None = None,
    slots: int | None = None,
    threads: int = 1,
    device: str = "cpu",
) -> Plan:
    """Return what `run` would do with the same arguments; nothing is written.

    Raises
    ------
    UsageError
        For an empty grid, a bad seed or device, or a store that cannot be used.
    """
    cells = grid.cells(priors, tasks, dataset.images, seeds, registry=registry, device=device)
    cached: dict[str, Outcome] = {}
    estimates = Estimates()
    if store := Store.to_read(out):
        with contextlib.closing(store):
            estimates = Estimates(store.rates(machine.name(device)))
            cached = _cached(store, cells)
    if slots is None:
        slots = 1 if device != "cpu" else max(1, machine.usable_cores() // threads)
    slots = max(1, min(slots, len({cell.key for cell in cells} - cached.keys())))
    name = grid.run_name(tasks, dataset, [cell.labels for cell in cells]) if name is None else name
    if not name or name != Path(name).name or name.startswith("."):
        raise UsageError(f"the run name {name!r} is not a plain file name")
    return Plan(name, cells, dataset.problems, cached, slots, estimates)


def _cached(store: Store, cells: Sequence[Cell]) -> dict[str, Outcome]:
    """Return what the store knows for good, by key."""
    known = {cell.key: store.outcome(cell.key) for cell in cells}
    return {
        key: outcome
        for key, outcome in known.items()
        if outcome
        and outcome.status in FINAL
        and all(
            outputs.path(store.pictures, outcome.output, suffix).exists()
            for suffix in (outputs.DATA, outputs.VIEW)
            if outcome.output
        )
    }
