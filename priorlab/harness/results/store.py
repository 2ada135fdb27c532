"""The store: one SQLite file that remembers every cell ever computed, whatever the run.

It holds the pictures, too, under names made of their content. Only drivers write, and commit
cell by cell: whoever kills one loses at most the cells that were being computed. Several may
share a store; see `priorlab.harness.results.claims`.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from priorlab.errors import UsageError, printable
from priorlab.ground.files import why_no_folder
from priorlab.harness.results.database import Database
from priorlab.harness.results.folder import INFO
from priorlab.harness.results.outputs import DATA, VIEW
from priorlab.harness.results.schema import FINAL, LABELS, OUTCOME, Outcome

FILE = "store.sqlite"

MAKING = 0.5
"""Seconds in which another process that makes the file has written to it."""

_OUTCOME = ", ".join(column.name for column in OUTCOME)
_FINAL = ", ".join(f"'{status}'" for status in FINAL)


class Store:
    """The results in one folder.

    Attributes
    ----------
    database : Database
        The file, for those who keep other things in it.
    """

    def __init__(self, folder: Path) -> None:
        """Open the store in a folder; both are made if they are not there.

        Raises
        ------
        UsageError
            If it cannot be written, is damaged or empty though there are runs, or was made by a
            newer priorlab.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = why_no_folder(error)
            raise UsageError(f"cannot write to the results folder {folder}: {reason}") from None
        _check_not_emptied(folder)
        self.database = Database.writable(folder / FILE)

    @classmethod
    def to_read(cls, folder: Path) -> Store | None:
        """Return the store in a folder to be read, or None if there is none.

        No file is written, nor brought up to a newer layout.

        Raises
        ------
        UsageError
            If `folder` is a file, or that of the store is damaged, empty though there are runs, or
            was made by a newer priorlab.
        """
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"cannot read the results folder {folder}: it is no folder")
        if not (folder / FILE).exists():
            return None
        _check_not_emptied(folder)
        store = cls.__new__(cls)
        store.database = Database.readable(folder / FILE)
        return store

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def outcomes(self, keys: Iterable[str]) -> dict[str, Outcome]:
        """Return what is known of cells, by key."""
        query = f"select key, {_OUTCOME} from cells where key in ({{keys}})"
        with self.database.guard():
            return dict(_outcomes(self.database.select_by(query, keys)))

    def known(self, keys: Iterable[str]) -> dict[str, Outcome]:
        """Return what is known for good: cells that need not be computed again, by key.

        Those that failed are not among them, nor those whose restored picture is lost.
        """
        query = f"""
            select key, {_OUTCOME} from cells where status in ({_FINAL}) and (output = ''
            or exists (select 1 from pictures where name = output || '{DATA}'))
            and key in ({{keys}})
        """
        with self.database.guard():
            return dict(_outcomes(self.database.select_by(query, keys)))

    def put(
        self,
        key: str,
        labels: Mapping[str, str | int],
        outcome: Outcome,
        metrics: Mapping[str, str],
        scores: Mapping[str, float],
        pictures: Mapping[str, bytes] | None = None,
    ) -> None:
        """Remember a cell, its scores and its pictures, in one transaction.

        Parameters
        ----------
        key : str
            Of the cell; whoever claimed it does so no longer.
        labels : mapping
            Its prior, task, image and seed.
        outcome : Outcome
            What came of it.
        metrics, scores : mapping
            See `put_scores`.
        pictures : mapping of str to bytes, optional
            As `outputs.encode` makes them. One that is stored already is replaced if it differs,
            since then it is damaged.
        """
        names = ("key", "created", *labels, *(column.name for column in OUTCOME))
        found = (getattr(outcome, column.name) for column in OUTCOME)
        values = [storable(value) for value in (key, stamp_of_now(), *labels.values(), *found)]
        marks = ", ".join("?" * len(values))
        with self.database.transaction():
            self.database.execute(
                f"insert or replace into cells ({', '.join(names)}) values ({marks})", values
            )
            self.database.execute("delete from scores where key = ?", (key,))
            self._put_scores(key, metrics, scores)
            self._put_pictures(pictures or {})
            self.database.execute("delete from claims where key = ?", (key,))

    def scores(
        self, keys: Iterable[str], metrics: Mapping[str, str] | None = None
    ) -> dict[str, dict[str, float]]:
        """Return for each of some cells the scores that are known.

        Parameters
        ----------
        keys : iterable of str
            Those of the cells.
        metrics : mapping of str to str
            For each metric the digest of its code: scores by other code are not returned. By
            default all are.
        """
        wanted = list(keys)
        found: dict[str, dict[str, float]] = {key: {} for key in wanted}
        query = "select key, metric, digest, value from scores where key in ({keys})"
        with self.database.guard():
            for key, metric, digest, value in self.database.select_by(query, wanted):
                if metrics is None or metrics.get(metric) == digest:
                    found[key][metric] = math.nan if value is None else value
        return found

    def put_scores(self, key: str, metrics: Mapping[str, str], scores: Mapping[str, float]) -> None:
        """Remember scores of a cell; those of other metrics stay.

        Parameters
        ----------
        key : str
            Of the cell.
        metrics : mapping of str to str
            For each metric the digest of its code.
        scores : mapping of str to float
            By the metric's name; NaN where the metric is not defined.
        """
        with self.database.transaction():
            self._put_scores(key, metrics, scores)

    def _put_scores(
        self, key: str, metrics: Mapping[str, str], scores: Mapping[str, float]
    ) -> None:
        rows = [(key, metric, metrics[metric], value) for metric, value in scores.items()]
        self.database.insert("insert or replace into scores values (?, ?, ?, ?)", rows)

    def picture(self, name: str) -> bytes | None:
        """Return the content of a picture, named as `outputs.encode` does, or None."""
        with self.database.guard():
            row = self.database.execute(
                "select cast(data as blob) from pictures where name = ?", (name,)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def _put_pictures(self, pictures: Mapping[str, bytes]) -> None:
        self.database.insert(
            """
            insert into pictures (name, data) values (?, ?)
            on conflict (name) do update set data = excluded.data
            where data is not excluded.data
            """,
            pictures.items(),
        )

    def labels(self) -> dict[str, dict[str, Any]]:
        """Return prior, task, image and seed of every cell, by key."""
        names = [column.name for column in LABELS]
        query = f"select key, {', '.join(names)} from cells order by task, prior, image, seed"
        with self.database.guard():
            rows = self.database.execute(query)
            return {key: dict(zip(names, values, strict=True)) for key, *values in rows}

    def stamps(self, keys: Iterable[str]) -> dict[str, str]:
        """Return for each of some cells that are stored when that was: it tells news from old."""
        query = "select key, created from cells where key in ({keys})"
        with self.database.guard():
            return dict(self.database.select_by(query, keys))

    def rates(self, machine: str) -> dict[tuple[str, str], float]:
        """Return for each (prior, task) the median wall seconds per megapixel on a machine."""
        query = "select prior, task, wall, height, width from cells"
        query += " where status = 'ok' and machine = ?"
        rates: dict[tuple[str, str], list[float]] = defaultdict(list)
        with self.database.guard():
            for prior, task, wall, height, width in self.database.execute(query, (machine,)):
                rates[prior, task].append(wall / (height * width / 1e6))
        return {pair: statistics.median(values) for pair, values in rates.items()}


def _check_not_emptied(folder: Path) -> None:
    """Raise a `UsageError` if the file is empty, but there are runs, or a log of what it held.

    Without them it is that of a run which ended before it had begun. SQLite takes both for new, and
    removes the log.
    """
    file = folder / FILE
    if not _is_empty(file):
        return
    log = file.with_name(f"{FILE}-wal")
    if any(folder.glob(f"*/{INFO}")) or (log.exists() and not _is_empty(log)):
        time.sleep(MAKING)
        if _is_empty(file):
            raise UsageError(
                f"the store {file} is empty (0 bytes), though there were results: what it held is"
                " lost; put a copy in its place, or move it away to compute everything again"
            )


def _is_empty(file: Path) -> bool:
    return file.exists() and file.stat().st_size == 0


def picture_names(outcome: Outcome) -> list[str]:
    """Return the names of all pictures of a cell.

    Examples
    --------
    >>> picture_names(Outcome("ok", output="c0", clean="d0", degraded="e0"))
    ['c0.tiff', 'c0.png', 'd0.png', 'e0.png']
    """
    extras = [digest for digest, _ in outcome.pictures().values()]
    shown = [outcome.output, outcome.clean, outcome.degraded, *extras]
    restored = [outcome.output + DATA] if outcome.output else []
    return restored + [digest + VIEW for digest in shown if digest]


def storable(value: Any) -> Any:
    """Return a value as SQLite takes it: a text without NUL, or halves of surrogate pairs.

    Examples
    --------
    >>> storable("caf\\udcff\\0"), storable(3.0), storable(10**30)
    ('caf??', 3.0, 1e+30)
    """
    if isinstance(value, str):
        return printable(value).replace("\0", "?")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value)
    return value


def _outcomes(rows: Iterable[Any]) -> Iterator[tuple[str, Outcome]]:
    """Yield key and outcome of each row; equal texts share their memory."""
    texts: dict[str, str] = {}
    shared = [index for index, column in enumerate(OUTCOME) if column.kind is str]
    truths = [index for index, column in enumerate(OUTCOME) if column.kind is bool]
    values: list[Any]
    for key, *values in rows:
        for index in shared:
            values[index] = texts.setdefault(values[index], values[index])
        for index in truths:
            values[index] = OUTCOME[index].from_sql(values[index])
        yield key, Outcome(*values)


def stamp_of_now() -> str:
    """Return the time as `Store.stamps` has it: no two outcomes of a cell have the same.

    Examples
    --------
    >>> stamp_of_now() < stamp_of_now()
    True
    """
    return datetime.now(UTC).isoformat(sep=" ", timespec="microseconds")
