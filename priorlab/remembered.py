"""The catalogue that was read last, kept in the user's cache: what can be named, without torch.

Importing all plugins takes seconds. To list and explain what there is, or to say that a name is
wrong, it is enough to know what they declared when they were last imported, as long as nothing
changed since: no file of a plugin or of priorlab, nothing that is installed, no version. In any
doubt there is no catalogue, and the plugins are imported.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from priorlab import candidates
from priorlab.declarations import declared, stand_in
from priorlab.errors import UsageError
from priorlab.ground.files import write_atomically
from priorlab.registry import Registry

CORE = "priorlab"
LIBRARIES = ("site-packages", "dist-packages")
"""The names of folders of installed libraries; installing one more changes the folder."""

_STARTED = time.time_ns()
_COARSE = 2 * 10**9
"""Nanoseconds within which a file system may not tell two changes apart."""


def recall() -> Registry | None:
    """Return what the installed plugins declare, or None where that is not known for sure.

    Returns
    -------
    Registry or None
        As `priorlab.declarations.stand_in` builds it.
    """
    try:
        checksum, _, text = place("catalogue").read_text(encoding="utf-8").partition("\n")
        if checksum != _checksum(text):
            return None
        kept = json.loads(text)
        if kept["state"] != _state(kept["others"]):
            return None
        return stand_in(kept["declared"])
    except Exception:  # missing, unreadable, damaged, of another version: then it is not known
        return None


def remember(registry: Registry) -> None:
    """Keep what the installed plugins declare, if it is not kept already and can be.

    Nothing is kept if a plugin is broken (what it lacks may come from anywhere), if others than
    the installed ones were loaded, or if a file has just changed: it may be newer than what was
    imported.
    """
    if registry.files or registry.folders or recall() is not None:
        return
    try:
        others = sorted(own_files())
        state = _state(others)
        if just_changed(state["files"]):
            return
        kept = {"state": state, "others": others, "declared": declared(registry)}
        file = place("catalogue")
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(kept)
        write_atomically(file, f"{_checksum(text)}\n{text}")
    except (ValueError, OSError, UsageError, RuntimeError):
        return  # it cannot be written down, or there is no place for it: the next time takes long


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def place(what: str) -> Path:
    """Return the file of this installation; each environment and each checkout has its own.

    Examples
    --------
    >>> place("catalogue").suffix
    '.json'
    """
    installation = f"{sys.prefix}\n{Path(__file__).parent}"
    name = hashlib.sha256(installation.encode(errors="surrogatepass")).hexdigest()[:16]
    return platformdirs.user_cache_path(CORE, appauthor=False) / f"{what}-{name}.json"


def just_changed(stamps: Mapping[str, Sequence[int]]) -> bool:
    """Return whether a file may be newer than what was imported of it.

    Parameters
    ----------
    stamps : mapping of str to stamps
        As `stamp` returns them, by file.

    Examples
    --------
    >>> just_changed({"old.py": [0, 100]})
    False
    """
    return any(time_ns > _STARTED - _COARSE for time_ns, _ in stamps.values())


def _state(others: Sequence[str]) -> dict[str, Any]:
    """Return everything that decides what the plugins declare, in the types that JSON knows."""
    entries = [
        [entry.name, entry.value, *distribution] for entry, distribution in candidates.installed()
    ]
    tops = sorted({CORE, *(entry[1].partition(":")[0].partition(".")[0] for entry in entries)})
    files = [*(file for top in tops for file in files_of(top)), *map(Path, others)]
    return {
        "python": sys.version,
        "entries": sorted(entries),
        "libraries": libraries(),
        "files": {str(file): stamp(file) for file in files},
    }


def libraries() -> dict[str, int]:
    """Return the folders of installed libraries, and when something was last installed there.

    Examples
    --------
    >>> len(libraries()) > 0
    True
    """
    return {
        folder: Path(folder).stat().st_mtime_ns
        for folder in sys.path
        if Path(folder).name in LIBRARIES and Path(folder).is_dir()
    }


def stamp(file: str | Path) -> list[int]:
    """Return what changes with a file: the time of its last change in ns, and its size.

    Examples
    --------
    >>> stamp("photo.png") == stamp(Path("photo.png"))
    True
    """
    facts = os.stat(file)
    return [facts.st_mtime_ns, facts.st_size]


def files_of(top: str) -> Iterator[Path]:
    """Yield all files of a top-level module or package, data included.

    Examples
    --------
    >>> "plugins.py" in [file.name for file in files_of("priorlab")]
    True
    """
    spec = importlib.util.find_spec(top)
    if spec is None:
        return
    if spec.submodule_search_locations is None:
        yield from [Path(spec.origin)] if spec.origin else []
        return
    for location in spec.submodule_search_locations:
        if not Path(location).is_dir():  # in a zip file: its changes would not be seen
            raise ValueError(f"{location} is no folder")
        for folder, inner, names in os.walk(location):
            inner[:] = [name for name in inner if name != "__pycache__"]
            yield from (Path(folder, name) for name in names)


def own_files(after: str = "") -> Iterator[str]:
    """Yield the loaded files that are neither of the standard library nor installed.

    Parameters
    ----------
    after : str, optional
        The name of a module: those that were imported before it are left out.

    Examples
    --------
    >>> "remembered.py" in [Path(file).name for file in own_files()]
    True
    """
    # From the end: in a copy of a process it costs a page of memory to look at each of the others.
    for name in list(itertools.takewhile(lambda name: name != after, reversed(sys.modules))):
        file = os.fspath(getattr(sys.modules.get(name), "__file__", None) or "")
        if name != "__main__" and _is_own(file):
            yield file


@functools.cache
def _is_own(file: str) -> bool:
    """Return whether a module's file is neither of the standard library nor installed."""
    return (
        os.path.isabs(file)  # torch has modules that only pretend to be files
        and file.endswith(".py")
        and not file.startswith(f"{Path(os.__file__).parent}{os.sep}")
        and not any(f"{os.sep}{name}{os.sep}" in file for name in LIBRARIES)
    )
