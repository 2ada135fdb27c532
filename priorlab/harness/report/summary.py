"""The figures of a comparison table: from a row per cell to a line per prior and task."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from priorlab.errors import UsageError
from priorlab.harness.report import inference, oracle, published, statistics
from priorlab.harness.report.oracle import OracleFigures
from priorlab.harness.report.remarks import remarks
from priorlab.harness.results import schema
from priorlab.harness.results.schema import METRICS

MAIN = METRICS[0]
"""The metric that decides the order of the lines: PSNR."""


@dataclasses.dataclass(frozen=True)
class MetricFigures:
    """What a table says of a prior in one metric.

    Attributes
    ----------
    mean : float or None
        Over the images that the prior restored; None if there are none.
    low, high : float or None
        The 95 % interval of the mean.
    rank : int or None
        By the mean, for priors that restored every image.
    leads : bool
        Whether the prior is the best or not separable from it.
    reference : str
        The prior that it is compared with; empty if there is none.
    difference, difference_low, difference_high : float or None
        Mean of prior minus reference, and its interval, adjusted for the number of priors.
    wins : float or None
        Share of the images on which it is better than the reference.
    p : float or None
        Holm-adjusted p of the Wilcoxon signed-rank test.
    """

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    rank: int | None = None
    leads: bool | None = None
    reference: str = ""
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    wins: float | None = None
    p: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a table: a prior on a task.

    Attributes
    ----------
    kind : str
        "measured", or "published": copied from a paper, then only the mean is known.
    metrics : mapping of str to MetricFigures
        By the metric's name.
    seconds : float or None
        Median over images of the duration of the restoration.
    cpu_seconds : float or None
        The same of what all processors together spent on it; None where that was not measured.
    throughput : float or None
        Median over images of the images per second, where several were restored at once.
    images, images_ok : int
        Images of the task, and those that have a value for every seed.
    cells, cells_ok : int
        The same for images and seeds together.
    remarks : str
        What a reader must know of it.
    oracle : OracleFigures or None
        For priors that choose when to stop.
    """

    task: str
    prior: str
    kind: str = "measured"
    metrics: Mapping[str, MetricFigures]
    seconds: float | None = None
    cpu_seconds: float | None = None
    throughput: float | None = None
    images: int
    images_ok: int | None = None
    cells: int | None = None
    cells_ok: int | None = None
    remarks: str = ""
    oracle: OracleFigures | None = None

    @property
    def psnr(self) -> MetricFigures:
        """The figures that decide the order of the lines."""
        return self.metrics[MAIN]


def lines(
    rows: pd.DataFrame,
    *,
    reference: str | None = None,
    dataset: str = "",
    further: Sequence[str] = (),
    lower_is_better: Collection[str] = (),
) -> list[Line]:
    """Return a line for every prior of every task, the best PSNR of a task first.

    Priors that did not restore every image have no rank and come after the others.

    Parameters
    ----------
    rows : DataFrame
        A row per prior x task x image x seed, as `schema.frame` returns them.
    reference : str, optional
        The prior that others are compared with; by default the best one of each task.
    dataset : str
        Name of the image set; it decides which published results are added.
    further : sequence of str
        Metrics of plugins, columns of the rows.
    lower_is_better : collection of str
        Those of the metrics of which it holds.

    Raises
    ------
    UsageError
        If there are no rows, or the reference is not among the priors.

    Examples
    --------
    >>> labels = {"task": "denoise", "image": "house", "seed": 0, "status": "ok"}
    >>> known = labels | {"ssim": 0.9, "seconds": 0.1}
    >>> scores = [{"prior": "nlm", "psnr": 29.0}, {"prior": "tv", "psnr": 30.0}]
    >>> [(line.prior, line.psnr.rank) for line in lines(schema.frame(known | s for s in scores))]
    [('tv', 1), ('nlm', 2)]
    """
    if rows.empty:
        raise UsageError("there are no results yet to make a table of")
    if reference is not None and reference not in set(rows["prior"]):
        known = ", ".join(sorted(set(rows["prior"])))
        raise UsageError(f"the reference prior {reference!r} is not in the results ({known})")
    directions = {name: name not in lower_is_better for name in (*METRICS, *further)}
    found: list[Line] = []
    for task, group in rows.groupby("task", sort=False):
        measured = _of_task(str(task), group, directions, reference)
        found += sorted([*measured, *_published(str(task), group, dataset)], key=_order)
    return found


