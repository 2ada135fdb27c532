"""Who is computing what: several runs may share a store, and none computes what another does.

Before a run computes a cell it claims it, and with the cell's result the claim ends. Each run, a
*driver*, shows by its beat that it lives; what a dead one had claimed is free again. The same
record says how far a run is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from priorlab.errors import UsageError
from priorlab.ground import process_tree
from priorlab.harness.results.database import Database
from priorlab.harness.results.schema import FINAL
from priorlab.harness.results.store import storable

EXPIRY = 60.0
"""Seconds after which a driver that gives no sign is taken for dead."""

MINE, TAKEN, DONE = "mine", "taken", "done"
"""What comes of a claim: the cell is claimed; another driver has claimed it; it is stored."""


@dataclasses.dataclass(frozen=True)
class Driver:
    """A run that is going on, or ended without a word.

    Attributes
    ----------
    owner : str
        Names it among all drivers.
    run : str
        Name of the run.
    place : str
        The machine, and what else a process number is known in.
    pid : int
        Its process.
    started : str
        When, in UTC.
    beat : float
        When it last gave a sign, in seconds since 1970 by its clock.
    total, done, failed : int
        Cells.
    slots : int
        Cells at the same time.
    seconds_left : float or None
        Its own estimate.
    doing : tuple of str
        What each slot does.
    """

    owner: str
    run: str
    place: str
    pid: int
    started: str
    beat: float
    total: int = 0
    done: int = 0
    failed: int = 0
    slots: int = 0
    seconds_left: float | None = None
    doing: tuple[str, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Whether its process is known to be dead; False where that cannot be seen."""
        return self.place == _place() and not _lives(self.pid)

    @property
    def is_silent(self) -> bool:
        """Whether it gave no sign for long, by the clock of this machine."""
        return self.is_gone or time.time() - self.beat > EXPIRY


_FIELDS = tuple(field.name for field in dataclasses.fields(Driver))


def drivers(database: Database) -> list[Driver]:
    """Return the runs that are going on, and those that ended without a word."""
    query = f"select {', '.join(_FIELDS)} from drivers order by started"
    with database.guard():
        rows = [dict(zip(_FIELDS, row, strict=True)) for row in database.execute(query)]
    return [Driver(**row | {"doing": tuple(json.loads(row["doing"]))}) for row in rows]


class Claims:
    """The claims of one driver.

    Attributes
    ----------
    driver : Driver
        What others see of it.
    """

    def __init__(self, database: Database, run: str) -> None:
        """Begin: drivers that are known to be dead are forgotten, with their claims."""
        self._database = database
        # For each other driver its last sign, and when this one saw it first, by its own clock:
        # those of two machines may differ.
        self._seen: dict[str, tuple[float, float]] = {}
        place, started = _place(), time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        owner = f"{place}:{os.getpid()}:{secrets.token_hex(4)}"
        self.driver = Driver(owner, run, place, os.getpid(), started, time.time())
        with database.transaction():
            for other in drivers(database):
                if other.is_gone:
                    self._forget(other.owner)
            self._write()

    def claim(self, key: str, stamp: str | None) -> str:
        """Claim a cell.

        Parameters
        ----------
        key : str
            Of the cell.
        stamp : str or None
            Of what the driver knows of it, as `Store.stamps` has it.

        Returns
        -------
        {MINE, TAKEN, DONE}
            What came of it.
        """
        query = """
            select created, status, owner from (select ? as key)
            left join cells using (key) left join claims using (key)
        """
        with self._database.transaction():
            created, status, owner = self._database.execute(query, (key,)).fetchone()
            if created not in (None, stamp) and (status in FINAL or owner is None):
                return DONE
            if owner is not None and owner != self.driver.owner and self._lives(owner):
                return TAKEN
            self._database.execute(
                "insert or replace into claims values (?, ?)", (key, self.driver.owner)
            )
        return MINE

    def taken(self, keys: Iterable[str]) -> set[str]:
        """Return those of some cells that another living driver has claimed."""
        query = "select key, owner from claims where key in ({keys})"
        with self._database.guard():
            owners = dict(self._database.select_by(query, keys))
            alive = {owner for owner in set(owners.values()) if self._lives(owner)}
        return {key for key, owner in owners.items() if owner in alive - {self.driver.owner}}

    def beat(self, facts: Mapping[str, Any]) -> None:
        """Show that this driver lives, and how far it is: `facts` are fields of a `Driver`."""
        self.driver = dataclasses.replace(self.driver, beat=time.time(), **facts)
        with self._database.transaction():
            self._write()

    def end(self) -> None:
        """Give up all claims, and be forgotten."""
        with self._database.transaction():
            self._forget(self.driver.owner)

    def _write(self) -> None:
        facts = [getattr(self.driver, name) for name in _FIELDS[:-1]]
        facts += [json.dumps(self.driver.doing)]
        marks = ", ".join("?" * len(facts))
        self._database.execute(
            f"insert or replace into drivers ({', '.join(_FIELDS)}) values ({marks})",
            [storable(fact) for fact in facts],
        )

    def _forget(self, owner: str) -> None:
        self._database.execute("delete from claims where owner = ?", (owner,))
        self._database.execute("delete from drivers where owner = ?", (owner,))

    def _lives(self, owner: str) -> bool:
        """Return whether another driver gives signs of life."""
        other = next((one for one in drivers(self._database) if one.owner == owner), None)
        if other is None or other.is_gone:
            return False
        now = time.monotonic()
        beat, since = self._seen.get(owner, (None, now))
        if beat != other.beat:
            since = now
        self._seen[owner] = (other.beat, since)
        return now - since <= EXPIRY


def check_idle(database: Database, run: str = "") -> None:
    """Raise a `UsageError` if a run of this name, or by default any, is going on."""
    for driver in drivers(database):
        if not driver.is_silent and run in ("", driver.run):
            raise UsageError(
                f"the run {driver.run} is going on (process {driver.pid}); wait for it, or stop it"
            )


def _place() -> str:
    """Return what a process number is known in: the machine, and the container."""
    space = 0
    with contextlib.suppress(OSError):
        space = Path("/proc/self/ns/pid").stat().st_ino
    return f"{platform.node()}:{space}"


def _lives(pid: int) -> bool:
    """Return whether a process of this machine lives; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process_tree.state(pid) != "Z"
