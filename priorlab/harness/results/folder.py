"""The folder of a run: what it was, a row for each cell, and the images to look at.

run.json       command, versions, machine, protocols, meaning of the columns, keys of all cells
images.csv     a row for each prior, task, image and seed
<task>.png     a contact sheet of the task's most typical image
failures.txt   tracebacks, if anything failed
images/        a picture for each cell; see `priorlab.harness.results.shown`
logs/          what the child processes printed
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from priorlab.errors import UsageError, counted
from priorlab.ground.escaping import block, without_home
from priorlab.ground.files import why_no_folder, write_atomically, written_atomically
from priorlab.harness.results import csv_files, differences, schema
from priorlab.harness.results.names import safe_name

INFO = "run.json"
ROWS = "images.csv"
FAILURES = "failures.txt"
FORMAT = 2
"""Version of the folder's files."""

_LABELS = tuple(column.name for column in schema.LABELS)


class RunFolder:
    """The folder `path` of one run."""

    def __init__(self, path: Path) -> None:
        """Make the folder; one that is there must be that of a run, or empty."""
        self.path = path
        self._grid = ""
        try:
            path.mkdir(parents=True, exist_ok=True)
            foreign = not (path / INFO).exists() and any(path.iterdir())
        except OSError as error:
            raise UsageError(f"cannot use {path} for a run: {why_no_folder(error)}") from None
        if foreign:
            raise UsageError(f"{path} holds something else than a run; choose another name")

    @property
    def logs(self) -> Path:
        """Folder of what the child processes print."""
        return self.path / "logs"

    @property
    def pictures(self) -> Path:
        """Folder of the pictures."""
        return self.path / "images"

    def begin(self, info: Mapping[str, Any]) -> None:
        """Note what the run is; the tables that an earlier run of it left here go.

        Raises
        ------
        UsageError
            If the folder is that of a run with another grid: its tables are not to be lost.
        """
        self._grid = _grid(info.get("cells", ()))
        _check_grid(self.path, info, self._grid)
        try:
            _write(self.path, {**info, "labels": self._grid})
            tasks = {str(cell["task"]) for cell in info.get("cells", ())}
            sheets = (f"{safe_name(task)}.png" for task in tasks)
            for old in (ROWS, FAILURES, "table.md", "table.csv", "report.html", *sheets):
                (self.path / old).unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write to {self.path}: {error.strerror or error}") from None

    def finish(
        self, info: Mapping[str, Any], rows: pd.DataFrame, details: Sequence[tuple[str, str]]
    ) -> None:
        """Write the rows, what they hold and mean, and the traceback of each failure."""
        with written_atomically(self.path / ROWS) as file:
            for part in csv_files.parts(rows):
                file.write(part.encode())
        if details:
            text = "\n\n".join(f"=== {title}\n{detail}" for title, detail in details)
            write_atomically(self.path / FAILURES, without_home(block(text)) + "\n")
        statuses = {str(name): int(n) for name, n in rows["status"].value_counts().items()}
        grid = self._grid or _grid(info.get("cells", ()))
        facts = {"labels": grid, "statuses": statuses, "columns": schema.meanings()}
        _write(self.path, {**info, **facts})

    def rows(self) -> pd.DataFrame:
        """Read the rows back.

        Raises
        ------
        UsageError
            If the file is damaged.
        """
        file = self.path / ROWS
        try:
            text = file.read_text("utf-8")
            rows = schema.frame(csv_files.read(text))
        except ValueError as error:
            raise UsageError(f"{file} is damaged: {error}") from None
        if not text.endswith("\n"):
            raise UsageError(f"{file} is damaged: its last line is cut off")
        return rows

    def info(self) -> dict[str, Any]:
        """Read back what the run is.

        Raises
        ------
        UsageError
            If the folder is not that of a finished run this priorlab knows how to read.
        """
        info = read_info(self.path)
        if not (self.path / ROWS).exists():
            if (self.path / "table.csv").exists():  # the figures are published in part
                raise UsageError(f"{self.path} holds no {ROWS}, the figures of each image")
            raise UsageError(f"the run {self.path} was cut short; run its command again to finish")
        return info

    def rename(self, path: Path) -> None:
        """Move the folder, and change the name that is noted in it.

        Raises
        ------
        UsageError
            If there is something at the new place already, or the folder cannot be moved.
        """
        info = read_info(self.path)
        if path.exists():
            raise UsageError(f"there is a {path} already; choose another name")
        try:
            self.path.rename(path)
        except OSError as error:
            raise UsageError(f"cannot rename {self.path}: {error.strerror or error}") from None
        self.path = path
        _write(path, info | {"name": path.name})


def read_info(path: Path, *, cells: bool = True) -> dict[str, Any]:
    """Return what the run of a folder is, finished or not.

    Parameters
    ----------
    path : Path
        The folder.
    cells : bool
        Whether the cells are wanted, of which there may be very many.

    Raises
    ------
    UsageError
        If it is not the folder of a run that this priorlab knows how to read.
    """
    try:
        with (path / INFO).open(encoding="utf-8") as file:
            if cells:
                text = file.read()
            else:
                text = "".join(itertools.takewhile(lambda line: line != _CELLS, file))
                text += ' "cells": []}' * text.endswith(",\n")
        info: dict[str, Any] = json.loads(text)
        newer = info.get("format", 0) > FORMAT
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"{path} is not the folder of a run: {error}") from None
    if newer:
        raise UsageError(f"{path} was written by a newer priorlab; upgrade to read it")
    return info


_CELLS = ' "cells": [\n'
"""The line of `run.json` before the cells, which are the last."""


def _check_grid(path: Path, info: Mapping[str, Any], grid: str) -> None:
    """Raise a `UsageError` if a folder is that of a run with another grid."""
    if not (path / INFO).exists():
        return
    try:
        there = read_info(path, cells=False)
        if "labels" not in there:  # of an earlier version
            there = read_info(path)
            there["labels"] = _grid(there.get("cells", ()))
    except (UsageError, KeyError) as error:
        raise UsageError(f"{error}; choose another name, or move that folder away") from None
    changed = differences.of_grids(there, info)
    if there["labels"] == grid and not changed:
        return
    raise UsageError(
        f"{path} holds the run of another grid, begun {there.get('started', '?')}, with"
        f" {counted(there.get('total', '?'), 'cell')}; this one has"
        f" {', '.join(changed) or 'other images'}; choose another --name (what both share is not"
        f" computed again), or rename that one: priorlab runs rename {path.name} NEW"
    )


def _grid(cells: Iterable[Mapping[str, Any]]) -> str:
    """Return a digest of the labels of cells, in any order."""
    digest = hashlib.sha256()
    for line in sorted("\0".join(str(cell[name]) for name in _LABELS) for cell in cells):
        digest.update(line.encode(errors="surrogatepass") + b"\n")
    return digest.hexdigest()


def _write(path: Path, info: Mapping[str, Any]) -> None:
    """Write `run.json`: a line for each cell, of which there may be many, after all else."""
    cells = info.get("cells", ())
    others = {key: value for key, value in info.items() if key != "cells"}
    text = json.dumps(others | {"cells": []}, indent=1)
    head, _, tail = text.rpartition("]")
    with written_atomically(path / INFO) as file:
        file.write(head.encode())
        for index, cell in enumerate(cells):
            file.write(("," * bool(index) + "\n  " + json.dumps(cell)).encode())
        file.write(("\n ]" + tail + "\n").encode())
