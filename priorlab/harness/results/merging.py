"""Merge stores, such as those of several machines: nothing is erased, and nothing added twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from priorlab.errors import UsageError
from priorlab.harness.results import outputs
from priorlab.harness.results.database import BATCH
from priorlab.harness.results.outputs import DATA
from priorlab.harness.results.schema import FINAL, LABELS, OUTCOME, Outcome
from priorlab.harness.results.store import Store, picture_names


@dataclasses.dataclass
class Merged:
    """What a merge has changed.

    Attributes
    ----------
    cells : int
        Those in the other store.
    new, better : int
        Those that were not known, and those that had failed here.
    scores, pictures : int
        What was added, of new cells as well.
    """

    cells: int = 0
    new: int = 0
    better: int = 0
    scores: int = 0
    pictures: int = 0


def merge(store: Store, others: Iterable[Store]) -> Merged:
    """Take over what other stores know, one after the other: all of it, or nothing.

    A cell that is not known here is taken, with its scores and pictures. Of a cell that both
    know, a final result takes the place of a failure, and else the one that is here stays; where
    both restored the same picture, scores and pictures that are missing here are added.

    Raises
    ------
    UsageError
        If one of them cannot be read, or this one not be written; nothing is changed then.
    """
    merged = Merged()
    with store.database.transaction():
        for other in others:
            keys = sorted(other.labels())
            for start in range(0, len(keys), BATCH):
                _merge(store, other, keys[start : start + BATCH], merged)
    return merged


def _merge(store: Store, other: Store, keys: list[str], merged: Merged) -> None:
    """Merge some cells."""
    ours, theirs = store.outcomes(keys), other.outcomes(keys)
    taken = [key for key in keys if _is_better(theirs[key], ours.get(key))]
    equal = [key for key in keys if key not in set(taken) and _is_equal(theirs[key], ours[key])]
    merged.scores += _take_cells(store, other, taken)
    merged.scores += _add_scores(store, other, equal)
    merged.pictures += _add_pictures(store, other, {key: theirs[key] for key in taken + equal})
    merged.cells += len(keys)
    merged.new += sum(key not in ours for key in taken)
    merged.better += sum(key in ours for key in taken)


def _is_better(theirs: Outcome, ours: Outcome | None) -> bool:
    return ours is None or (theirs.status in FINAL and ours.status not in FINAL)


def _is_equal(theirs: Outcome, ours: Outcome) -> bool:
    return bool(theirs.output) and theirs.output == ours.output


def _take_cells(store: Store, other: Store, keys: list[str]) -> int:
    """Take over cells with their scores, and return how many scores."""
    names = ", ".join(["key", "created", *(column.name for column in (*LABELS, *OUTCOME))])
    marks = ", ".join("?" * (names.count(",") + 1))
    query = f"select {names} from cells where key in ({{keys}})"
    rows = _selected(other, query, keys)
    store.database.insert(f"insert or replace into cells ({names}) values ({marks})", rows)
    for key in keys:
        store.database.execute("delete from scores where key = ?", (key,))
    return _add_scores(store, other, keys)


def _add_scores(store: Store, other: Store, keys: list[str]) -> int:
    """Add the scores that are missing, and return how many."""
    query = "select key, metric, digest, value from scores where key in ({keys})"
    rows = _selected(other, query, keys)
    return store.database.insert("insert or ignore into scores values (?, ?, ?, ?)", rows)


def _selected(store: Store, query: str, keys: list[str]) -> list[Any]:
    with store.database.guard():  # what is wrong there is not said of the store that is written
        return list(store.database.select_by(query, keys))


def _add_pictures(store: Store, other: Store, outcomes: Mapping[str, Outcome]) -> int:
    """Add the pictures that are missing here, or damaged, and return how many."""
    wanted = {name for outcome in outcomes.values() for name in picture_names(outcome)}
    added = 0
    for name in sorted(wanted):
        ours, theirs = store.picture(name), other.picture(name)
        if (
            theirs is None
            or theirs == ours
            or (ours is not None and not _mends(name, ours, theirs))
        ):
            continue
        store.database.execute("insert or replace into pictures values (?, ?)", (name, theirs))
        added += 1
    return added


def _mends(name: str, ours: bytes, theirs: bytes) -> bool:
    """Return whether our picture is damaged and theirs is not; views are not looked into."""
    return name.endswith(DATA) and not _is_sound(name, ours) and _is_sound(name, theirs)


def _is_sound(name: str, content: bytes) -> bool:
    try:
        outputs.decode(name, content)
    except UsageError:
        return False
    return True
