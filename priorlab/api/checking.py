"""Find mistakes in what was typed before torch is imported, where that is possible."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from priorlab.api.declared import declarations
from priorlab.components import Component
from priorlab.ground.files import exists, expanded
from priorlab.pictures import datasets
from priorlab.registry import Registry


def check_names(
    files: Sequence[str | Path] = (),
    folders: Sequence[str | Path] = (),
    *,
    priors: Iterable[object] = (),
    tasks: Iterable[object] = (),
    metrics: Iterable[object] = (),
    trainer: str = "",
    dataset: object = "",
    engine: object = "",
) -> list[str] | None:
    """Find a wrong name, parameter or value at once, where no plugin must be imported for it.

    What passes here may still be wrong: only the plugins themselves know it all.

    Parameters
    ----------
    files, folders : sequence of path
        As `load_plugins` takes them.
    priors, tasks, metrics : iterable
        Specs; what is no text is left out.
    trainer : str
        The spec of a training.
    dataset : str
        A dataset or a path; what is no text is left out.
    engine : str
        The spec of an engine; what is no text is left out.

    Returns
    -------
    list of str or None
        The modules of the plugins that provide the `priors` and `tasks`, and what they name in
        turn; None where that is not known, or not sure.

    Raises
    ------
    UsageError
        The one that the plugins themselves would raise.

    Examples
    --------
    >>> modules = check_names(priors=["tv:weight=1"])
    >>> modules in (["priorlab_handcrafted"], None)
    True
    """
    known = declarations(files, folders)
    if known is None:
        return None
    modules = providers(known, priors=priors, tasks=tasks, metrics=metrics)
    if engine and isinstance(engine, str):
        known.build_engine(engine)
    if trainer:
        known.build_trainer(trainer)
    if dataset and isinstance(dataset, str) and not exists(expanded(dataset)):
        if datasets.is_name(dataset):
            known.find("datasets", dataset)
        elif known.known_as("datasets", dataset) not in known.datasets:
            datasets.load(dataset, {})
    return modules


def providers(
    known: Registry,
    *,
    priors: Iterable[object] = (),
    tasks: Iterable[object] = (),
    metrics: Iterable[object] = (),
) -> list[str] | None:
    """Return the modules of the plugins that provide what specs name, and what that names in turn.

    Parameters
    ----------
    known : Registry
        Where names are looked up.
    priors, tasks, metrics : iterable
        Specs; what is no text is left out.

    Returns
    -------
    list of str or None
        None where it is not sure: some names would stand for something, were the others not there.

    Raises
    ------
    UsageError
        For an unknown name, parameter or value.

    Examples
    --------
    >>> from priorlab import plugins
    >>> providers(plugins.load(), priors=["tv"], tasks=["denoise"])
    ['priorlab.plugins', 'priorlab_handcrafted']
    """
    several: list[tuple[str, Iterable[object], Callable[[str], Sequence[object]]]] = [
        ("priors", priors, known.build_priors),
        ("tasks", tasks, known.build_tasks),
        ("metrics", metrics, known.build_metrics),
    ]
    built = [
        (kind, one)
        for kind, specs, build in several
        for spec in specs
        if isinstance(spec, str)
        for one in build(spec)
    ]
    if known.conflicts:
        return None
    return sorted({module for kind, one in built for module in _modules(kind, one, known)})


def _modules(kind: str, component: object, known: Registry) -> Iterator[str]:
    """Yield the modules of the plugins that provide a component and those in its parameters."""
    if not isinstance(component, Component):
        return
    yield known.owners[kind, component.name].module
    kinds = {
        field.name: field.metadata.get("component", "") for field in dataclasses.fields(component)
    }
    for name, inner in component.components().items():
        yield from _modules(kinds[name], inner, known)
