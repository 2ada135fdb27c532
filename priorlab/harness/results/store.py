"""The store: one SQLite file that remembers every cell ever computed, whatever the run.

Only the driver writes, and commits cell by cell: whoever kills it loses at most the cells that
were being computed. Two drivers may share a store; they wait for each other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from priorlab.errors import UsageError
from priorlab.harness.results.schema import LABELS, OUTCOME, Outcome

LAYOUT = 4
"""Version of the file's layout, kept in SQLite's `user_version`."""

WAIT = 30.0
"""Seconds to wait for another process that writes to the same store."""


_STORED = (*LABELS, *OUTCOME)
_CELLS = f"""
create table if not exists cells (
    key text primary key, created text default current_timestamp,
    {", ".join(column.sql for column in _STORED)}
) without rowid
"""
_SCORES = """
create table scores (
    key text, metric text, digest text, value real, primary key (key, metric)
) without rowid
"""
_OUTCOME = ", ".join(column.name for column in OUTCOME)


class Store:
    """The results in one folder.

    Attributes
    ----------
    pictures : Path
        Folder of the restored images; see `priorlab.harness.results.outputs`.
    """

    def __init__(self, folder: Path) -> None:
        """Open the store in a folder; both are made if they are not there.

        Raises
        ------
        UsageError
            If it cannot be written, is damaged, or was made by a newer priorlab.
        """
        self._locate(folder)
        try:
            self.pictures.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(f"cannot write to the results folder {folder}: {reason}") from None
        with self._guard():
            self._open(str(self.file))

    @classmethod
    def to_read(cls, folder: Path) -> Store | None:
        """Return the store in a folder as it is now, or None if there is none.

        No file is written, nor brought up to a newer layout: this is a copy in memory.

        Raises
        ------
        UsageError
            If the file is damaged, or was made by a newer priorlab.
        """
        store = cls.__new__(cls)
        store._locate(folder)
        if not store.file.exists():
            return None
        # Without a log nobody has the file open, and SQLite need not make one in order to read.
        log = store.file.with_name(f"{store.file.name}-wal")
        how = "mode=ro" if log.exists() else "mode=ro&immutable=1"
        with store._guard():
            source = sqlite3.connect(
                f"{store.file.resolve().as_uri()}?{how}", uri=True, timeout=WAIT
            )
            with contextlib.closing(source):
                store._open(":memory:", source)
        return store

    def _locate(self, folder: Path) -> None:
        self.file = folder / "store.sqlite"
        self.pictures = folder / "outputs"

    def _open(self, name: str, source: sqlite3.Connection | None = None) -> None:
        """Connect, fill with what `source` holds, and bring the layout up to date."""
        self._base = sqlite3.connect(name, timeout=WAIT, isolation_level=None)
        try:
            if source:
                source.backup(self._base)
            self._prepare()
        except BaseException:
            self._base.close()
            raise

    def _prepare(self) -> None:
        # A killed process loses no commit; a power failure may lose the last, which is enough.
        self._base.execute("pragma synchronous = normal")
        if self._layout() == LAYOUT:
            return
        self._keep_a_log()
        with self._transaction():
            if self._layout() == LAYOUT:
                return  # another process was faster
            self._base.execute(_CELLS)
            self._bring_up_to_date()
            # Earlier layouts kept scores for all metrics together, under a digest of code that
            # is no more; they follow from the stored images.
            self._base.execute("drop table if exists scores")
            self._base.execute(_SCORES)
            self._base.execute(f"pragma user_version = {LAYOUT}")

    def _keep_a_log(self) -> None:
        """Switch to write-ahead logging; SQLite itself does not wait for others who do so."""
        deadline = time.monotonic() + WAIT
        while True:
            try:
                self._base.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _layout(self) -> int:
        """Return the version of the file's layout; 0 for an empty file."""
        (version,) = self._base.execute("pragma user_version").fetchone()
        if version > LAYOUT:
            raise UsageError(
                f"{self.file} was made by a newer priorlab (layout {version}, this one knows"
                f" {LAYOUT}); upgrade priorlab or choose another results folder"
            )
        return int(version)

    def _bring_up_to_date(self) -> None:
        """Rename and add columns of an earlier layout; what it did not know is missing."""
        there = {row[1] for row in self._base.execute("pragma table_info(cells)")}
        for column in _STORED:
            if column.formerly in there:
                change = f"rename column {column.formerly} to {column.name}"
            elif column.name not in there:
                change = f"add column {column.sql}" + " default ''" * (column.kind is str)
            else:
                continue
            self._base.execute(f"alter table cells {change}")

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def outcome(self, key: str) -> Outcome | None:
        """Return what is known of a cell, or None."""
        with self._guard():
            row = self._base.execute(
                f"select {_OUTCOME} from cells where key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        return Outcome(
            *(column.from_sql(value) for column, value in zip(OUTCOME, row, strict=True))
        )

    def put(
        self,
        key: str,
        labels: Mapping[str, str | int],
        outcome: Outcome,
        metrics: Mapping[str, str],
        scores: Mapping[str, float],
    ) -> None:
        """Remember a cell and its scores, in one transaction; see `put_scores`."""
        names = ("key", *labels, *(column.name for column in OUTCOME))
        values = (key, *labels.values(), *dataclasses.astuple(outcome))
        marks = ", ".join("?" * len(values))
        with self._guard(), self._transaction():
            self._base.execute(
                f"insert or replace into cells ({', '.join(names)}) values ({marks})", values
            )
            self._base.execute("delete from scores where key = ?", (key,))
            self._put_scores(key, metrics, scores)

    def scores(self, key: str, metrics: Mapping[str, str]) -> dict[str, float]:
        """Return the scores of a cell that are known.

        Parameters
        ----------
        key : str
            Of the cell.
        metrics : mapping of str to str
            For each metric the digest of its code: scores by other code are not returned.
        """
        query = "select metric, digest, value from scores where key = ?"
        with self._guard():
            rows = self._base.execute(query, (key,)).fetchall()
        return {
            metric: math.nan if value is None else value
            for metric, digest, value in rows
            if metrics.get(metric) == digest
        }

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
        with self._guard(), self._transaction():
            self._put_scores(key, metrics, scores)

    def _put_scores(
        self, key: str, metrics: Mapping[str, str], scores: Mapping[str, float]
    ) -> None:
        rows = [(key, metric, metrics[metric], value) for metric, value in scores.items()]
        self._base.executemany("insert or replace into scores values (?, ?, ?, ?)", rows)

    def rates(self, machine: str) -> dict[tuple[str, str], float]:
        """Return for each (prior, task) the median wall seconds per megapixel on a machine."""
        query = "select prior, task, wall, height, width from cells"
        query += " where status = 'ok' and machine = ?"
        rates: dict[tuple[str, str], list[float]] = defaultdict(list)
        with self._guard():
            for prior, task, wall, height, width in self._base.execute(query, (machine,)):
                rates[prior, task].append(wall / (height * width / 1e6))
        return {pair: statistics.median(values) for pair, values in rates.items()}

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._base.execute("rollback")
            raise
        self._base.execute("commit")

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn SQLite's errors into one sentence each."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise UsageError(f"cannot use the store {self.file}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise UsageError(
                f"the store {self.file} is damaged ({error}); move it away and run again"
            ) from error
