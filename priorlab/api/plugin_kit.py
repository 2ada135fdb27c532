"""Check what plugins provide, and write new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from priorlab.conformance import choosing, running
from priorlab.conformance.checks import Outcome
from priorlab.conformance.running import Subject

__all__ = ["conformance"]


def conformance(
    text: str, files: Sequence[str | Path] = (), folders: Sequence[str | Path] = ()
) -> Iterator[tuple[Subject, Outcome]]:
    """Make all checks of a plugin, or of one thing that it provides, each in a process of its own.

    Parameters
    ----------
    text : str
        A plugin's file or folder, its name, or the name of a prior, task, ...
    files, folders : sequence of path
        As `load_plugins` takes them.

    Yields
    ------
    Subject, Outcome
        What was checked, and what came of one check of it, as soon as it is made.

    Raises
    ------
    UsageError
        For a name that stands for nothing, or a plugin that cannot be loaded.

    Examples
    --------
    >>> made = [outcome.status for _, outcome in conformance("psnr")]
    >>> made
    ['pass', 'pass', 'pass', 'pass', 'pass']
    """
    subjects, registry = choosing.subjects(text, files, folders)
    for subject in subjects:
        for outcome in running.outcomes(subject, registry):
            yield subject, outcome
