"""The store: one SQLite file that remembers every cell ever computed, whatever the run.

Only the driver writes, and commits cell by cell: whoever kills it loses at most the cells that
were being computed. Two drivers may share a store; they wait for each other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from priorlab.errors import UsageError

SCHEMA = 2
"""Version of the file's layout, kept in SQLite's `user_version`."""

FINAL = ("ok", "unsupported")
"""Statuses that stand; cells with any other are computed again by the next run."""

WAIT = 30.0
"""Seconds to wait for another process that writes to the same store."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What is known of a computed cell.

    Attributes
    ----------
    status : str
        ok, failed (the prior raised or returned no valid image), crashed (its process died),
        timeout or unsupported.
    message : str
        In one line why the status is not ok.
    details : str
        The traceback, or the last output of a crashed process.
    seconds : float or None
        Duration of `restore` alone.
    wall : float
        Seconds from handing out the cell to its result; estimates are made from this.
    peak_mb : float or None
        Peak resident memory of the process during the cell, in MB.
    stop : int or None
        The iteration whose image was returned, where the prior chose one.
    peak, peak_psnr : int and float, or None
        The iteration with the best PSNR of those that an iterative prior reported, and that PSNR.
    beside : str
        JSON: for each picture beside the restored one its digest and the value of white.
    height, width, channels : int
        Of the clean image.
    measurement, output, degraded, clean : str
        Digests: of the measured data, and of the stored images.
    threads, slots : int
        Threads of the process, and how many processes worked at the same time.
    device, machine : str
        Such as "cpu", and the name of that CPU or GPU.
    """

    status: str
    message: str = ""
    details: str = ""
    seconds: float | None = None
    wall: float = 0.0
    peak_mb: float | None = None
    stop: int | None = None
    peak: int | None = None
    peak_psnr: float | None = None
    beside: str = ""
    height: int = 0
    width: int = 0
    channels: int = 0
    measurement: str = ""
    output: str = ""
    degraded: str = ""
    clean: str = ""
    threads: int = 0
    slots: int = 0
    device: str = ""
    machine: str = ""

    def pictures(self) -> dict[str, tuple[str, float]]:
        """Return for each picture beside the restored one its digest and the value of white."""
        return {name: tuple(facts) for name, facts in json.loads(self.beside or "{}").items()}


FIELDS = tuple(field.name for field in dataclasses.fields(Outcome))

LAYOUT = f"""
create table if not exists cells (
    key text primary key, prior text, task text, image text, seed integer,
    created text default current_timestamp, {", ".join(FIELDS)}
) without rowid;
create table if not exists scores (
    key text, metrics text, scores text, primary key (key, metrics)
) without rowid;
pragma user_version = {SCHEMA};
"""


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
        self.file = folder / "store.sqlite"
        self.pictures = folder / "outputs"
        try:
            self.pictures.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(f"cannot write to the results folder {folder}: {reason}") from None
        with self._guard():
            self._base = sqlite3.connect(self.file, timeout=WAIT, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._base.close()
                raise

    def _prepare(self) -> None:
        # A killed process loses no commit; a power failure may lose the last, which is enough.
        self._base.execute("pragma synchronous = normal")
        (version,) = self._base.execute("pragma user_version").fetchone()
        if version > SCHEMA:
            raise UsageError(
                f"{self.file} was made by a newer priorlab (layout {version}, this one knows"
                f" {SCHEMA}); upgrade priorlab or choose another results folder"
            )
        if version == SCHEMA:
            return
        self._base.execute("pragma journal_mode = wal")
        with self._transaction():
            for statement in filter(str.strip, LAYOUT.split(";")):
                self._base.execute(statement)
            self._add_columns()

    def _add_columns(self) -> None:
        """Bring a file of an older layout up to date; what it did not know has the default."""
        there = {row[1] for row in self._base.execute("pragma table_info(cells)")}
        for field in dataclasses.fields(Outcome):
            if field.name not in there:
                default = "''" if field.default == "" else "null"
                self._base.execute(f"alter table cells add column {field.name} default {default}")

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def outcome(self, key: str) -> Outcome | None:
        """Return what is known of a cell, or None."""
        query = f"select {', '.join(FIELDS)} from cells where key = ?"
        with self._guard():
            row = self._base.execute(query, (key,)).fetchone()
        return Outcome(*row) if row else None

    def put(
        self,
        key: str,
        labels: dict[str, str | int],
        outcome: Outcome,
        metrics: str,
        scores: dict[str, float],
    ) -> None:
        """Remember a cell and its scores, in one transaction."""
        names = ("key", *labels, *FIELDS)
        values = (key, *labels.values(), *dataclasses.astuple(outcome))
        marks = ", ".join("?" * len(values))
        with self._guard(), self._transaction():
            self._base.execute(
                f"insert or replace into cells ({', '.join(names)}) values ({marks})", values
            )
            self._base.execute("delete from scores where key = ?", (key,))
            if scores:
                self._put_scores(key, metrics, scores)

    def scores(self, key: str, metrics: str) -> dict[str, float] | None:
        """Return the scores of a cell under the metrics with a digest, if they are known."""
        query = "select scores from scores where key = ? and metrics = ?"
        with self._guard():
            row = self._base.execute(query, (key, metrics)).fetchone()
        return dict(json.loads(row[0])) if row else None

    def put_scores(self, key: str, metrics: str, scores: dict[str, float]) -> None:
        """Remember the scores of a cell."""
        with self._guard(), self._transaction():
            self._put_scores(key, metrics, scores)

    def _put_scores(self, key: str, metrics: str, scores: dict[str, float]) -> None:
        self._base.execute(
            "insert or replace into scores values (?, ?, ?)", (key, metrics, json.dumps(scores))
        )

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
