"""The file of a store: opening it, its layout, transactions, and SQLite's errors in a sentence.

A store that is current is read where it is. One of an earlier layout is brought up to date when
it is opened to be written, and in a copy in memory when it is only read: then no file changes.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from priorlab.errors import UsageError
from priorlab.harness.results.schema import LABELS, OUTCOME

LAYOUT = 4
"""Version of the file's layout, kept in SQLite's `user_version`."""

WAIT = 30.0
"""Seconds to wait for another process that writes to the same file, unless told otherwise."""

BATCH = 500
"""Keys in one query; SQLite takes no more than 999 values in its older versions."""

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
_PICTURES = "create table pictures (name text primary key, data blob not null)"
_CLAIMS = "create table claims (key text primary key, owner text not null) without rowid"
_DRIVERS = """
create table drivers (
    owner text primary key, run text, place text, pid integer, started text, beat real,
    total integer, done integer, failed integer, slots integer, seconds_left real, doing text
) without rowid
"""


class Locked(UsageError):
    """Another process is writing to the file, and went on for longer than one wants to wait."""


class Database:
    """An open file; made by `writable` or `readable`."""

    def __init__(self, file: Path, connection: sqlite3.Connection) -> None:
        self.file = file
        self._connection = connection
        self._opened = file.stat()

    @classmethod
    def writable(cls, file: Path) -> Database:
        """Open a file, which is made or brought up to date if need be.

        Raises
        ------
        UsageError
            If it cannot be written, is damaged, or was made by a newer priorlab.
        """
        with _sentences(file):
            connection = sqlite3.connect(file, timeout=WAIT, isolation_level=None)
            database = cls(file, connection)
            with database._closed_on_error():
                # A killed process loses no commit; a power failure may lose the last: enough.
                database.execute("pragma synchronous = normal")
                if not database._is_current():
                    database._keep_a_log()
                    database._bring_up_to_date()
        return database

    @classmethod
    def readable(cls, file: Path) -> Database:
        """Open a file that is there, to read it; no file is written.

        Raises
        ------
        UsageError
            If it is damaged, or was made by a newer priorlab.
        """
        with _sentences(file):
            database = _read_only(file)
            with database._closed_on_error():
                if database._is_current():
                    return database
                copy = cls(file, sqlite3.connect(":memory:", isolation_level=None))
                with contextlib.closing(database), copy._closed_on_error():
                    database._connection.backup(copy._connection)
                    copy._bring_up_to_date()
        return copy

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def wait(self, seconds: float) -> None:
        """Set for how long other processes are waited for from now on."""
        self.execute(f"pragma busy_timeout = {round(seconds * 1000)}")

    def check_in_place(self) -> None:
        """Raise a `UsageError` if the file was moved or removed: SQLite would not notice."""
        try:
            there = os.path.samestat(self.file.stat(), self._opened)
        except OSError:
            there = False
        if not there:
            raise UsageError(f"the store {self.file} was moved or removed while it was in use")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run a statement."""
        return self._connection.execute(sql, values)

    def insert(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each row of values, and return how many rows that changed."""
        return self._connection.executemany(sql, rows).rowcount

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Turn SQLite's errors into one sentence each."""
        with _sentences(self.file):
            yield

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all that is within, or nothing of it; in the same sentences."""
        with self.guard():
            self.execute("begin immediate")
            try:
                yield
                self.execute("commit")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self.execute("rollback")
                raise

    def select_by(self, query: str, keys: Iterable[str]) -> Iterator[Any]:
        """Yield the rows of a query in which ``({keys})`` stands for a list, batch by batch.

        They come in the order of the keys, since what is close in the file is read fastest.
        """
        wanted = sorted(set(keys))
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            marks = ", ".join("?" * len(batch))
            yield from self.execute(query.replace("{keys}", marks), batch)

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _is_current(self) -> bool:
        """Return whether there is nothing to bring up to date."""
        return self._layout() == LAYOUT and not self._changes()

    def _layout(self) -> int:
        """Return the version of the file's layout; 0 for an empty file."""
        (version,) = self.execute("pragma user_version").fetchone()
        if version > LAYOUT:
            raise UsageError(
                f"{self.file} was made by a newer priorlab (layout {version}, this one knows"
                f" {LAYOUT}); upgrade priorlab or choose another results folder"
            )
        return int(version)

    def _keep_a_log(self) -> None:
        """Switch to write-ahead logging; SQLite itself does not wait for others who do so."""
        deadline = time.monotonic() + WAIT
        while True:
            try:
                self.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _bring_up_to_date(self) -> None:
        with self.transaction():
            if self._is_current():
                return  # another process was faster
            layout = self._layout()
            self.execute(_CELLS)
            for change in self._changes():
                self.execute(f"alter table cells {change}")
            if layout < 3:
                # Earlier layouts kept scores for all metrics together, under a digest of code
                # that is no more; they follow from the stored images.
                self.execute("drop table if exists scores")
                self.execute(_SCORES)
            if layout < 4:
                # Earlier layouts kept pictures as files. Their cells are of earlier keys, so
                # that no run asks for them.
                for table in (_PICTURES, _CLAIMS, _DRIVERS):
                    self.execute(table)
            self.execute(f"pragma user_version = {LAYOUT}")

    def _changes(self) -> list[str]:
        """Return how columns of an earlier layout change; what it did not know is missing."""
        there = {row[1] for row in self.execute("pragma table_info(cells)")}
        changes = []
        for column in _STORED if there else ():
            if column.name in there:
                continue
            if column.formerly in there:
                changes.append(f"rename column {column.formerly} to {column.name}")
            else:
                changes.append(f"add column {column.sql}" + " default ''" * (column.kind is str))
        return changes


def _read_only(file: Path) -> Database:
    """Open a file as it is, also where nothing can be written beside it."""
    # Without a log nobody has the file open, and SQLite need not make one in order to read.
    ways = ["mode=ro", "mode=ro&immutable=1"]
    if not file.with_name(f"{file.name}-wal").exists():
        ways = ways[1:]
    while True:
        address = f"{file.resolve().as_uri()}?{ways.pop(0)}"
        connection = sqlite3.connect(address, uri=True, timeout=WAIT, isolation_level=None)
        try:
            connection.execute("select 1 from sqlite_schema").fetchone()
            return Database(file, connection)
        except sqlite3.OperationalError:
            # A log that a killed process left in a folder that is now read-only: without it the
            # latest cells may be unknown, which is better than none.
            connection.close()
            if not ways:
                raise
        except BaseException:
            connection.close()
            raise


@contextlib.contextmanager
def _sentences(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        code = error.sqlite_errorcode & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Locked(f"cannot use the store {file}: {error}") from error
        if file.is_dir():
            raise UsageError(f"cannot use the store {file}: it is a folder, not a file") from None
        if file.is_file() and not os.access(file, os.R_OK):
            raise UsageError(f"cannot read the store {file}: Permission denied") from None
        closed = code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if closed and not all(os.access(place, os.W_OK) for place in (file.parent, file)):
            raise UsageError(f"cannot write to the store {file}: it is read-only") from None
        raise UsageError(f"cannot use the store {file}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise UsageError(
            f"the store {file} is damaged ({error}); move it away and run again"
        ) from error