def table(found: Sequence[Line]) -> pd.DataFrame:
    """Return lines as a table: a column for each of their facts, by metric where there are more.

    The mean in a metric has the metric's name; its rank is ``psnr_rank``, and so on.

    Examples
    --------
    >>> metrics = {"psnr": MetricFigures(mean=30.0)}
    >>> line = Line(task="denoise", prior="tv", metrics=metrics, images=1)
    >>> table([line])[["task", "prior", "psnr"]].to_dict("records")
    [{'task': 'denoise', 'prior': 'tv', 'psnr': 30.0}]
    """
    metrics = dict.fromkeys(name for line in found for name in line.metrics)
    facts: dict[str, pd.Series[Any]] = {}
    for name, kind in schema.kinds(Line).items():
        values = [getattr(line, name) for line in found]
        if name == "metrics":
            for metric in metrics:
                figures = _columns(MetricFigures, [of_line.get(metric) for of_line in values])
                facts[metric] = figures.pop("mean")
                facts |= {f"{metric}_{fact}": column for fact, column in figures.items()}
        elif name == "oracle":
            facts |= _columns(OracleFigures, values)
        else:
            facts[name] = schema.cast(kind, pd.Series(values, dtype=object))
    return pd.DataFrame(facts)


def _columns(cls: type, parts: Sequence[Any]) -> dict[str, pd.Series[Any]]:
    """Return the facts of objects of a class, some of them None, as columns."""
    return {
        name: schema.cast(
            kind, pd.Series([getattr(part, name, None) for part in parts], dtype=object)
        )
        for name, kind in schema.kinds(cls).items()
    }


def _of_task(
    task: str, rows: pd.DataFrame, directions: Mapping[str, bool], reference: str | None
) -> list[Line]:
    """Return the lines of what was measured on one task."""
    images = rows["image"].nunique()
    cells = len(rows[["image", "seed"]].drop_duplicates())
    scores = {metric: statistics.scores(rows, metric) for metric in directions}
    figures = {
        metric: _figures(scores[metric], reference, higher_is_better=higher)
        for metric, higher in directions.items()
    }
    found = []
    for name, group in rows.groupby("prior", sort=False):
        prior = str(name)
        good = group[(group["status"] == "ok") & group[MAIN].notna()]
        images_ok = int(scores[MAIN][prior].count())
        partly = [f"mean over {images_ok} of {images} images, not ranked"]
        said = partly * (0 < images_ok < images) + remarks(group, list(directions), cells)
        found.append(
            Line(
                task=task,
                prior=prior,
                metrics={metric: figures[metric][prior] for metric in directions},
                seconds=_median(good, "seconds"),
                cpu_seconds=_median(good, "cpu_seconds"),
                throughput=_median(good, "throughput"),
                images=images,
                images_ok=images_ok,
                cells=cells,
                cells_ok=len(good),
                remarks="; ".join(said),
                oracle=oracle.figures(group),
            )
        )
    return found


def _figures(
    scores: pd.DataFrame, reference: str | None, *, higher_is_better: bool
) -> dict[str, MetricFigures]:
    """Return the figures of one metric for every prior."""
    ranks = statistics.ranks(scores, higher_is_better=higher_is_better)
    leaders = statistics.leaders(scores, higher_is_better=higher_is_better)
    anchor = reference or statistics.best(scores, higher_is_better=higher_is_better)
    against = (
        statistics.compare(scores, anchor, higher_is_better=higher_is_better) if anchor else {}
    )
    found = {}
    for prior in scores.columns:
        values = scores[prior].dropna().to_numpy(dtype=float)
        interval = inference.interval(values)
        figures = MetricFigures(
            mean=float(values.mean()) if len(values) else None,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            rank=ranks.get(prior),
            leads=prior in leaders,
            reference=anchor or "",
        )
        if other := against.get(prior):
            figures = dataclasses.replace(
                figures,
                difference=other.difference,
                difference_low=other.interval.low if other.interval else None,
                difference_high=other.interval.high if other.interval else None,
                wins=other.wins,
                p=other.p,
            )
        found[str(prior)] = figures
    return found


def _published(task: str, rows: pd.DataFrame, dataset: str) -> list[Line]:
    """Return what papers report on the same task and images."""
    if set(rows["channels"].dropna()) != {1}:
        return []
    images = rows["image"].nunique()
    return [
        Line(
            task=task,
            prior=entry.prior,
            kind="published",
            metrics={MAIN: MetricFigures(mean=entry.psnr)},
            images=images,
            remarks=f"published: {entry.source}",
        )
        for entry in published.figures(dataset, task, images)
    ]


def _order(line: Line) -> tuple[int, float, str]:
    """Sort by PSNR; then what has no rank, then what has no value: they do not compare."""
    mean, rank = line.psnr.mean, line.psnr.rank
    comparable = line.kind == "published" or rank is not None
    group = 0 if comparable else 1 if mean is not None else 2
    return group, -mean if mean is not None else 0.0, line.prior


def _median(rows: pd.DataFrame, column: str) -> float | None:
    """Return the median over images of a column; None if nothing is known of it."""
    if column not in rows:  # of a run that is older than the column
        return None
    median = float(rows.groupby("image")[column].mean().median())
    return None if math.isnan(median) else median
