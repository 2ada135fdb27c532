"""The files that a command reads: nothing that it writes may take their place unasked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from priorlab.components import Component
from priorlab.errors import UsageError
from priorlab.pictures.formats import split_frame

Spared = Mapping[Path, str]
"""For each file what it is, as in "the mask= of inpaint"."""


def pictures_read(pictures: Iterable[Path]) -> dict[Path, str]:
    """Return the files of pictures, each with what it is.

    Examples
    --------
    >>> [what for what in pictures_read([Path("photo.png")]).values()]
    ['a picture to work on']
    """
    files = (split_frame(Path(picture))[0] for picture in pictures)
    return {_place(file): "a picture to work on" for file in files}


def files_read(components: Iterable[Component]) -> dict[Path, str]:
    """Return the files that parameters of priors and tasks name, each with what it is.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Inpaint
    >>> [what for what in files_read([Inpaint(mask="photo.png")]).values()]
    ['the mask= of inpaint']
    """
    return {
        _place(Path(getattr(part, key))): f"the {key}= of {part.name}"
        for component in components
        for part in _parts(component)
        for key in part.file_parameters()
    }


def _parts(component: Component) -> Iterator[Component]:
    yield component
    for part in component.components().values():
        yield from _parts(part)


def check_spared(output: Path, spared: Spared) -> None:
    """Raise a `UsageError` if a file that is read would be replaced.

    Examples
    --------
    >>> check_spared(Path("photo.png"), pictures_read([Path("photo.png")]))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: photo.png is a picture to work on, and would be replaced; name...
    """
    if what := spared.get(_place(output)):
        raise UsageError(f"{output} is {what}, and would be replaced; name another output")


def beside(output: Path, name: str, stem: str = "") -> Path:
    """Return where a picture that comes with an output is written.

    Examples
    --------
    >>> beside(Path("out/clean.tif"), "kernel").name
    'clean-kernel.png'
    """
    return output.with_name(f"{stem or output.stem}-{name}.png")


def _place(path: Path) -> Path:
    """Return where a file is, or the path itself if it can be nowhere: reading it says why."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path
