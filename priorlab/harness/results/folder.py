"""The folder of a run: what it was, a row for each cell, and the images to look at.

run.json                            command, versions, machine, protocols, meaning of the columns,
                                    keys of all cells
images.csv                          a row for each prior, task, image and seed
<task>.png                          a contact sheet of the task's most typical image
failures.txt                        tracebacks, if anything failed
images/<task>/<image>/<prior>.png   restored; also _clean.png, _measured.png and
                                    <prior>-<name>.png, such as its uncertainty
logs/slot1.log                      what the child processes printed
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from priorlab.errors import UsageError
from priorlab.escaping import without_home
from priorlab.files import write_atomically
from priorlab.harness.results import csv_files, outputs, schema
from priorlab.harness.results.names import safe_name
from priorlab.harness.results.schema import Outcome

INFO = "run.json"
ROWS = "images.csv"
FAILURES = "failures.txt"
FORMAT = 2
"""Version of the folder's files."""


class RunFolder:
    """The folder `path` of one run."""

    def __init__(self, path: Path) -> None:
        """Make the folder; one that is there must be that of a run, or empty."""
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            foreign = not (path / INFO).exists() and any(path.iterdir())
        except OSError as error:
            raise UsageError(f"cannot use {path} for a run: {error.strerror or error}") from None
        if foreign:
            raise UsageError(f"{path} holds something else than a run; choose another name")

    @property
    def logs(self) -> Path:
        """Folder of what the child processes print."""
        return self.path / "logs"

    def begin(self, info: Mapping[str, Any]) -> None:
        """Note what the run is; what an earlier run left here goes."""
        write_atomically(self.path / INFO, json.dumps(info, indent=1) + "\n")
        for old in (ROWS, FAILURES, "table.md", "table.csv"):
            (self.path / old).unlink(missing_ok=True)
        for sheet in self.path.glob("*.png"):
            sheet.unlink()
        shutil.rmtree(self.path / "images", ignore_errors=True)

    def show(self, labels: Mapping[str, Any], outcome: Outcome | None, store: Path) -> None:
        """Put the images of a cell where the user looks for them; no outcome takes them away.

        `labels` has its prior, task, image and seed.
        """
        place, seed = self.place(labels["task"], labels["image"]), self.seed(labels["seed"])
        prior = safe_name(labels["prior"])
        restored = place / f"{prior}{seed}.png"
        if outcome is None or not outcome.output:
            restored.unlink(missing_ok=True)
            return
        for name, (digest, _) in outcome.pictures().items():
            extra = place / f"{prior}-{name}{seed}.png"
            _place(outputs.path(store, digest, outputs.VIEW), extra)
        _place(outputs.path(store, outcome.output, outputs.VIEW), restored)
        for digest, name in ((outcome.clean, "_clean"), (outcome.degraded, f"_measured{seed}")):
            _place(outputs.path(store, digest, outputs.VIEW), place / f"{name}.png")

    def place(self, task: str, image: str) -> Path:
        """Return the folder for the pictures of an image under a task."""
        return self.path / "images" / safe_name(task) / safe_name(image)

    @staticmethod
    def seed(seed: int) -> str:
        """Return what tells a picture's seed in its name: nothing for seed 0."""
        return f"-seed{seed}" if seed else ""

    def finish(
        self, info: Mapping[str, Any], rows: pd.DataFrame, details: Sequence[tuple[str, str]]
    ) -> None:
        """Write the rows, what their columns mean, and the traceback of each failure."""
        write_atomically(self.path / ROWS, csv_files.write(rows))
        if details:
            text = "\n\n".join(f"=== {title}\n{detail}" for title, detail in details)
            write_atomically(self.path / FAILURES, without_home(text) + "\n")
        described = {**info, "columns": schema.meanings()}
        write_atomically(self.path / INFO, json.dumps(described, indent=1) + "\n")

    def rows(self) -> pd.DataFrame:
        """Read the rows back.

        Raises
        ------
        UsageError
            If the file is damaged.
        """
        file = self.path / ROWS
        try:
            return schema.frame(csv_files.read(file.read_text("utf-8")))
        except ValueError as error:
            raise UsageError(f"{file} is damaged: {error}") from None

    def info(self) -> dict[str, Any]:
        """Read back what the run is.

        Raises
        ------
        UsageError
            If the folder is not that of a finished run this priorlab knows how to read.
        """
        try:
            info: dict[str, Any] = json.loads((self.path / INFO).read_text())
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.path} is not the folder of a run: {error}") from None
        if info.get("format", 0) > FORMAT:
            raise UsageError(f"{self.path} was written by a newer priorlab; upgrade to read it")
        if not (self.path / ROWS).exists():
            raise UsageError(f"the run {self.path} was cut short; run its command again to finish")
        return info


def _place(source: Path, target: Path) -> None:
    """Give a stored image a second name; copy it where the file system knows no links."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or error}") from None
