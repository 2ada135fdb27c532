"""What can be named, looked up and explained without importing torch, where that is possible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from priorlab import remembered
from priorlab.describe import describe
from priorlab.registry import Registry

__all__ = ["check_names", "declarations", "describe"]


def declarations(
    files: Sequence[str | Path] = (), folders: Sequence[str | Path] = ()
) -> Registry | None:
    """Return what the plugins declare, without importing one; None where that is not known.

    Parameters
    ----------
    files, folders : sequence of path
        As `load_plugins` takes them. What they declare is never known: they must be imported.

    Returns
    -------
    Registry or None
        Its classes can be explained and given parameters, and do nothing else.

    Examples
    --------
    >>> declarations(files=["my_prior.py"]) is None
    True
    """
    return None if files or folders else remembered.recall()


def check_names(
    files: Sequence[str | Path] = (),
    folders: Sequence[str | Path] = (),
    *,
    priors: Iterable[object] = (),
    tasks: Iterable[object] = (),
    trainer: str = "",
) -> None:
    """Find a wrong name, parameter or value at once, where no plugin must be imported for it.

    What passes here may still be wrong: only the plugins themselves know it all.

    Parameters
    ----------
    files, folders : sequence of path
        As `load_plugins` takes them.
    priors, tasks : iterable
        Specs; what is no text is left out.
    trainer : str
        The name of a trainer.

    Raises
    ------
    UsageError
        The one that the plugins themselves would raise.

    Examples
    --------
    >>> check_names(priors=["tv:weight=1"])
    """
    known = declarations(files, folders)
    if known is None:
        return
    for spec in priors:
        if isinstance(spec, str):
            known.build_priors(spec)
    for spec in tasks:
        if isinstance(spec, str):
            known.build_tasks(spec)
    if trainer:
        known.find("trainers", trainer)
