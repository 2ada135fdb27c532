"""Check what plugins provide, write new ones, and compile the loops of priors ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from priorlab import plugins
from priorlab.api.declared import declarations
from priorlab.compiling import workers
from priorlab.conformance import choosing, running
from priorlab.conformance.checks import Outcome
from priorlab.conformance.running import Subject
from priorlab.plugin_kit import writing
from priorlab.registry import Registry


def new_plugin(name: str, kind: str, *, registry: Registry | None = None) -> list[Path]:
    """Write a package that is a plugin and provides one thing, and return its files.

    It gets a folder of its name in the working folder.

    Parameters
    ----------
    name : str
        Of the package and of what it provides: small letters, digits and hyphens.
    kind : str
        What it provides: "regularizer", "denoiser" or "generator", "task", "metric", "dataset" or
        "engine".
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
    return writing.write(name, kind)


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


def compile_loops(
    names: Sequence[str],
    registry: Registry,
    *,
    on_note: Callable[[str], None] = lambda text: None,
) -> Generator[tuple[str, str]]:
    """Prepare priors, so that their loops are compiled and on disk when they are first used.

    Parameters
    ----------
    names : sequence of str
        Of priors; they are prepared with their default parameters.
    registry : Registry
        What is known; the plugins are loaded from where it says, in other processes.
    on_note : callable
        Called with what the user should know, such as that loops are being compiled. If it is not
        called, nothing was left to compile.

    Yields
    ------
    name, problem : str
        A prior, as soon as it is prepared, and in one line why it cannot be, or "".

    Examples
    --------
    >>> list(compile_loops(["median"], plugins.load()))
    [('median', '')]
    """
    return workers.prepare(names, registry, on_note)
