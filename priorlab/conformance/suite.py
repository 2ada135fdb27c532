"""Which checks there are for what a plugin provides."""

from __future__ import annotations

from typing import Any

from priorlab.conformance import (
    form_checks,
    metric_checks,
    other_checks,
    prior_checks,
    task_checks,
)
from priorlab.conformance.checks import Check
from priorlab.priors import Prior


def checks_of(kind: str, item: Any) -> tuple[Check, ...]:
    """Return the checks for one thing that a plugin provides.

    Parameters
    ----------
    kind : str
        "priors", "tasks", "datasets", "metrics", "engines" or "trainers".
    item
        A prior, task, engine or training with its parameters, or a data set or metric.

    Examples
    --------
    >>> from priorlab.metrics import BUILTIN_METRICS
    >>> [check.name for check in checks_of("metrics", BUILTIN_METRICS[0])]
    ['values', 'determinism', 'input', 'direction', 'threads']
    """
    match kind:
        case "priors":
            return of_prior(item)
        case "tasks":
            return task_checks.CHECKS
        case "metrics":
            return metric_checks.checks_of(item)
        case "datasets":
            return other_checks.OF_DATASETS
        case "engines":
            return other_checks.OF_ENGINES
    return other_checks.OF_TRAINERS


def of_prior(prior: Prior) -> tuple[Check, ...]:
    """Return the checks of every prior, and those of its form."""
    return (*form_checks.checks_of(prior), *prior_checks.CHECKS)
