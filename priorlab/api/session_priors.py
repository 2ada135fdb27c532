"""Priors that are defined in a notebook or a script: files are made of them for a run."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from priorlab import components, plugins
from priorlab.ground.temporary import TemporaryFolder
from priorlab.harness.run.settings import RunSettings
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.sources import session

_HOOK = """
from priorlab import hookimpl as _hookimpl


@_hookimpl
def priorlab_priors():
    return [{name}]
"""


@contextlib.contextmanager
def installed(settings: RunSettings) -> Iterator[tuple[RunSettings, Registry]]:
    """Yield settings in which no prior is one of the session, and the registry that has them all.

    A plugin file is made of each class of the session, so that a cell's process can load it, and
    its key holds the source of the class and of what that refers to. The files are in a temporary
    folder: where they lie makes no difference to the key.

    Raises
    ------
    UsageError
        If the source of a class is not known, or it uses what no other process can make.
    """
    with contextlib.closing(TemporaryFolder()) as folder:
        files = dict.fromkeys(
            str(_write(Path(folder.name), type(prior)))
            for prior in settings.priors or ()
            if not isinstance(prior, str) and _is_of_session(prior)
        )
        if files:
            settings = dataclasses.replace(settings, plugin_files=(*settings.plugin_files, *files))
        registry = plugins.load(settings.plugin_files, settings.plugin_folders)
        if files and settings.priors is not None:
            found = tuple(_loaded(prior, registry) for prior in settings.priors)
            settings = dataclasses.replace(settings, priors=found)
        yield settings, registry


def _is_of_session(prior: Prior) -> bool:
    return type(prior).__module__ == session.SESSION


def _write(folder: Path, kind: type[Prior]) -> Path:
    file = folder / f"{kind.__name__}.py"
    file.write_text(session.module_of(kind) + _HOOK.format(name=kind.__name__), "utf-8")
    return file


def _loaded(prior: str | Prior, registry: Registry) -> str | Prior:
    """Return a prior of the session as one of the class that its file has; others as they are."""
    if isinstance(prior, str) or not _is_of_session(prior):
        return prior
    registry.find("priors", prior.name)  # raises, in a sentence, where a file could not be loaded
    facts = components.description(prior)
    built = components.from_description(facts, "priors", registry.find)
    assert isinstance(built, Prior)
    return built
