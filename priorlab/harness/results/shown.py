"""The pictures of a run where the user looks for them: one file for each cell.

images/<task>/<image>/<prior>.png   restored; also _clean.png, _measured.png and
                                    <prior>-<name>.png, such as its uncertainty
images/index.tsv                    which of the store's pictures each file is, and its size

What is there already is not written again; the index and a look at the folders tell.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from priorlab.errors import UsageError
from priorlab.files import write_atomically
from priorlab.harness.results.names import safe_name
from priorlab.harness.results.outputs import VIEW
from priorlab.harness.results.schema import Outcome

INDEX = "index.tsv"

Fetch = Callable[[str], bytes | None]
"""Returns the content of one of the store's pictures."""


class Shown:
    """The pictures in one folder."""

    def __init__(self, folder: Path) -> None:
        """Find out what is there."""
        self._folder = folder
        self._index = dict(_read_index(folder / INDEX))
        self._wanted: set[str] = set()
        self._sizes: dict[str, dict[str, int]] = {}
        self._log: TextIO | None = None

    def show(self, labels: Mapping[str, Any], outcome: Outcome | None, fetch: Fetch) -> None:
        """Put the pictures of a cell where the user looks; no outcome takes them away.

        Parameters
        ----------
        labels : mapping
            Its prior, task, image and seed.
        outcome : Outcome or None
            What is known of it.
        fetch : callable
            Where the pictures come from.

        Raises
        ------
        UsageError
            If some of them are lost, or cannot be written; the others are shown.
        """
        restored = cell_file(labels)
        if outcome is None or not outcome.output:
            self._remove(restored)
            return
        place, prior = restored.rpartition("/")[0], restored.removesuffix(".png")
        seed = seed_suffix(labels["seed"])
        prior = prior.removesuffix(seed)
        wanted = {restored: outcome.output}
        wanted[f"{place}/_clean.png"] = outcome.clean
        wanted[f"{place}/_measured{seed}.png"] = outcome.degraded
        for name, (digest, _) in outcome.pictures().items():
            wanted[f"{prior}-{name}{seed}.png"] = digest
        problems = []
        for file, digest in wanted.items():
            self._wanted.add(file)
            try:
                self._show(file, digest + VIEW, fetch)
            except UsageError as error:
                problems.append(str(error))
        if problems:
            raise UsageError("; ".join(problems))

    def _show(self, file: str, name: str, fetch: Fetch) -> None:
        place, _, base = file.rpartition("/")
        there = self._listed(place)
        if there.get(base, -1) >= 0 and self._index.get(file) == (name, there[base]):
            return
        content = fetch(name)
        if content is None:
            raise UsageError(f"the store has lost the picture {name}")
        target = self._folder / file
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {target}: {error.strerror or error}") from None
        write_atomically(target, content)
        there[base] = len(content)
        self._index[file] = name, len(content)
        self._note(file, name, len(content))

    def finish(self) -> None:
        """Take away what earlier runs of this name left, such as a map that is no longer made."""
        for file in self._index.keys() - self._wanted:
            self._remove(file)
        if self._log:
            with contextlib.suppress(OSError):
                self._log.close()

    def _remove(self, file: str) -> None:
        place, _, base = file.rpartition("/")
        if self._listed(place).pop(base, None) is not None:
            with contextlib.suppress(OSError):
                (self._folder / file).unlink()

    def _listed(self, place: str) -> dict[str, int]:
        """Return the size of each file in a folder, as it was when it was first asked for."""
        if place not in self._sizes:
            found = self._sizes[place] = {}
            with contextlib.suppress(OSError), os.scandir(self._folder / place) as entries:
                found.update((entry.name, entry.stat().st_size) for entry in entries)
        return self._sizes[place]

    def _note(self, file: str, name: str, size: int) -> None:
        """Add a line to the index; without it the picture is only written once more."""
        with contextlib.suppress(OSError, ValueError):
            if self._log is None:
                self._log = (self._folder / INDEX).open("a", encoding="utf-8")
            self._log.write(f"{file}\t{name}\t{size}\n")


def cell_file(labels: Mapping[str, Any]) -> str:
    """Return where the restored picture of a cell is, below the folder of the pictures.

    Examples
    --------
    >>> cell_file({"prior": "tv", "task": "denoise:sigma=25", "image": "house", "seed": 1})
    'denoise-sigma=25/house/tv-seed1.png'
    """
    task, image, prior = (safe_name(labels[name]) for name in ("task", "image", "prior"))
    return f"{task}/{image}/{prior}{seed_suffix(labels['seed'])}.png"


def seed_suffix(seed: int) -> str:
    """Return what tells a picture's seed in its name: nothing for seed 0."""
    return f"-seed{seed}" if seed else ""


def _read_index(file: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield for each picture its name in the store and its size; a damaged line says nothing."""
    with contextlib.suppress(OSError), file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            path, _, rest = line.rstrip("\n").partition("\t")
            name, _, size = rest.partition("\t")
            if size.isdecimal():
                yield path, (name, int(size))
