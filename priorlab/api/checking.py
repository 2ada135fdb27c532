"""Find mistakes in what was typed before torch is imported, where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from priorlab.api.declared import declarations
from priorlab.pictures import datasets


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
) -> None:
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
    several: list[tuple[Iterable[object], Callable[[str], object]]] = [
        (priors, known.build_priors),
        (tasks, known.build_tasks),
        (metrics, known.build_metrics),
    ]
    for specs, build in several:
        for spec in specs:
            if isinstance(spec, str):
                build(spec)
    if engine and isinstance(engine, str):
        known.build_engine(engine)
    if trainer:
        known.build_trainer(trainer)
    if dataset and isinstance(dataset, str) and not Path(dataset).expanduser().exists():
        if datasets.is_name(dataset):
            known.find("datasets", dataset)
        elif known.known_as("datasets", dataset) not in known.datasets:
            datasets.load(dataset, {})
