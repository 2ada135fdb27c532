"""Checks for the tests of a plugin: those of ``priorlab plugins test``, and of operators."""

from __future__ import annotations

from priorlab.conformance import metric_checks, other_checks, suite, task_checks
from priorlab.conformance.adjoint import check_adjoint
from priorlab.conformance.checks import verify
from priorlab.engines import Engine
from priorlab.metrics import Metric
from priorlab.optional_metrics import OptionalMetric
from priorlab.pictures.datasets import DatasetSource
from priorlab.priors import Prior
from priorlab.tasks.base import Task

__all__ = [
    "check_adjoint",
    "check_dataset",
    "check_engine",
    "check_metric",
    "check_prior",
    "check_task",
]


def check_prior(prior: Prior) -> None:
    """Check that a prior does what every prior must do.

    These are the checks of ``priorlab plugins test``, in this process: shapes, channels, odd
    sizes, range, determinism, threads, batches, unchanged input, gradient and prox, scale, better
    than the degraded picture, honest timing, and whether a GPU agrees, where there is one.

    Parameters
    ----------
    prior : Prior
        With the parameters to check; a prior that fits a network does most checks in few steps.

    Raises
    ------
    AssertionError
        With a line for each check that fails: what, where, and what would be right.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from priorlab import Denoiser
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Bright(Denoiser):
    ...     "Return the input, brighter each time."
    ...     name = "bright"
    ...     def denoise(self, v, sigma):
    ...         return v.mul_(1 + sigma)
    >>> check_prior(Bright())
    Traceback (most recent call last):
    ...
    AssertionError: denoise: denoise changed its input; work on a copy (v.clone()), ...
    """
    verify(suite.of_prior(prior), prior)


def check_task(task: Task) -> None:
    """Check that a task, its operator and its noise do what they must; see `check_prior`.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Denoise
    >>> check_task(Denoise())
    """
    verify(task_checks.CHECKS, task)


def check_metric(metric: Metric | OptionalMetric) -> None:
    """Check that a metric does what every metric must do; see `check_prior`.

    Examples
    --------
    >>> from priorlab.metrics import BUILTIN_METRICS
    >>> check_metric(BUILTIN_METRICS[0])
    """
    verify(metric_checks.checks_of(metric), metric)


def check_dataset(dataset: DatasetSource) -> None:
    """Check that a data set holds pictures that can be read; see `check_prior`.

    Examples
    --------
    >>> from priorlab.pictures.datasets import BUILTIN_DATASETS
    >>> check_dataset(BUILTIN_DATASETS[0])
    """
    verify(other_checks.OF_DATASETS, dataset)


def check_engine(engine: Engine) -> None:
    """Check that a run with an engine gives what one on this machine gives; see `check_prior`."""
    verify(other_checks.OF_ENGINES, engine)
