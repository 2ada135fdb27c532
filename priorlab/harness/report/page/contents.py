"""What the script of a page needs to know of a run, as JSON takes it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from priorlab.ground.escaping import terminal
from priorlab.harness.report import statistics
from priorlab.harness.report.line import MAIN, Line
from priorlab.harness.report.page.pictures import Pictures
from priorlab.harness.report.remarks import label
from priorlab.harness.results.runs import Run
from priorlab.harness.results.schema import LABELS, METRICS, Outcome
from priorlab.harness.results.shown import cell_file, cell_folder, seed_suffix


def metrics_of(run: Run) -> list[str]:
    """Return the metrics of a run that its rows have, PSNR first."""
    further = (name for name in run.header.metrics if name not in METRICS)
    return [*METRICS, *(name for name in further if name in run.rows)]


def contents(
    run: Run, lines: Sequence[Line], outcomes: Mapping[str, Outcome], pictures: Pictures
) -> dict[str, Any]:
    """Return what a page shows besides its tables.

    Parameters
    ----------
    run : Run
        With at least one row.
    lines : sequence of Line
        Those of its tables.
    outcomes : mapping of str to Outcome
        What the store knows of its cells, by key; empty if there is none.
    pictures : Pictures
        Where the pictures of the run are added.
    """
    rows, metrics = run.rows, metrics_of(run)
    first = statistics.first_seed(rows)
    names = {kind: list(dict.fromkeys(rows[kind])) for kind in ("prior", "task", "image")}
    places = {kind: {name: i for i, name in enumerate(known)} for kind, known in names.items()}
    lower = set(run.header.lower_is_better)
    return {
        "priors": [terminal(name) for name in names["prior"]],
        "tasks": [terminal(name) for name in names["task"]],
        "images": [terminal(name) for name in names["image"]],
        "metrics": [{"label": label(name), "lower": name in lower} for name in metrics],
        "cells": [
            [
                *(places[kind][line[kind]] for kind in places),
                int(line["seed"]),
                _number(line["seconds"]),
                *(_score(line[name], name) for name in metrics),
            ]
            for line in rows[rows["status"] == "ok"].to_dict("records")
        ],
        "means": [
            {
                "prior": places["prior"][line.prior],
                "task": places["task"][line.task],
                "seconds": line.seconds,
                "values": [line.metrics[name].mean for name in metrics],
                "complete": line.psnr.rank is not None,
            }
            for line in lines
            if line.kind == "measured" and line.psnr.mean is not None
        ],
        "curves": _curves(first, outcomes, places),
        "views": _views(run.folder / "images", first, places, pictures),
    }


def _curves(
    rows: pd.DataFrame, outcomes: Mapping[str, Outcome], places: Mapping[str, Mapping[str, int]]
) -> list[dict[str, Any]]:
    """Return the curves of rows that have a course."""
    found = []
    for line in rows.to_dict("records"):
        outcome = outcomes.get(line["key"])
        points = outcome.points() if outcome else []
        if outcome is None or line["status"] != "ok" or len(points) < 2:
            continue
        oracle = [outcome.oracle_step, _score(outcome.oracle_psnr, MAIN)]
        facts = {kind: places[kind][line[kind]] for kind in places}
        last = points[-1][0] if outcome.stop is None else outcome.stop
        stop = {
            "stop": [last, _score(line[MAIN], MAIN), _number(line["seconds"])],
            "oracle": oracle,
        }
        found.append(facts | {"points": points} | stop)
    return found


def _views(
    folder: Path,
    rows: pd.DataFrame,
    places: Mapping[str, Mapping[str, int]],
    pictures: Pictures,
) -> list[dict[str, Any]]:
    """Return the pictures of each task and image, of which rows have one seed."""
    found = []
    for (task, image), cells in rows.groupby(["task", "image"], sort=False):
        place = folder / cell_folder({"task": task, "image": image})
        seed = int(cells["seed"].iloc[0])
        restored = []
        for line in cells[cells["status"] == "ok"].to_dict("records"):
            name = pictures.add(place / cell_file({c.name: line[c.name] for c in LABELS}))
            if name:
                scores = [_score(line[name], name) for name in METRICS]
                restored.append([places["prior"][line["prior"]], name, *scores])
        if not restored:
            continue
        found.append(
            {
                "task": places["task"][str(task)],
                "image": places["image"][str(image)],
                "seed": seed,
                "clean": pictures.add(place / "_clean.png"),
                "measured": pictures.add(place / f"_measured{seed_suffix(seed)}.png"),
                "restored": restored,
            }
        )
    return found


def without(views: Sequence[dict[str, Any]], missing: set[str]) -> list[dict[str, Any]]:
    """Return views without pictures that cannot be shown after all."""
    found = []
    for view in views:
        restored = [entry for entry in view["restored"] if entry[1] not in missing]
        named = {k: "" if view[k] in missing else view[k] for k in ("clean", "measured")}
        if restored:
            found.append(view | named | {"restored": restored})
    return found


def _score(value: Any, metric: str) -> float | None:
    """Return a score for JSON: an exact image has the PSNR that it counts as in tables."""
    if metric == MAIN and value is not None and not pd.isna(value):
        value = min(value, statistics.PSNR_CAP)
    return _number(value)


def _number(value: Any) -> float | None:
    """Return a number for JSON, which knows neither NaN nor infinity."""
    if value is None or pd.isna(value) or not math.isfinite(value):
        return None
    return float(f"{value:.6g}")
