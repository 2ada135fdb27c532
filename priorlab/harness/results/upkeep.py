"""Look after the runs in a results folder: list them, and remove what none of them names."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from priorlab.errors import UsageError
from priorlab.harness.results.claims import check_idle
from priorlab.harness.results.folder import INFO, ROWS, read_info
from priorlab.harness.results.store import Store, picture_names

EARLIER = "outputs"
"""Folder in which earlier layouts kept pictures; a run or anything else may be called so, too."""

_EARLIER_FILE = re.compile(r"[0-9a-f]{2}/\.?[0-9a-f]{62}\..+")
"""Where in it a picture lay, by its digest; with a point, if writing it was interrupted."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """A run in a line.

    Attributes
    ----------
    name : str
        Of the run, and of its folder.
    started : str
        When it was last begun.
    total : int
        Its cells.
    statuses : dict of str to int or None
        How many cells have which status; None if the run was cut short.
    dataset : str
        Name of its image set.
    priors, tasks : tuple of str
        Their specs.
    problem : str
        Why the folder cannot be read, if so.
    """

    name: str
    started: str = ""
    total: int = 0
    statuses: dict[str, int] | None = None
    dataset: str = ""
    priors: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    problem: str = ""


def folders(out: Path) -> list[Path]:
    """Return the folders of runs in a results folder; none where that is not there.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    try:
        os.scandir(out).close()  # a pattern finds nothing where it may not look
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"cannot read the results folder {out}: {error.strerror}") from None
    return sorted(file.parent for file in out.glob(f"*/{INFO}"))


def summaries(out: Path) -> list[Summary]:
    """Return a summary of each run in a results folder, the latest last."""
    return sorted(map(_summary, folders(out)), key=lambda run: (run.started, run.name))


def _summary(path: Path) -> Summary:
    try:
        info = read_info(path, cells=False)
        statuses = None
        if (path / ROWS).exists():
            statuses = dict(info.get("statuses", {}))
        return Summary(
            path.name,
            str(info.get("started", "")),
            int(info.get("total", 0)),
            statuses,
            str(info.get("dataset", "")),
            tuple(info.get("priors", ())),
            tuple(info.get("tasks", ())),
        )
    except (UsageError, TypeError, ValueError) as error:
        return Summary(path.name, problem=str(error))


@dataclasses.dataclass(frozen=True)
class Garbage:
    """What no run of a results folder names.

    Attributes
    ----------
    cells, pictures : tuple of str
        Keys of cells, and names of pictures in the store.
    bytes : int
        What the pictures take, those in `folders` included.
    folders : tuple of Path
        Of pictures that earlier versions kept beside the store.
    """

    cells: tuple[str, ...]
    pictures: tuple[str, ...]
    bytes: int
    folders: tuple[Path, ...]


def find_garbage(store: Store, out: Path) -> Garbage:
    """Return what no run names.

    Raises
    ------
    UsageError
        If it cannot be told what a run names.
    """
    named = {key for path in folders(out) for key in _keys(path)}
    keys = store.labels()
    cells = tuple(key for key in keys if key not in named)
    kept = (key for key in keys if key in named)
    needed = {name for outcome in store.outcomes(kept).values() for name in picture_names(outcome)}
    with store.database.guard():
        sizes = dict(store.database.execute("select name, length(data) from pictures"))
    pictures = tuple(name for name in sizes if name not in needed)
    earlier = _earlier(out / EARLIER)
    size = sum(sizes[name] for name in pictures)
    if earlier is None:
        return Garbage(cells, pictures, size, ())
    size += sum(file.stat().st_size for file in earlier)
    return Garbage(cells, pictures, size, (out / EARLIER,))


def _keys(path: Path) -> Iterator[str]:
    """Yield the keys of a run's cells; a `UsageError` where its folder does not list them."""
    info = read_info(path)
    if not info.get("cells") and info.get("total") != 0:
        raise UsageError(
            f"{path / INFO} does not list the run's cells, so that nobody knows which are to stay;"
            " move the folder away, or complete it"
        )
    for cell in info.get("cells", ()):
        yield cell["key"]


def _earlier(folder: Path) -> list[Path] | None:
    """Return the pictures of an earlier layout in a folder; None if it holds anything else."""
    if not folder.is_dir() or folder.is_symlink():
        return None
    files = [path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]
    places = (path.relative_to(folder).as_posix() for path in files)
    return files if all(map(_EARLIER_FILE.fullmatch, places)) else None


def remove_garbage(store: Store, out: Path) -> Garbage:
    """Remove what no run names, and return what that was.

    Raises
    ------
    UsageError
        As `find_garbage` raises it, and while a run is going on.
    """
    check_idle(store.database)
    found = find_garbage(store, out)
    with store.database.transaction():
        _delete(store, "cells", "key", found.cells)
        _delete(store, "scores", "key", found.cells)
        _delete(store, "pictures", "name", found.pictures)
        for table in ("claims", "drivers"):  # of runs that ended without a word
            store.database.execute(f"delete from {table}")
    for path in found.folders:
        shutil.rmtree(path, ignore_errors=True)
    with store.database.guard():
        store.database.execute("vacuum")
        store.database.execute("pragma wal_checkpoint(truncate)")
    return found


def _delete(store: Store, table: str, column: str, values: Iterable[str]) -> None:
    store.database.insert(f"delete from {table} where {column} = ?", ((value,) for value in values))
