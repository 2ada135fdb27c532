"""What must be equal on two machines before one computes cells for the other.

Small, and of nothing but what JSON can hold. The driver sends its own to a worker, which makes
those of its machine from the same specs and refuses to work where they differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from priorlab.harness.run import keys
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.sources.digest import digest
from priorlab.tasks.base import Task


def credentials(
    priors: Sequence[Prior],
    tasks: Sequence[Task],
    registry: Registry,
    device: str,
    digest_of: Callable[[frozenset[str]], str] = digest,
) -> dict[str, Any]:
    """Return what decides results on this machine, besides parameters and images.

    `digest_of` returns the digest of some modules; one that remembers saves time.

    Returns
    -------
    dict
        The version of the keys; the `keys.setting`; and the digest of the code of each prior and
        task with what is inside of it, by its spec.

    Raises
    ------
    UsageError
        For a device that is not there.

    Examples
    --------
    >>> from priorlab import plugins
    >>> registry = plugins.load()
    >>> ours = credentials(registry.build_priors("tv"), [], registry, "cpu")
    >>> list(ours), list(ours["code"])
    (['code', 'schema', 'setting'], ['tv'])
    """
    chosen = [("priors", prior) for prior in priors] + [("tasks", task) for task in tasks]
    code = {
        item.spec(): keys.identity(kind, item, registry, digest_of)["code"] for kind, item in chosen
    }
    facts = {"schema": keys.KEY_SCHEMA, "setting": keys.setting(device), "code": code}
    found: dict[str, Any] = json.loads(keys.canonical(facts))  # as they come back over a network
    return found


def difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Return what differs on the other machine, in a few words; "" if results are the same.

    Parameters
    ----------
    ours, theirs : mapping
        As `credentials` returns them, of the driver and of a worker.

    Examples
    --------
    >>> ours = {"schema": 3, "setting": {"libraries": {"torch": "2.13"}}, "code": {"tv": "ab"}}
    >>> theirs = ours | {"setting": {"libraries": {"torch": "2.12"}}, "code": {"tv": "cd"}}
    >>> difference(ours, theirs)
    'torch 2.12 instead of 2.13, other code of tv'
    """
    here, there = _flat(ours), _flat(theirs)
    found = []
    for name in sorted(here.keys() | there.keys(), key=lambda name: (name[0] == "code", name)):
        one, other = here.get(name), there.get(name)
        if one == other:
            continue
        code = name[0] == "code" or name[-1] == "core"
        what = name[-1].replace("core", "priorlab") if code else name[-1]
        if code:
            found.append(f"other code of {what}" if one and other else f"no {what}")
        else:
            found.append(f"{what} {_text(other)} instead of {_text(one)}")
    return ", ".join(found)


def _flat(facts: Mapping[str, Any], above: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Return nested facts by all of their names."""
    found: dict[tuple[str, ...], Any] = {}
    for name, value in facts.items():
        place = (*above, name)
        found |= _flat(value, place) if isinstance(value, Mapping) else {place: value}
    return found


def _text(value: Any) -> str:
    """Return a fact in words."""
    if isinstance(value, list):
        return "+".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
