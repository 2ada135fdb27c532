"""What is written down about a run: `run.json`."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from priorlab import tuned_parameters
from priorlab.components import Component
from priorlab.errors import UsageError
from priorlab.ground.escaping import without_home
from priorlab.harness.results.folder import FORMAT
from priorlab.harness.run import machine
from priorlab.harness.run.plan import Plan
from priorlab.harness.run.settings import RunSettings
from priorlab.pictures import datasets
from priorlab.registry import Registry
from priorlab.suites.published import Published


def manifest(
    planned: Plan, settings: RunSettings, registry: Registry, command: str
) -> dict[str, Any]:
    """Return what a run is, as it begins; `finished` is filled in at its end."""
    chosen, shard = planned.selection, planned.shard
    metrics = {name: one.metric for name, one in chosen.metrics.items()}
    return {
        "format": FORMAT,
        "name": planned.name,
        "command": without_home(command),
        "suite": {
            "title": without_home(settings.title),
            "source": without_home(settings.source),
            "notes": [*map(without_home, settings.notes), *([shard.note] if shard else [])],
            "published": [*map(dataclasses.asdict, _published(planned, settings, registry))],
        },
        "started": now(),
        "finished": "",
        "total": len(planned.cells),
        "dataset": without_home(chosen.dataset.name),
        "images": len(chosen.dataset.images),
        "content": chosen.dataset.digest,
        "known_dataset": datasets.known(chosen.dataset),
        "problems": [without_home(problem) for problem in planned.problems],
        "remarks": [without_home(remark) for remark in chosen.dataset.remarks],
        "priors": [without_home(prior.spec()) for prior in chosen.priors],
        "tuned": {
            prior.spec(): {kind: tuned_parameters.spelled(given) for kind, given in values.items()}
            for prior in chosen.priors
            if (values := prior.tuned_values())
        },
        "tasks": {without_home(task.spec()): task.rules for task in chosen.tasks},
        "titles": {without_home(task.spec()): without_home(task.title) for task in chosen.tasks},
        "protocols": {
            without_home(task.spec()): dataclasses.asdict(task.protocol) for task in chosen.tasks
        },
        "metrics": {name: without_home(metric.spec) for name, metric in metrics.items()},
        "lower_is_better": [m.name for m in metrics.values() if not m.higher_is_better],
        "seeds": chosen.seeds,
        "device": settings.device,
        "machine": machine.name(settings.device),
        "slots": planned.slots,
        "threads": settings.threads,
        "timeout_s": settings.timeout_s,
        "overwrite": settings.overwrite,
        "retry": settings.retry,
        "shard": str(shard or ""),
        "repeats": planned.repeats,
        "batch": settings.batch,
        "versions": machine.versions(),
        "credentials": _without_home(planned.credentials),
        "cells": [cell.labels | {"key": cell.key} for cell in planned.cells],
    }


def _without_home(credentials: Mapping[str, Any]) -> dict[str, Any]:
    """Return credentials with the specs of components as rows name them."""
    code = {without_home(spec): digest for spec, digest in credentials["code"].items()}
    return {**credentials, "code": code}


def _published(planned: Plan, settings: RunSettings, registry: Registry) -> Iterator[Published]:
    """Yield the figures of a suite with tasks and priors as rows name them."""
    priors = {_without_folders(prior): prior.spec() for prior in planned.selection.priors}
    for entry in settings.published:
        (task,) = registry.build_tasks(entry.task)
        prior = entry.prior
        if prior:
            with contextlib.suppress(UsageError):  # its plugin is not installed
                prior = _without_folders(registry.build_priors(prior)[0])
            prior = priors.get(prior, prior)
        yield dataclasses.replace(entry, task=without_home(task.spec()), prior=without_home(prior))


def _without_folders(component: Component) -> str:
    """Return the spec of a component with the names of its files alone."""
    names = {key: Path(getattr(component, key)).name for key in component.file_parameters()}
    return dataclasses.replace(component, **names).spec()


def now() -> str:
    """Return the time, to the second, as the manifest has it."""
    return pd.Timestamp.now("UTC").isoformat(timespec="seconds")
