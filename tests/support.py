"""Which prior takes which task, from support.toml, for the tests that go over all of them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import priorlab_dip
import priorlab_handcrafted
import priorlab_learned
from priorlab.priors import Prior
from priorlab.tasks.base import Task
from priorlab.tasks.builtin import BUILTIN_TASKS

FITTED = {prior.name: prior for prior in priorlab_dip.priorlab_priors()}
"""Priors that fit a network to each picture."""

TRAINED = {prior.name: prior for prior in priorlab_learned.priorlab_priors()}
"""Priors whose networks saw photographs before."""

HANDCRAFTED = {prior.name: prior for prior in priorlab_handcrafted.priorlab_priors()}

PRIORS: dict[str, type[Prior]] = HANDCRAFTED | TRAINED | FITTED
TASKS: dict[str, type[Task]] = {task.name: task for task in BUILTIN_TASKS}

_TABLES = tomllib.loads(Path(__file__).with_name("support.toml").read_text(encoding="utf-8"))

UNSUPPORTED: dict[str, dict[str, str]] = _TABLES["unsupported"]
"""For each prior the tasks that it does not take, with the reason it gives."""

WORSE: dict[str, dict[str, str]] = _TABLES["worse-than-degraded"]
"""For each prior the tasks on which it may be worse than doing nothing, with the reason."""


def reason(prior: str, task: str) -> str | None:
    """Return why the prior does not take the task, or None where it does."""
    return UNSUPPORTED.get(prior, {}).get(task)


def tasks_of(prior: str) -> list[str]:
    """Return the tasks that the prior takes."""
    return [task for task in TASKS if reason(prior, task) is None]
