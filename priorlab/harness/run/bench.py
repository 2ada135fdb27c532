"""Run a comparison: compute the cells that are missing, and return a row for each."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from priorlab.errors import UsageError
from priorlab.harness.report import gallery, tables
from priorlab.harness.results import outputs
from priorlab.harness.results.folder import FORMAT, RunFolder
from priorlab.harness.results.runs import Result, Run, to_rows
from priorlab.harness.results.schema import Outcome
from priorlab.harness.results.store import Store
from priorlab.harness.run import engines, machine, scores
from priorlab.harness.run.child import Message, Setup
from priorlab.harness.run.grid import Cell
from priorlab.harness.run.interrupts import interruptible
from priorlab.harness.run.plan import Plan, plan
from priorlab.harness.run.progress import Progress
from priorlab.harness.run.schedule import Clock, Schedule
from priorlab.harness.run.worker import STOP
from priorlab.pictures import datasets, reading
from priorlab.pictures.datasets import Dataset
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.tasks.base import Task


def run(
    priors: Sequence[Prior],
    tasks: Sequence[Task],
    dataset: Dataset,
    seeds: Sequence[int] = (0,),
    *,
    registry: Registry,
    out: Path = Path("results"),
    name: str | None = None,
    slots: int | None = None,
    threads: int = 1,
    timeout_s: float = 1800.0,
    device: str = "cpu",
    plugin_files: Sequence[str | Path] = (),
    plugin_folders: Sequence[str | Path] = (),
    progress: Progress | None = None,
    command: str = "",
    suite: Mapping[str, Any] | None = None,
) -> Run:
    """Compute every cell of a grid that is not known yet, and return a row for each.

    Parameters
    ----------
    priors, tasks : sequence
        The components to combine, from `registry`.
    dataset : Dataset
        The clean images.
    seeds : sequence of int
        One measurement of each image for each.
    registry : Registry
        Where the components are from.
    out : Path
        The results folder: a store that all runs in it share, and a folder for each run.
    name : str, optional
        Name of the run; by default made from the grid, so that the same command finds it again.
    slots : int, optional
        Cells at the same time; by default as many as there are cores, one on a GPU.
    threads : int
        Threads of each.
    timeout_s : float
        Seconds after which a cell is given up.
    device : str
        Torch device.
    plugin_files, plugin_folders : sequence of path
        The plugins that `registry` was loaded with, besides the installed ones.
    progress : Progress, optional
        Is told what happens.
    command : str
        The command line, noted in the run's folder.
    suite : mapping, optional
        What stands above the tables: `priorlab.harness.run.suites.Suite.about`.

    Returns
    -------
    Run
        After Ctrl-C or SIGTERM: `interrupted`, with the cells finished so far.

    Raises
    ------
    UsageError
        For an empty grid, a bad argument, or results that cannot be written; what was computed
        until then is kept.
    """
    if slots is not None and slots < 1:
        raise UsageError(f"slots={slots} is too small; the least is 1")
    if threads < 1:
        raise UsageError(f"threads={threads} is too small; the least is 1")
    if not timeout_s > 0:
        raise UsageError(f"timeout_s={timeout_s} is not a number of seconds above 0")
    progress = progress or Progress()
    planned = plan(
        priors,
        tasks,
        dataset,
        seeds,
        registry=registry,
        out=out,
        name=name,
        slots=slots,
        threads=threads,
        device=device,
    )
    info: dict[str, Any] = {
        "format": FORMAT,
        "name": planned.name,
        "command": command.replace(str(Path.home()), "~"),
        "suite": dict(suite or {}),
        "started": pd.Timestamp.now("UTC").isoformat(timespec="seconds"),
        "finished": "",
        "total": len(planned.cells),
        "dataset": dataset.name,
        "known_dataset": datasets.known(dataset),
        "problems": [problem.replace(str(Path.home()), "~") for problem in dataset.problems],
        "priors": list(dict.fromkeys(prior.spec() for prior in priors)),
        "tasks": {task.spec(): task.protocol.text() for task in tasks},
        "metrics": {name: metric.spec for name, metric in registry.metrics.items()},
        "lower_is_better": [m.name for m in registry.metrics.values() if not m.higher_is_better],
        "seeds": list(dict.fromkeys(seeds)),
        "device": device,
        "machine": machine.name(device),
        "slots": planned.slots,
        "threads": threads,
        "timeout_s": timeout_s,
        "versions": machine.versions(),
        "cells": [cell.labels | {"key": cell.key} for cell in planned.cells],
    }
    setup = Setup(
        pictures=str((out / "outputs").resolve()),
        threads=threads,
        device=device,
        plugin_files=tuple(map(str, plugin_files)),
        plugin_folders=tuple(map(str, plugin_folders)),
    )
    store = Store(out)
    try:
        folder = RunFolder(out / planned.name)
        folder.begin(info)
        results = _compute(planned, store, folder, setup, timeout_s, progress, registry)
        info["finished"] = pd.Timestamp.now("UTC").isoformat(timespec="seconds")
        rows = to_rows(planned, results)
        details = [
            (f"{cell.labels}", results[cell.key].outcome.details)
            for cell in planned.cells
            if cell.key in results and results[cell.key].outcome.details
        ]
        folder.finish(info, rows, details)
    finally:
        progress.ended()
        store.close()
    done = Run(folder.path, rows, info)
    if len(rows):
        tables.write(done.folder, done.rows, done.header)
        gallery.write(folder, done.rows)
    return done


def _compute(
    planned: Plan,
    store: Store,
    folder: RunFolder,
    setup: Setup,
    timeout: float,
    progress: Progress,
    registry: Registry,
) -> dict[str, Result]:
    """Recall what is known, compute what is missing, and return the results by key."""
    for problem in planned.problems:
        progress.note(f"left out: {problem}")
    metrics = {task: scores.digests(task, registry) for task in {c.task for c in planned.cells}}
    cells: dict[str, list[Cell]] = defaultdict(list)  # more than one where two files are equal
    for cell in planned.cells:
        cells[cell.key].append(cell)
    with interruptible() as stop:
        results = _recall(planned, store, metrics, registry)
        for cell in planned.cells:
            known = results.get(cell.key)
            folder.show(cell, known.outcome if known else None, store.pictures)
        missing = [cell for key, (cell, *_) in cells.items() if key not in results]
        slots = min(planned.slots, max(1, len(missing)))
        progress.started(len(cells), len(results), slots)
        schedule = Schedule(missing, planned.estimates)
        clock = Clock(schedule, slots)

        def on_step(slot: int, cell: Cell, iteration: int, steps: int) -> None:
            clock.step(slot, cell, iteration, steps)
            progress.working(slot, _doing(cell, iteration, steps))

        computed = engines.local(
            schedule,
            setup,
            slots=slots,
            timeout=timeout,
            logs=folder.logs,
            stop=stop,
            on_step=on_step,
        )
        with contextlib.closing(computed):
            for cell, message, wall in computed:
                outcome = _outcome(cell, message, wall, setup, slots)
                values = message.get("scores", {})
                store.put(cell.key, cell.labels, outcome, metrics[cell.task], values)
                failed = message.get("failed_metrics", {})
                results[cell.key] = Result(outcome, values, cached=False, failed_metrics=failed)
                for equal in cells[cell.key]:
                    folder.show(equal, outcome, store.pictures)
                planned.estimates.learn(cell, wall)
                clock.finished(cell)
                row = cell.labels | {"status": outcome.status, "message": outcome.message}
                progress.finished(row, len(results), clock.seconds_left())
    return results


def _outcome(cell: Cell, message: Message, wall: float, setup: Setup, slots: int) -> Outcome:
    """Return what a child's result says of a cell."""
    if message["status"] == STOP:
        raise UsageError(message["message"])
    known = {field.name for field in dataclasses.fields(Outcome)}
    facts = {key: value for key, value in message.items() if key in known}
    return Outcome(
        **facts,
        wall=wall,
        height=cell.image.height,
        width=cell.image.width,
        channels=cell.image.channels,
        threads=setup.threads,
        slots=slots,
        device=setup.device,
        machine=machine.name(setup.device),
    )


