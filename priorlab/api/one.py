"""The one prior, or the one task, that a spec names."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from priorlab import restoration, specs
from priorlab.errors import UsageError
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.tasks.base import Task


def one_prior(prior: str | Prior, registry: Registry) -> Prior:
    """Return the one prior that a spec names, or raise a `UsageError`.

    Examples
    --------
    >>> from priorlab.api.catalogue import load_for
    >>> registry = load_for(priors=["nlm", "tv"])
    >>> one_prior("nlm", registry).name
    'nlm'
    >>> one_prior("tv,nlm", registry)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: expected one prior, not 2: tv,nlm
    """
    if isinstance(prior, Prior):
        return prior
    built = registry.build_priors(prior)
    if len(built) != 1:
        raise UsageError(f"expected one prior, not {len(built)}: {prior}")
    return built[0]


def one_task(text: str, registry: Registry) -> tuple[Task, Collection[str]]:
    """Return the one task that a spec names, and the parameters that were typed.

    Examples
    --------
    >>> from priorlab.api.catalogue import load_for
    >>> task, typed = one_task("denoise:sigma=25", load_for(tasks=["denoise"]))
    >>> task.name, list(typed)
    ('denoise', ['sigma'])
    """
    built = registry.build_tasks(text)
    if len(built) != 1:
        raise UsageError(f"expected one task, not {len(built)}: {text}")
    return built[0], specs.split(text)[0].fields


@contextlib.contextmanager
def named(task: Task) -> Iterator[None]:
    """Turn whatever a plugin's task raises into a `UsageError` that names the task.

    Examples
    --------
    >>> from priorlab.tasks.denoising import Denoise
    >>> with named(Denoise()):
    ...     1 / 0
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: denoise:sigma=25 failed: ZeroDivisionError: division by zero
    """
    try:
        yield
    except UsageError:
        raise
    except Exception as error:  # the cause stays attached
        raise UsageError(f"{task.spec()} failed: {restoration.reason(error)}") from error
