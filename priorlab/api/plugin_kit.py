"""Check what plugins provide, and write new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from priorlab import plugins
from priorlab.api.declared import declarations
from priorlab.conformance import choosing, running
from priorlab.conformance.checks import Outcome
from priorlab.conformance.running import Subject
from priorlab.plugin_kit import writing
from priorlab.registry import Registry

__all__ = ["conformance", "new_plugin"]


def new_plugin(
    name: str, kind: str, folder: str | Path = ".", *, registry: Registry | None = None
) -> list[Path]:
    """Write a package that is a plugin and provides one thing, and return its files.

    Parameters
    ----------
    name : str
        Of the package and of what it provides: small letters, digits and hyphens.
    kind : str
        What it provides: "regularizer", "denoiser" or "generator", "task", "metric", "dataset" or
        "engine".
    folder : path
        Where the package's own folder is made, which is called as the package.
    registry : Registry, optional
        What is known already; by default by all installed plugins.

    Raises
    ------
    UsageError
        For a name that cannot be one or is taken, a package that exists, or a folder that cannot
        be written.

    Examples
    --------
    >>> [path.as_posix() for path in new_plugin("smooth-prior", "denoiser")][:2]
    ['smooth-prior/.github/workflows/ci.yml', 'smooth-prior/README.md']
    """
    writing.check_kind(kind)
    writing.check_free(name, kind, registry or declarations() or plugins.load())
    return writing.write(name, kind, Path(folder))


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
