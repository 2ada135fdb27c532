"""Which plugins were tried before, kept in the user's cache: those need not be tried again.

A verdict holds as long as nothing changed of what `priorlab.remembered` looks at: the plugin's
files and those that it imports, the version of Python, what is installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from priorlab import remembered
from priorlab.candidates import Candidate
from priorlab.errors import UsageError
from priorlab.ground.files import write_atomically
from priorlab.trials.trial import Verdict

Stamp = Callable[[str], list[int]]
"""What tells whether a file is as it was."""


def recall() -> dict[str, Any]:
    """Return what was noted of all plugins, which `verdict` looks up.

    Examples
    --------
    >>> isinstance(recall(), dict)
    True
    """
    try:
        noted = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing, unreadable, damaged
        return {}
    return noted if isinstance(noted, dict) else {}


def verdict(
    noted: Mapping[str, Any], candidate: Candidate, stamp: Stamp = remembered.stamp
) -> Verdict | None:
    """Return what is known of a plugin, or None where it has to be tried.

    Parameters
    ----------
    noted : mapping
        What `recall` returned.
    candidate : Candidate
        The plugin.
    stamp : callable
        `remembered.stamp`, or what keeps its answers: plugins have most of their files in common.

    Examples
    --------
    >>> verdict({}, Candidate("mine.py", "mine.py")) is None
    True
    """
    try:
        one = noted[_key(candidate)]
        files = tuple(one["files"])
        if one["state"] != _state(candidate, files, stamp):
            return None
        problem = f"{one['problem']}; 'priorlab plugins' tries it again" if one["problem"] else ""
        return Verdict(problem, files=files, hung=bool(problem))
    except Exception:  # it was never tried, a file is gone, or the note is damaged
        return None


def note(found: Mapping[Candidate, Verdict]) -> None:
    """Keep what was found out: what is harmless, and what hangs, since it takes so long to see.

    Whatever else went wrong is quickly seen again, and may have its reason elsewhere. Nothing is
    kept of a file that has just changed.
    """
    noted = recall()
    before = dict(noted)
    for candidate, one in found.items():
        noted.pop(_key(candidate), None)
        if one.problem and not one.hung:
            continue
        try:
            state = _state(candidate, one.files)
        except Exception:  # such as a file that is gone
            continue
        if not remembered.just_changed(state["files"]):
            noted[_key(candidate)] = {
                "state": state,
                "files": list(one.files),  # as it will be read
                "problem": one.problem,
            }
    if noted == before:
        return
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_file(), json.dumps(noted))
    except (OSError, UsageError):
        return  # there is no place for it: they are tried again the next time


def _key(candidate: Candidate) -> str:
    if candidate.entry:
        return f"{candidate.name} = {candidate.entry} ({candidate.source})"
    return str(Path(candidate.source).absolute())


def _state(
    candidate: Candidate, others: tuple[str, ...], stamp: Stamp = remembered.stamp
) -> dict[str, Any]:
    """Return all that a verdict depends on, in the types that JSON knows."""
    if candidate.entry:
        own = remembered.files_of(candidate.entry.partition(":")[0].partition(".")[0])
        files = [*map(str, own), *others]
    else:
        files = [str(Path(candidate.source).absolute()), *others]
    return {
        "python": sys.version,
        "libraries": remembered.libraries(),
        "files": {file: stamp(file) for file in files},
    }


def _file() -> Path:
    return remembered.place("tried")
