"""The figures of a comparison table: from a row per cell to a row per prior and task."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from priorlab.errors import UsageError
from priorlab.harness.report import statistics, stopping

METRICS = ("psnr", "ssim")
"""The metrics that a table compares; the first decides the order of its rows."""
NEEDED = ("prior", "task", "image", "seed", "status", *METRICS, "seconds")
"""Columns without which rows are no result of a run."""
_OF_METRIC = (
    "{}",
    "{}_low",
    "{}_high",
    "{}_leads",
    "{}_reference",
    "{}_difference",
    "{}_difference_low",
    "{}_difference_high",
    "{}_wins",
    "{}_p",
)
COLUMNS = (
    *("task", "prior", "kind", "rank"),
    *(column.format(metric) for metric in METRICS for column in _OF_METRIC),
    *("seconds", "images", "images_ok", "cells", "cells_ok", "remarks"),
    *stopping.COLUMNS,
)
"""Columns of a summary, whatever the rows."""


def summarise(
    rows: pd.DataFrame,
    *,
    reference: str | None = None,
    dataset: str = "",
    further: Sequence[str] = (),
) -> pd.DataFrame:
    """Return a row for every prior of every task, the best PSNR of a task first.

    Parameters
    ----------
    rows : DataFrame
        A row per prior x task x image x seed, with at least the columns `NEEDED`.
    reference : str, optional
        The prior that others are compared with; by default the best one of each task.
    dataset : str
        Name of the image set; it decides which published results stand beside.
    further : sequence of str
        Metrics of plugins, of which only the mean over images is given.

    Returns
    -------
    DataFrame
        For each metric: the mean over images; ``_low`` and ``_high``, its 95 % interval;
        ``_leads``, whether it is the best or not separable from it; ``_difference`` to the
        reference with ``_low`` and ``_high``, adjusted for the number of priors; ``_wins``, the
        share of images better than the reference; ``_p``, Holm-adjusted Wilcoxon. Priors that
        did not restore every image have no rank and stand after the others. For priors that
        choose when to stop, the columns of `priorlab.harness.report.stopping`.

    Raises
    ------
    UsageError
        If there are no rows, a column is missing, or the reference is not among the priors.
    """
    absent = [column for column in NEEDED if column not in rows]
    if absent:
        raise UsageError(f"the results have no column {', '.join(absent)}; is this a run?")
    if rows.empty:
        raise UsageError("there are no results yet to make a table of")
    if reference is not None and reference not in set(rows["prior"]):
        known = ", ".join(sorted(set(rows["prior"])))
        raise UsageError(f"the reference prior {reference!r} is not in the results ({known})")
    rows = rows.astype(dict.fromkeys((*METRICS, "seconds"), float))
    lines: list[dict[str, Any]] = []
    for task, group in rows.groupby("task", sort=False):
        lines += _of_task(str(task), group, reference, dataset, further)
    table = pd.DataFrame(lines).reindex(columns=[*COLUMNS, *further])
    kinds = dict.fromkeys(("rank", "images", "images_ok", "cells", "cells_ok"), "Int64")
    kinds |= {f"{metric}_leads": "boolean" for metric in METRICS}
    return table.astype(kinds)


def _of_task(
    task: str,
    rows: pd.DataFrame,
    reference: str | None,
    dataset: str,
    further: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the lines of one task, in the order of the table."""
    images = rows["image"].nunique()
    cells = len(rows[["image", "seed"]].drop_duplicates())
    lines: dict[str, dict[str, Any]] = {}
    for prior, group in rows.groupby("prior", sort=False):
        good = group[(group["status"] == "ok") & group[METRICS[0]].notna()]
        lines[str(prior)] = {
            "task": task,
            "prior": str(prior),
            "kind": "measured",
            "rank": None,
            "images": images,
            "images_ok": 0,
            "cells": cells,
            "cells_ok": len(good),
            "seconds": good.groupby("image")["seconds"].mean().median(),
            "remarks": _remarks(group, cells),
            **stopping.figures(group),
        }
    for metric in METRICS:
        for prior, figures in _figures(statistics.scores(rows, metric), metric, reference).items():
            lines[prior] |= figures
    for metric in further:
        means = statistics.scores(rows, metric).mean()
        for name in lines:
            lines[name][metric] = float(means[name])
    for line in lines.values():
        if 0 < line["images_ok"] < images:
            text = f"mean over {line['images_ok']} of {images} images, not ranked"
            line["remarks"] = "; ".join(filter(None, (text, line["remarks"])))
    gray = "channels" in rows and bool((rows["channels"].dropna() == 1).all())
    published = [
        {"task": task, "prior": entry["prior"], "kind": "published", "images": images}
        | {METRICS[0]: entry["psnr"], "remarks": f"published: {entry['source']}"}
        for entry in _published()
        if gray
        and (entry["dataset"], entry["task"], entry["images"]) == (dataset.lower(), task, images)
    ]
    return sorted([*lines.values(), *published], key=_order)


