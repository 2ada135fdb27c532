"""What a run returns: a row for each cell, and what the run was."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from priorlab.errors import UsageError, counted, suggestion
from priorlab.ground.escaping import without_home
from priorlab.harness.results import schema
from priorlab.harness.results.claims import check_idle
from priorlab.harness.results.folder import INFO, ROWS, RunFolder
from priorlab.harness.results.header import Header
from priorlab.harness.results.schema import FINAL, LABELS, METRICS, OUTCOME, RUN, Outcome
from priorlab.harness.results.store import Store, storable
from priorlab.pictures.extra_pictures import legend
from priorlab.suites.published import Published


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What a run knows of a cell.

    Attributes
    ----------
    outcome : Outcome
        What is stored.
    scores : mapping of str to float
        The metrics, by name.
    cached : bool
        Whether the cell was known before the run.
    failed_metrics : mapping of str to str
        For each metric that raised, what it raised.
    """

    outcome: Outcome
    scores: Mapping[str, float]
    cached: bool
    failed_metrics: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def message(self) -> str:
        """Why the status is not ok, or which metric failed."""
        failed = [f"metric {name} failed: {why}" for name, why in self.failed_metrics.items()]
        said = "; ".join([self.outcome.message] * bool(self.outcome.message) + failed)
        return without_home(said) if said else ""

    @property
    def extras(self) -> str:
        """The pictures that came with the restored one, and how to read them."""
        if not self.outcome.extras:
            return ""
        pictures = self.outcome.pictures().items()
        return "; ".join(legend(name, white) for name, (_, white) in pictures)


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
    rows: pd.DataFrame = dataclasses.field(repr=False)  # a notebook shows what a cell ends with,
    info: Mapping[str, Any] = dataclasses.field(repr=False)  # and these name every cell

    def outcomes(self) -> dict[str, Outcome]:
        """Return what the store beside the run's folder knows of its cells, by key.

        Only there are curves and logs. Nothing where the store is gone, as of published runs.
        """
        store = Store.to_read(self.folder.parent)
        if store is None:
            return {}
        with contextlib.closing(store):
            return store.outcomes(key for key in self.rows["key"] if key)

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
        """What its tables say besides the figures."""
        total, missing = int(self.info["total"]), int(self.info["total"]) - len(self.rows)
        notes = [f"Left out: {problem}." for problem in self.info["problems"]]
        notes += [f"Images: {remark}." for remark in self.info.get("remarks", ())]
        if missing:
            absent = [name for name in self.info["priors"] if name not in set(self.rows["prior"])]
            nothing = f"; nothing is there of {', '.join(absent)}" if absent else ""
            cells = f"{missing} of its {counted(total, 'cell')}"
            notes.append(f"Incomplete: the run was stopped before {cells}{nothing}.")
        suite = self.info.get("suite", {})
        source = suite.get("source", "")
        return Header(
            name=self.folder.name,
            dataset=self.info["dataset"],
            known=self.info["known_dataset"],
            images=self.info.get("images")
            or len({cell["image"] for cell in self.info.get("cells", ())}),
            protocols=self.info["tasks"],
            titles=self.info.get("titles", {}),
            tuned=self.info.get("tuned", {}),
            metrics=self.info["metrics"],
            lower_is_better=self.info.get("lower_is_better", ()),
            versions=self.info["versions"],
            command=self.info["command"],
            notes=notes,
            title=suite.get("title", ""),
            above=[*([f"Source: {source}"] if source else []), *suite.get("notes", [])],
            published=[Published(**entry) for entry in suite.get("published", [])],
        )


