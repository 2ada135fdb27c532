"""In which of its cells a run differs from another, told by what `run.json` says of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

AXES = {"priors": "prior", "tasks": "task", "seeds": "seed"}
"""The lists in `run.json` that span a grid, and what one of their entries is called."""

MOST = 5
"""Names that are listed; of more, their number is said."""


def of_grids(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Say what another grid has that this one has not, and the reverse.

    Parameters
    ----------
    there, here : mapping
        What `run.json` says of each run; what an earlier version did not note is not compared.

    Examples
    --------
    >>> there = {"priors": ["tv", "dip"], "tasks": {"denoise": ""}, "seeds": [0], "dataset": "a"}
    >>> of_grids(there, there | {"priors": ["tv", "nlm"], "dataset": "b"})
    ['no prior dip', 'also prior nlm', 'dataset b instead of a']
    """
    found = []
    for axis, word in AXES.items():
        theirs, ours = there.get(axis), here.get(axis)
        if theirs is None or ours is None:
            continue
        found += _named("no", word, [one for one in theirs if one not in ours])
        found += _named("also", word, [one for one in ours if one not in theirs])
    what = "content" if "content" in there and "content" in here else "dataset"
    if there.get(what) != here.get(what):
        found.append(_dataset(str(there.get("dataset")), str(here.get("dataset"))))
    rules, others = here.get("protocols", {}), there.get("protocols", {})
    changed = [task for task in rules if task in others and rules[task] != others[task]]
    found += _named("another protocol of", "task", changed)
    if there.get("shard", "") != here.get("shard", ""):
        found.append(f"part {here.get('shard') or 'none'} instead of {there['shard'] or 'none'}")
    return found


def _dataset(there: str, here: str) -> str:
    if there == here:
        return f"other images in the dataset {here}"
    return f"dataset {here} instead of {there}"


def _named(how: str, word: str, names: Iterable[Any]) -> list[str]:
    """Return in a few words which entries of an axis differ, if any do."""
    found = [str(name) for name in names]
    if not found:
        return []
    if len(found) > MOST:
        return [f"{how} {len(found)} {word}s"]
    return [f"{how} {word}{'s' * (len(found) > 1)} {', '.join(found)}"]
