"""What is written down about a run: `run.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from priorlab.harness.results.folder import FORMAT
from priorlab.harness.run import machine
from priorlab.harness.run.plan import Plan
from priorlab.harness.run.settings import RunSettings
from priorlab.pictures import datasets
from priorlab.registry import Registry


def manifest(
    planned: Plan, settings: RunSettings, registry: Registry, command: str
) -> dict[str, Any]:
    """Return what a run is, as it begins; `finished` is filled in at its end."""
    chosen = planned.selection
    return {
        "format": FORMAT,
        "name": planned.name,
        "command": _without_home(command),
        "suite": {
            "title": settings.title,
            "source": settings.source,
            "notes": list(settings.notes),
        },
        "started": now(),
        "finished": "",
        "total": len(planned.cells),
        "dataset": chosen.dataset.name,
        "known_dataset": datasets.known(chosen.dataset),
        "problems": [_without_home(problem) for problem in planned.problems],
        "priors": [prior.spec() for prior in chosen.priors],
        "tasks": {task.spec(): task.protocol.text() for task in chosen.tasks},
        "metrics": {name: metric.spec for name, metric in registry.metrics.items()},
        "lower_is_better": [m.name for m in registry.metrics.values() if not m.higher_is_better],
        "seeds": chosen.seeds,
        "device": settings.device,
        "machine": machine.name(settings.device),
        "slots": planned.slots,
        "threads": settings.threads,
        "timeout_s": settings.timeout_s,
        "versions": machine.versions(),
        "cells": [cell.labels | {"key": cell.key} for cell in planned.cells],
    }


def now() -> str:
    """Return the time, to the second, as the manifest has it."""
    return pd.Timestamp.now("UTC").isoformat(timespec="seconds")


def _without_home(text: str) -> str:
    """Return a text without the user's name, since the folder of a run may be published."""
    return text.replace(str(Path.home()), "~")
