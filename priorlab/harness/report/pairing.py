"""Two runs side by side: what both restored, and how each prior has changed between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from priorlab.errors import counted
from priorlab.harness.report import copies, statistics
from priorlab.harness.report.equivalence import MARGIN, Verdict, verdict
from priorlab.harness.report.inference import Interval, Values, holm, holm_intervals, wilcoxon
from priorlab.harness.report.line import MAIN
from priorlab.harness.report.remarks import timed_elsewhere, usual_conditions

PAIR = ("task", "prior")
CELL = (*PAIR, "image", "seed")


@dataclass(frozen=True)
class Change:
    """How a prior does on a task in the second run, compared with the first, in one metric.

    Attributes
    ----------
    images : int
        How many images both restored, with every seed that both have.
    first, second : float
        The means over these images.
    interval : Interval or None
        That of the mean difference, adjusted for the number of priors and tasks (Holm).
    p : float
        Two-sided p of the Wilcoxon signed-rank test, adjusted in the same way.
    verdict : Verdict
        What that means.
    """

    images: int
    first: float
    second: float
    interval: Interval | None
    p: float
    verdict: Verdict

    @property
    def difference(self) -> float:
        """Mean of the second run minus the first."""
        return self.second - self.first


@dataclass(frozen=True)
class Compared:
    """A prior on a task, in two runs.

    Attributes
    ----------
    task, prior : str
        Their specs; `prior` is that of the first run.
    other : str
        The spec of the same prior in the second run.
    evidence : str
        The images and seeds of which both have a result, in words.
    changes : mapping of str to Change
        By metric; empty where no image was restored by both.
    seconds : tuple of float or None
        The medians over images of both runs, None where not known.
    times_differ : str
        Why the seconds do not compare; empty if they do.
    remarks : sequence of str
        What else a reader must know.
    """

    task: str
    prior: str
    other: str
    evidence: str = ""
    changes: Mapping[str, Change] = field(default_factory=dict)
    seconds: tuple[float | None, float | None] = (None, None)
    times_differ: str = ""
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Pairing:
    """Two runs side by side.

    Attributes
    ----------
    compared : sequence of Compared
        What both have.
    only_first, only_second : sequence of str
        In words, what one of them alone has.
    remark : str
        Which images are equal and count once; empty if none are.
    """

    compared: Sequence[Compared]
    only_first: Sequence[str]
    only_second: Sequence[str]
    remark: str = ""


def pair(
    first: pd.DataFrame,
    second: pd.DataFrame,
    metrics: Sequence[str],
    lower_is_better: Collection[str] = (),
) -> Pairing:
    """Compare two runs cell by cell.

    Cells are paired by task, image, seed and prior. A prior that has other parameters in the
    second run is paired by its name, where a task has it once in each run.

    Parameters
    ----------
    first, second : DataFrame
        A row per prior x task x image x seed, as `schema.frame` returns them.
    metrics : sequence of str
        Columns that both have.
    lower_is_better : collection of str
        Those of the metrics of which it holds.

    Examples
    --------
    >>> from priorlab.harness.results import schema
    >>> labels = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0, "status": "ok"}
    >>> rows = schema.frame([labels | {"psnr": 30.0, "ssim": 0.9, "seconds": 0.1}])
    >>> str(pair(rows, rows, ["psnr"]).compared[0].changes["psnr"].verdict)
    'same'
    """
    equal = copies.names(first)
    first, second = copies.merged(first, equal), copies.merged(second, equal)
    more = copies.names(second)
    first, second = copies.merged(first, more), copies.merged(second, more)
    names = _names(first, second)
    renamed = second.assign(written=second["prior"])
    keys = zip(second["task"], second["prior"], strict=True)
    specs = [names.get(key, key[1]) for key in keys]
    renamed["prior"] = pd.Series(specs, renamed.index, second["prior"].dtype)  # also of no rows
    both = first.merge(renamed, on=list(CELL), suffixes=("", "_b"))
    good = both[(both["status"] == "ok") & (both["status_b"] == "ok")]
    differences = {metric: _differences(good, metric) for metric in metrics}
    changes: dict[tuple[str, str], dict[str, Change]] = {}
    for metric, found in differences.items():
        higher = metric not in lower_is_better
        for key, change in _changes(found, metric, higher_is_better=higher).items():
            changes.setdefault(key, {})[metric] = change
    compared = [
        _compared(str(task), str(prior), cells, changes.get((str(task), str(prior)), {}))
        for (task, prior), cells in both.groupby(list(PAIR), sort=False)
    ]
    remark = copies.note(equal | more)
    return Pairing(compared, _only(first, renamed), _only(renamed, first), remark)


def _names(first: pd.DataFrame, second: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return for (task, prior) of the second run the spec in the first, where that is another."""
    found = {}
    for task, cells in second.groupby("task", sort=False):
        specs = set(first.loc[first["task"] == task, "prior"])
        others = set(cells["prior"])
        left, right = _by_name(specs - others), _by_name(others - specs)
        for name in left.keys() & right.keys():
            if len(left[name]) == len(right[name]) == 1:
                found[str(task), right[name][0]] = left[name][0]
    return found


