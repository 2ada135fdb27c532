"""The figures of a comparison table: from a row per cell to a line per prior and task."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from priorlab.errors import UsageError
from priorlab.harness.report import inference, oracle, published, statistics
from priorlab.harness.report.line import MAIN, Line, MetricFigures
from priorlab.harness.report.oracle import OracleFigures
from priorlab.harness.report.published import Check
from priorlab.harness.report.remarks import remarks, timed_elsewhere, usual_conditions
from priorlab.harness.results import schema
from priorlab.harness.results.schema import METRICS
from priorlab.suites.published import Published


def lines(
    rows: pd.DataFrame,
    *,
    reference: str | None = None,
    known: str = "",
    own: Sequence[Published] = (),
    partial: Collection[str] = (),
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
    known : str
        The public set that the images are; it decides which published figures are added.
    own : sequence of Published
        Those of the suite that was run.
    partial : collection of str
        Tasks whose rows are of some of the images only: published figures are not of these.
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
        names = ", ".join(sorted(set(rows["prior"])))
        raise UsageError(f"the reference prior {reference!r} is not in the results ({names})")
    directions = {name: name not in lower_is_better for name in (*METRICS, *further)}
    found: list[Line] = []
    for task, group in rows.groupby("task", sort=False):
        measured = _of_task(str(task), group, directions, reference)
        theirs = [] if task in partial else published.figures(known, str(task), own)
        images = group["image"].nunique()
        found += sorted([*measured, *_published(theirs, own, measured, images)], key=_order)
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
        elif name == "check":
            checks = _columns(Check, values)
            facts |= {f"check_{fact}": column for fact, column in checks.items()}
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
    usual = usual_conditions(rows)
    found = []
    for name, group in rows.groupby("prior", sort=False):
        prior = str(name)
        is_good = (group["status"] == "ok") & group[MAIN].notna()
        good = group if is_good.all() else group[is_good]
        images_ok = int(scores[MAIN][prior].count())
        partly = [f"mean over {images_ok} of {images} images, not ranked"]
        said = partly * (0 < images_ok < images) + remarks(group, list(directions), cells)
        said += timed_elsewhere(group, usual)
        found.append(
            Line(
                task=task,
                prior=prior,
                metrics={metric: figures[metric][prior] for metric in directions},
                seconds=statistics.median(good, "seconds"),
                cpu_seconds=statistics.median(good, "cpu_seconds"),
                peak_mb=_most(good, "peak_mb"),
                throughput=statistics.median(good, "throughput"),
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


def _published(
    theirs: Sequence[Published],
    own: Sequence[Published],
    measured: Sequence[Line],
    images: int,
) -> list[Line]:
    """Return what papers report on the same task and images."""
    ours = {line.prior: line for line in measured}
    found = []
    for entry in theirs:
        check = None
        if entry.prior and entry in own:
            line = ours.get(entry.prior)
            whole = line is not None and line.psnr.rank is not None
            mean = line.psnr.mean if line is not None and whole else None
            check = published.check(entry, mean, run=line is not None)
        metrics = {MAIN: MetricFigures(mean=entry.psnr)}
        if entry.ssim is not None:
            metrics["ssim"] = MetricFigures(mean=entry.ssim)
        found.append(
            Line(
                task=entry.task,
                prior=entry.method,
                kind="published",
                metrics=metrics,
                images=images,
                remarks=f"published: {entry.source}",
                check=check,
            )
        )
    return found


def _order(line: Line) -> tuple[int, float, str]:
    """Sort by PSNR; then what has no rank, then what has no value: they do not compare."""
    mean, rank = line.psnr.mean, line.psnr.rank
    comparable = line.kind == "published" or rank is not None
    group = 0 if comparable else 1 if mean is not None else 2
    return group, -mean if mean is not None else 0.0, line.prior


def _most(rows: pd.DataFrame, column: str) -> float | None:
    """Return the largest value of a column; None if nothing is known of it."""
    known = rows[column].dropna()
    return float(known.max()) if len(known) else None
