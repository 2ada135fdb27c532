"""What a run returns: a row for each cell, and what the run was."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from priorlab.errors import UsageError
from priorlab.harness.report.notes import Header
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.store import FINAL, Outcome
from priorlab.harness.run.plan import Plan
from priorlab.pictures.extra import legend

METRICS = ("psnr", "ssim")
"""Columns that stand in every table, also where nothing was scored."""
SIZES = ("height", "width", "channels")


@dataclasses.dataclass(frozen=True)
class Result:
    """A cell's outcome with its scores, and whether it was known before the run."""

    outcome: Outcome
    scores: Mapping[str, float]
    cached: bool


@dataclasses.dataclass(frozen=True)
class Run:
    """A run, finished or interrupted.

    Attributes
    ----------
    folder : Path
        Its folder.
    rows : DataFrame
        A row per prior x task x image x seed, of the cells that are finished.
    info : dict
        What the run was: command, versions, machine, dataset, protocols, ...
    """

    folder: Path
    rows: pd.DataFrame
    info: Mapping[str, Any]

    @property
    def interrupted(self) -> bool:
        """Whether cells are missing because the user stopped the run."""
        return len(self.rows) < int(self.info["total"])

    @property
    def failures(self) -> int:
        """Number of rows that failed, crashed or took too long."""
        return int((~self.rows["status"].isin(FINAL)).sum())

    @property
    def header(self) -> Header:
        """What its tables say beside the figures."""
        total, missing = int(self.info["total"]), int(self.info["total"]) - len(self.rows)
        notes = [f"Left out: {problem}." for problem in self.info["problems"]]
        if missing:
            notes.append(f"Incomplete: the run was stopped before {missing} of its {total} cells.")
        suite = self.info.get("suite", {})
        source = suite.get("source", "")
        return Header(
            dataset=self.info["dataset"],
            known=self.info["known_dataset"],
            protocols=self.info["tasks"],
            metrics=self.info["metrics"],
            versions=self.info["versions"],
            command=self.info["command"],
            notes=notes,
            title=suite.get("title", ""),
            above=[*([f"Source: {source}"] if source else []), *suite.get("notes", [])],
        )


def to_rows(planned: Plan, results: Mapping[str, Result]) -> pd.DataFrame:
    """Return the table of all finished cells, in the order of the grid."""
    rows: list[dict[str, Any]] = []
    for cell in planned.cells:
        if result := results.get(cell.key):
            outcome = dataclasses.asdict(result.outcome)
            rows.append(
                cell.labels
                | outcome
                | dict(result.scores)
                | {"beside": _beside(result.outcome)}
                | {"cached": result.cached, "key": cell.key}
            )
    metrics = list(
        dict.fromkeys([*METRICS, *(name for r in results.values() for name in r.scores)])
    )
    columns = ["prior", "task", "image", "seed", "status", *metrics, "seconds", "peak_mb"]
    columns += ["stop", "peak", "peak_psnr"]
    columns += ["threads", "slots", "device", "machine", *SIZES]
    columns += ["cached", "measurement", "output", "beside", "key", "message"]
    table = pd.DataFrame(rows, columns=columns)
    texts = ["device", "machine", "measurement", "output", "beside", "key", "message"]
    whole = [*SIZES, "threads", "slots", "stop", "peak"]
    kinds: dict[str, Any] = dict.fromkeys(whole, "Int64")
    kinds |= dict.fromkeys([*metrics, "seconds", "peak_mb", "peak_psnr"], float)
    table["cached"] = table["cached"].eq(True)
    table[texts] = table[texts].fillna("")
    return table.astype(kinds)


def _beside(outcome: Outcome) -> str:
    """Return which pictures stand beside the restored one, and how to read them."""
    return "; ".join(legend(name, white) for name, (_, white) in outcome.pictures().items())


def load(run: str | Path, out: Path = Path("results")) -> Run:
    """Return an earlier run, named by its folder or by its name in the results folder `out`.

    Raises
    ------
    UsageError
        If there is no such run, or it was cut short.
    """
    path = next((path for path in (Path(run), out / run) if path.is_dir()), None)
    if path is None:
        known = sorted(file.parent.name for file in out.glob("*/run.json"))
        raise UsageError(f"there is no run {run} in {out} (runs: {', '.join(known) or 'none'})")
    folder = RunFolder(path)
    info = folder.info()
    return Run(path, folder.rows(), info)
