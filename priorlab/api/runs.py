"""Look after earlier runs, and see what a running one does."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from priorlab.errors import UsageError, suggestion
from priorlab.ground.files import check_place, write_atomically
from priorlab.harness.results import csv_files, merging, parquet_files, runs, upkeep
from priorlab.harness.results.claims import Driver, check_idle, drivers
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.merging import Merged
from priorlab.harness.results.names import check_run_name
from priorlab.harness.results.runs import Result, Run
from priorlab.harness.results.store import FILE, Store
from priorlab.harness.results.upkeep import Garbage, Summary
from priorlab.harness.run.settings import RunSettings

SUFFIXES = (".csv", ".parquet")


def summaries(out: str | Path = RunSettings.out) -> list[Summary]:
    """Return a summary of each run in a results folder, the latest last.

    Examples
    --------
    >>> summaries("nothing-here")
    []
    """
    return upkeep.summaries(Path(out))


def load_run(run: str | Path, out: str | Path = RunSettings.out) -> Run:
    """Return an earlier run, named by its folder or by its name in the results folder.

    Raises
    ------
    UsageError
        If there is no such run, or it was cut short.
    """
    return runs.load(run, Path(out))


def running(out: str | Path = RunSettings.out) -> list[Driver]:
    """Return the runs that are going on in a results folder, and those that died.

    Examples
    --------
    >>> running("nothing-here")
    []
    """
    with _to_read(Path(out)) as store:
        return drivers(store.database) if store else []


def rename_run(old: str, new: str, out: str | Path = RunSettings.out) -> Path:
    """Give a run another name, and return its folder; `old` may be that, too.

    Raises
    ------
    UsageError
        If there is no such run, it is going on, or there is one of the new name.
    """
    place = Path(out)
    check_run_name(new)
    folder = RunFolder(_idle_run(old, place))
    folder.rename(place / new)
    return folder.path


def remove_run(name: str, out: str | Path = RunSettings.out, *, dry_run: bool = False) -> Path:
    """Remove the folder of a run, and return it: its tables, its page, its copies of pictures.

    The results of its cells stay in the store, for other runs, until `collect_garbage`.

    Raises
    ------
    UsageError
        If there is no such run, it is going on, or its folder cannot be removed.
    """
    path = _idle_run(name, Path(out))
    if not dry_run:
        try:
            shutil.rmtree(path)
        except OSError as error:
            raise UsageError(f"cannot remove {path}: {error.strerror or error}") from None
    return path


def _idle_run(name: str, place: Path) -> Path:
    """Return the folder of a run that is not going on, or raise a `UsageError`."""
    known = [path.name for path in upkeep.folders(place)]
    if name not in known and Path(name).parent.resolve() == place.resolve():
        name = Path(name).name  # its folder, as bench prints it
    if name not in known:
        hint = suggestion(name, known)
        raise UsageError(
            f"there is no run {name} in {place}{hint} (runs: {', '.join(known) or 'none'})"
        )
    with _to_read(place) as store:
        if store:
            check_idle(store.database, name)
    return place / name


def merge_results(
    sources: Sequence[str | Path] | str | Path, out: str | Path = RunSettings.out
) -> Merged:
    """Take over what another results folder knows, or several, as of other machines: all or none.

    Nothing is erased: of a cell that both know, a final result takes the place of a failure, and
    else the one that is in `out` stays.

    Raises
    ------
    UsageError
        If one of the folders has no store, or one cannot be read or written.
    """
    place = Path(out)
    with contextlib.ExitStack() as opened:
        others = []
        for source in (sources,) if isinstance(sources, str | Path) else sources:
            folder = _folder_of(Path(source))
            if (place / FILE).exists() and (folder / FILE).samefile(place / FILE):
                raise UsageError(
                    f"{folder} cannot be merged into itself: it is the folder that takes over what"
                    " others know; name these, or another one to take it over with --out FOLDER"
                )
            if not (folder / FILE).stat().st_size:
                raise UsageError(f"the store {folder / FILE} is empty (0 bytes)")
            if other := opened.enter_context(_to_read(folder)):
                others.append(other)
        store = opened.enter_context(contextlib.closing(Store(place)))
        return merging.merge(store, others)


def export_rows(
    file: str | Path, run: str | Path | None = None, out: str | Path = RunSettings.out
) -> int:
    """Write the rows of a run, or all that the store knows, and return how many there are.

    Parameters
    ----------
    file : path
        ``.csv`` or ``.parquet``; the latter needs pyarrow.
    run : str or path, optional
        The run; by default every cell in the store.
    out : path
        The results folder.

    Raises
    ------
    UsageError
        If there is no such run or store, or the file cannot be written.
    """
    target = Path(file)
    check_place(target, SUFFIXES)
    rows = load_run(run, out).rows if run else _all_rows(_folder_of(Path(out)))
    is_text = target.suffix.lower() == ".csv"
    write_atomically(target, csv_files.write(rows) if is_text else parquet_files.write(rows))
    return len(rows)


def collect_garbage(out: str | Path = RunSettings.out, *, dry_run: bool = False) -> Garbage:
    """Remove cells, scores and pictures that no run in a results folder names.

    Parameters
    ----------
    out : path
        The results folder.
    dry_run : bool
        Whether only to find them.

    Returns
    -------
    Garbage
        What is, or would be, removed.

    Raises
    ------
    UsageError
        If there is no store, a run is going on, or it cannot be told what a run names.
    """
    place = _folder_of(Path(out))
    if not dry_run:
        with contextlib.closing(Store(place)) as store:
            return upkeep.remove_garbage(store, place)
    with _to_read(place) as store_to_read:
        if store_to_read is None:
            raise UsageError(f"there is no store in {place}")
        return upkeep.find_garbage(store_to_read, place)


def _all_rows(out: Path) -> pd.DataFrame:
    """Return a row for each cell in a store."""
    with _to_read(out) as store:
        if store is None:
            raise UsageError(f"there is no store in {out}")
        labels = store.labels()
        outcomes, scores = store.outcomes(labels), store.scores(labels)
    results = {key: Result(outcomes[key], scores[key], cached=True) for key in labels}
    return runs.to_rows(((names, key) for key, names in labels.items()), results)


def _folder_of(place: Path) -> Path:
    """Return a results folder, also where its store was named."""
    folder = place.parent if place.is_file() and place.name == FILE else place
    if not (folder / FILE).exists():
        raise UsageError(f"there is no store in {place}: it has no {FILE}")
    return folder


@contextlib.contextmanager
def _to_read(out: Path) -> Iterator[Store | None]:
    store = Store.to_read(out)
    try:
        yield store
    finally:
        if store:
            store.close()