def _figures(table: pd.DataFrame, metric: str, reference: str | None) -> dict[str, dict[str, Any]]:
    """Return the figures of one metric for every prior."""
    first = metric == METRICS[0]
    complete = statistics.complete(table)
    ranks = table[complete].mean().rank(ascending=False, method="min")
    leaders = statistics.leaders(table)
    anchor = reference or statistics.best(table)
    against = statistics.compare(table, anchor) if anchor else {}
    found = {}
    for prior in table.columns:
        values = table[prior].dropna().to_numpy(dtype=float)
        spread = statistics.interval(values)
        figures: dict[str, Any] = {
            metric: values.mean() if len(values) else np.nan,
            f"{metric}_low": spread.low if spread else np.nan,
            f"{metric}_high": spread.high if spread else np.nan,
            f"{metric}_leads": prior in leaders,
            f"{metric}_reference": anchor or "",
        }
        if first:
            figures["images_ok"] = len(values)
            figures["rank"] = int(ranks[prior]) if prior in complete else None
        if prior in against:
            other = against[prior]
            figures |= {
                f"{metric}_difference": other.difference,
                f"{metric}_difference_low": other.interval.low if other.interval else np.nan,
                f"{metric}_difference_high": other.interval.high if other.interval else np.nan,
                f"{metric}_wins": other.wins,
                f"{metric}_p": other.p,
            }
        found[str(prior)] = figures
    return found


def _remarks(rows: pd.DataFrame, cells: int) -> str:
    """Say what went wrong in the cells of one prior and how often; empty if nothing did."""
    parts = []
    for status, group in rows.groupby("status", sort=True):
        if status == "ok":
            continue
        text = f"{len(group)} {status}"
        if "message" in group:
            reasons = group["message"].dropna().astype(str).map(one_line)
            counts = reasons[reasons != ""].value_counts()
            if len(counts):
                text += f": {counts.index[0]}"
            if len(counts) > 1:
                text += f" (and {len(counts) - 1} other reason{'s' * (len(counts) > 2)})"
        parts.append(text)
    unmeasured = int(((rows["status"] == "ok") & rows[METRICS[0]].isna()).sum())
    if unmeasured:
        parts.append(f"{unmeasured} without a {METRICS[0].upper()}")
    if len(rows) < cells:
        parts.append(f"{cells - len(rows)} not run")
    return "; ".join(parts)


def one_line(text: str, most: int = 120) -> str:
    """Return a text as one line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 3] + "..."


def _order(line: Mapping[str, Any]) -> tuple[int, float, str]:
    """Sort by PSNR; after them what has no rank, then what has no value: they do not compare."""
    value = line.get(METRICS[0], np.nan)
    comparable = line["kind"] == "published" or line["rank"] is not None
    group = 0 if comparable else 1 if np.isfinite(value) else 2
    return group, -value if np.isfinite(value) else 0.0, line["prior"]


@functools.cache
def _published() -> Sequence[Mapping[str, Any]]:
    """Return the entries of published.toml."""
    text = resources.files("priorlab.harness.report").joinpath("published.toml").read_text("utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text)["result"]
    return entries
