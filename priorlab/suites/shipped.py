"""The suites that come with priorlab, by name, and the figures that are in them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from priorlab.errors import unknown
from priorlab.ground.files import exists
from priorlab.pictures.known_sets import known_sets
from priorlab.suites.published import Published
from priorlab.suites.reading import Suite, load


@functools.cache
def shipped() -> Mapping[str, Suite]:
    """Return the suites that come with priorlab.

    Examples
    --------
    >>> shipped()["gaussian-set12"].dataset
    'set12'
    """
    return {file.stem: load(file) for file in sorted(Path(__file__).parent.glob("*.toml"))}


def find(text: str | Path) -> Suite:
    """Return a suite that comes with priorlab, or the one in a file.

    Parameters
    ----------
    text : str or path
        A name, or else the path of a TOML file. Write ``./name`` for a file that is called as a
        suite is.

    Raises
    ------
    UsageError
        For an unknown name, or a file that is no suite.

    Examples
    --------
    >>> find("gaussian-set13")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: unknown suite 'gaussian-set13'; did you mean 'gaussian-set12'? ...
    """
    name, path = str(text), Path(text)
    if name in shipped():
        return shipped()[name]
    if path.name == name and not path.suffix and not exists(path):
        raise unknown("suite", name, shipped())
    return load(path)


def figures(dataset: str, task: str) -> list[Published]:
    """Return what is published for a task on all images of a public set.

    Examples
    --------
    >>> [(entry.method, entry.psnr) for entry in figures("set12", "denoise:sigma=25")]
    [('BM3D', 29.969), ...]
    """
    return [
        entry
        for suite in shipped().values()
        if suite.dataset == dataset and suite.dataset in known_sets() and not suite.images
        for entry in suite.published
        if entry.task == task
    ]