def to_rows(
    cells: Iterable[tuple[Mapping[str, Any], str]], results: Mapping[str, Result]
) -> pd.DataFrame:
    """Return the table of all finished cells, given the labels and the key of each, in order.

    Examples
    --------
    >>> labels = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0}
    >>> result = Result(Outcome("ok", seconds=0.5), {"psnr": 30.0, "ssim": 0.9}, cached=False)
    >>> rows = to_rows([(labels, "c0ffee")], {"c0ffee": result})
    >>> rows[["prior", "psnr", "cached"]].to_dict("records")
    [{'prior': 'tv', 'psnr': 30.0, 'cached': False}]
    """
    # Column by column: a mapping for each of 100,000 rows takes seconds, and much memory.
    columns: dict[str, list[Any]] = {column.name: [] for column in (*LABELS, *RUN)}
    found: list[Result] = []
    for labels, key in cells:
        if key in results:
            found.append(results[key])
            columns["key"].append(key)
            for column in LABELS:
                columns[column.name].append(storable(labels[column.name]))
    for column in OUTCOME:
        if not column.internal:
            columns[column.name] = [getattr(result.outcome, column.name) for result in found]
    columns["extras"] = [result.extras for result in found]
    columns["message"] = [storable(result.message) for result in found]
    columns["cached"] = [result.cached for result in found]
    measured = (name for result in found for name in (*result.scores, *result.failed_metrics))
    metrics = dict.fromkeys([*METRICS, *measured])
    for name in metrics:
        columns[name] = [result.scores.get(name, math.nan) for result in found]
    typed = {
        column.name: column.cast(pd.Series(columns.pop(column.name), dtype=object))
        for column in schema.columns(metrics)
    }
    return schema.frame(pd.DataFrame(typed))


def load(run: str | Path | Run, out: Path = Path("results")) -> Run:
    """Return an earlier run, named by its folder or by its name in the results folder `out`.

    A run that is loaded already, as `bench` returns one, stays what it is.

    Raises
    ------
    UsageError
        If there is no such run, or it was cut short, or is going on.

    Examples
    --------
    >>> load("first")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: there is no run first in results (runs: none)
    """
    if isinstance(run, Run):
        return run
    if not isinstance(run, str | Path):
        raise UsageError(
            "a run is its name, its folder, or the `run` of what bench returned, not"
            f" {type(run).__name__}"
        )
    places = [path for path in (Path(run), out / run) if path.is_dir()]
    # A folder of pictures may be called as the run that compares priors on them.
    path = next((path for path in places if (path / INFO).exists()), places[0] if places else None)
    if path is None:
        known = sorted(file.parent.name for file in out.glob("*/run.json"))
        hint = suggestion(str(run), known)
        raise UsageError(
            f"there is no run {run} in {out}{hint} (runs: {', '.join(known) or 'none'})"
        )
    if path.name in ("", ".."):  # `.` has no name to show, and no folder of results above it
        path = path.resolve()
    if not (path / ROWS).exists():
        _check_not_going_on(path.resolve())
    if not (path / INFO).exists():
        inside = sorted(file.parent for file in path.glob(f"*/{INFO}"))
        hint = f"; a run in it is {inside[0]}" if inside else ""
        raise UsageError(f"{path} is not the folder of a run: it has no {INFO}{hint}")
    folder = RunFolder(path)
    info = folder.info()
    if absent := [name for name in _NEEDED if name not in info]:
        raise UsageError(f"{path / INFO} is damaged: it does not say {', '.join(absent)}")
    rows = folder.rows()
    count = sum(info["statuses"].values()) if "statuses" in info else len(rows)
    if len(rows) != count:
        raise UsageError(
            f"{path / ROWS} is damaged: it holds {counted(len(rows), 'row')} of the run's {count}"
        )
    return Run(path, rows, info)


def _check_not_going_on(path: Path) -> None:
    """Raise a `UsageError` for a run that has no rows yet, as the store beside it knows."""
    try:
        store = Store.to_read(path.parent)
    except UsageError:
        return
    if store:
        with contextlib.closing(store):
            check_idle(store.database, path.name)


_NEEDED = (
    *("total", "dataset", "known_dataset", "problems", "priors", "tasks", "metrics", "seeds"),
    *("started", "finished", "machine", "versions", "command"),
)
"""What `run.json` has said since the first version."""