def _recall(
    planned: Plan,
    store: Store,
    metrics: Mapping[Task, Mapping[str, str]],
    registry: Registry,
) -> dict[str, Result]:
    """Return what is known already; scores that are missing are computed from stored images."""
    results: dict[str, Result] = {}
    for cell in planned.cells:
        outcome = planned.cached.get(cell.key)
        if outcome is None or cell.key in results:
            continue
        values = store.scores(cell.key, metrics[cell.task])
        missing = [metric for name, metric in registry.metrics.items() if name not in values]
        failed: Mapping[str, str] = {}
        if missing and outcome.status == "ok":
            try:
                restored = outputs.get(store.pictures, outcome.output)
            except UsageError:
                continue  # the stored image is damaged: compute the cell again
            clean = reading.read(cell.image.path)
            found = scores.score(restored, clean, cell.task, missing)
            store.put_scores(cell.key, metrics[cell.task], found.values)
            values, failed = values | found.values, found.failures
        results[cell.key] = Result(outcome, values, cached=True, failed_metrics=failed)
    return results


def _doing(cell: Cell, iteration: int, steps: int) -> str:
    """Say what a slot is doing."""
    text = f"{cell.prior.spec()} · {cell.task.spec()} · {cell.image.name}"
    text += f" · seed {cell.seed}" if cell.seed else ""
    of = f"/{steps}" if steps else ""
    return f"{text} · step {iteration}{of}" if iteration else text