def _by_name(specs: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for spec in sorted(specs):
        found.setdefault(spec.partition(":")[0], []).append(spec)
    return found


def _differences(good: pd.DataFrame, metric: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Return per task and prior a metric of both runs, a row per image, averaged over seeds."""
    found = {}
    columns = [metric, f"{metric}_b"]
    for (task, prior), cells in good.groupby(list(PAIR), sort=False):
        values = cells[columns].astype(float)
        if metric == MAIN:
            values = values.clip(upper=statistics.PSNR_CAP)
        # A seed without a value in one of the runs counts in neither.
        values = values.where(np.isfinite(values)).dropna()
        means = values.groupby(cells["image"]).mean()
        if len(means):
            found[str(task), str(prior)] = means
    return found


def _changes(
    found: Mapping[tuple[str, str], pd.DataFrame], metric: str, *, higher_is_better: bool
) -> dict[tuple[str, str], Change]:
    """Return the change of each prior and task, adjusted for how many are compared."""
    values: dict[tuple[str, str], Values] = {
        key: statistics.without_rounding(
            (means.iloc[:, 1] - means.iloc[:, 0]).to_numpy(float), means
        )
        for key, means in found.items()
    }
    # What is the same but for rounding is no test whose number counts.
    tested = {key: differences for key, differences in values.items() if np.any(differences)}
    adjusted = dict(
        zip(tested, holm([wilcoxon(differences) for differences in tested.values()]), strict=True)
    )
    intervals = holm_intervals(tested)
    margin = MARGIN if metric == MAIN else None
    return {
        key: Change(
            images=len(differences),
            first=float(found[key].iloc[:, 0].mean()),
            second=float(found[key].iloc[:, 1].mean()),
            interval=intervals.get(key),
            p=adjusted.get(key, 1.0),
            verdict=verdict(
                differences, intervals.get(key), margin=margin, higher_is_better=higher_is_better
            ),
        )
        for key, differences in values.items()
    }


def _compared(
    task: str, prior: str, cells: pd.DataFrame, changes: Mapping[str, Change]
) -> Compared:
    """Return what there is to say of a prior on a task, besides the metrics."""
    other = str(cells["written"].iloc[0])
    remarks = []
    known = cells[(cells["measurement"] != "") & (cells["measurement_b"] != "")]
    if (known["measurement"] != known["measurement_b"]).any():
        remarks.append("not the same data: other images, or the noise was drawn anew")
    for before, after in (("status", "status_b"), ("status_b", "status")):
        lost = cells[(cells[before] == "ok") & (cells[after] != "ok")]
        if len(lost):
            where = "second" if after == "status_b" else "first"
            why = ", ".join(sorted(set(lost[after])))
            remarks.append(f"{len(lost)} {why} in the {where} run only")
    good = cells[(cells["status"] == "ok") & (cells["status_b"] == "ok")]
    seconds = tuple(statistics.median(good, column) for column in ("seconds", "seconds_b"))
    return Compared(
        task=task,
        prior=prior,
        other=other,
        evidence=_evidence(good),
        changes=changes,
        seconds=(seconds[0], seconds[1]),
        times_differ=_times_differ(good),
        remarks=remarks,
    )


def _evidence(good: pd.DataFrame) -> str:
    """Return of how many images and which seeds some rows are, in words; "" of none.

    Examples
    --------
    >>> _evidence(pd.DataFrame({"image": ["house", "house"], "seed": [0, 1]}))
    'compared on 1 image, seeds 0, 1'
    """
    images, seeds = good["image"].nunique(), sorted(set(good["seed"]))
    if not images:
        return ""
    named = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return f"compared on {images} image{'s' * (images > 1)}, {named}"


def _times_differ(good: pd.DataFrame) -> str:
    """Return why the seconds of two runs do not compare."""
    columns = ["status", "machine", "device", "threads", "slots"]
    before = good[columns]
    after = good[[f"{name}_b" for name in columns]].set_axis(columns, axis=1)
    usual = usual_conditions(before)
    for rows in (after, before):
        said = timed_elsewhere(rows, usual)
        if said:
            return said[0].partition(": ")[2]
    one, other = set(before["slots"]), set(after["slots"])
    if one != other:
        cells = "cell" if other == {1} else "cells"
        return f"{_numbers(other)} {cells} at a time, not {_numbers(one)}"
    return ""


def _numbers(values: Collection[int]) -> str:
    return " and ".join(map(str, sorted(values)))


def _only(rows: pd.DataFrame, others: pd.DataFrame) -> list[str]:
    """Say what the rows of one run have that those of another lack: whole axes, else cells."""
    found = []
    left = rows
    for axis in ("task", "prior", "image", "seed"):
        names = [name for name in left[axis].unique() if name not in set(others[axis])]
        if names:
            found.append(f"{axis} {', '.join(map(str, names))}")
            left = left[~left[axis].isin(names)]
    cells = left.merge(others[list(CELL)], on=list(CELL), how="left", indicator=True)
    count = int((cells["_merge"] == "left_only").sum())
    return found + ([f"{counted(count, 'cell')} of what both have"] if count else [])
