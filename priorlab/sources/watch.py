"""Whether code changes while it is in use: results would then be stored under the wrong key."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from priorlab.sources.digest import Source, sources

Stamp = tuple[int, int, int]
"""Time of the last change in nanoseconds, size and inode of a file."""


class CodeWatch:
    """Watches the files that some modules depend on.

    To be made before anything is derived from them: whatever changes later is then noticed. A
    look costs a `stat` for each file; only where that differs is the file read again, and what
    does not count, such as another comment, is no change.
    """

    def __init__(self, modules: Iterable[str]) -> None:
        """Remember the state of the modules' files; `LookupError` if there is no such module."""
        self._found = ""
        self._files: list[tuple[Source, str]] = []
        self._stamps: dict[Path, Stamp | None] = {}
        for source in sources(modules):
            # The stamp first: a change between the two is then taken for one that came later.
            self._stamps[source.file] = _stamp(source.file)
            self._files.append((source, _digest(source)))

    def changed(self) -> str | None:
        """Return in a sentence which file has changed, or None; what was found once stays.

        Examples
        --------
        >>> watch = CodeWatch(["priorlab.errors"])
        >>> watch.changed() is None
        True
        """
        if self._found:
            return self._found
        stamps = {file: _stamp(file) for file in self._stamps}
        if stamps == self._stamps:
            return None
        for source, digest in self._files:
            if stamps[source.file] != self._stamps[source.file] and _digest(source) != digest:
                self._found = (
                    f"{_shown(source.file)} changed while the run was going on, so that nobody can"
                    " say which of its versions a result is of; run the same command again"
                )
                return self._found
        self._stamps = stamps
        return None


def _stamp(file: Path) -> Stamp | None:
    """Return the stamp of a file, or None if it is not there."""
    try:
        facts = os.stat(file)
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _digest(source: Source) -> str:
    """Return the digest of what counts of a file, or nothing if it cannot be read."""
    try:
        return source.digest()
    except OSError:
        return ""


def _shown(file: Path) -> str:
    """Return a path without the user's name."""
    return str(file).replace(str(Path.home()), "~")
