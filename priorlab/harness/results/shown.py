"""The pictures of a run where the user looks for them: one file for each cell.

images/<task>/<image>/<prior>.png   restored; also _clean.png, _measured.png and
                                    <prior>-<name>.png, such as its uncertainty
images/index.tsv                    which of the store's pictures each file is, and its size

What is there already is not written again; the index and a look at the folders tell.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from priorlab.errors import UsageError
from priorlab.ground.files import said_if_not_written, write_atomically
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
        # What an earlier run of this name left, until this run shows something in its place.
        self._left = dict(_read_index(folder / INDEX))
        # Several cells share the pictures of a measurement.
        self._shared: dict[str, str] = {}
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
        place, base = cell_folder(labels), cell_file(labels)
        if outcome is None or not outcome.output:
            self._remove(place, base)
            return
        seed = seed_suffix(labels["seed"])
        wanted = {base: outcome.output}
        for file, digest in (
            ("_clean.png", outcome.clean),
            (f"_measured{seed}.png", outcome.degraded),
        ):
            if self._shared.get(f"{place}/{file}") != digest:
                wanted[file] = self._shared[f"{place}/{file}"] = digest
        if outcome.extras:
            prior = base.removesuffix(f"{seed}.png")
            for name, (digest, _) in outcome.pictures().items():
                wanted[f"{prior}-{name}{seed}.png"] = digest
        problems = []
        for file, digest in wanted.items():
            try:
                self._show(place, file, digest + VIEW, fetch)
            except UsageError as error:
                problems.append(str(error))
        if problems:
            raise UsageError("; ".join(problems))

    def _show(self, place: str, base: str, name: str, fetch: Fetch) -> None:
        there = self._listed(place)
        if self._left.pop(f"{place}/{base}", None) == (name, there.get(base)):
            return
        content = fetch(name)
        if content is None:
            raise UsageError(f"the store has lost the picture {name}")
        target = self._folder / place / base
        with said_if_not_written(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)
        there[base] = len(content)
        self._note(f"{place}/{base}", name, len(content))

    def finish(self) -> None:
        """Take away what earlier runs of this name left, such as a map that is no longer made."""
        for file in self._left:
            place, _, base = file.rpartition("/")
            self._remove(place, base)
        self._left.clear()
        self._sizes.clear()
        if self._log:
            with contextlib.suppress(OSError):
                self._log.close()

    def _remove(self, place: str, base: str) -> None:
        if self._listed(place).pop(base, None) is not None:
            with contextlib.suppress(OSError):
                (self._folder / place / base).unlink()

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


@functools.lru_cache(10_000)
def _cell_folder(task: str, image: str) -> str:
    return f"{safe_name(task)}/{safe_name(image)}"


def cell_folder(labels: Mapping[str, Any]) -> str:
    """Return the folder of a cell's pictures, below that of all pictures.

    Examples
    --------
    >>> cell_folder({"task": "denoise:sigma=25", "image": "house"})
    'denoise-sigma=25/house'
    """
    return _cell_folder(labels["task"], labels["image"])


def cell_file(labels: Mapping[str, Any]) -> str:
    """Return the file of a cell's restored picture in its folder.

    Examples
    --------
    >>> cell_file({"prior": "tv", "seed": 1})
    'tv-seed1.png'
    """
    return f"{safe_name(labels['prior'])}{seed_suffix(labels['seed'])}.png"


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
