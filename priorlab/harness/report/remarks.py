"""Remarks on the cells of one prior on one task: what went wrong, and how often."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from priorlab.harness.results.schema import METRICS

LONGEST = 120
"""Characters that a table has room for of why a restoration failed."""


def remarks(rows: pd.DataFrame, metrics: list[str], cells: int) -> list[str]:
    """Say what went wrong in the cells of a prior and how often; empty if nothing did.

    Parameters
    ----------
    rows : DataFrame
        A row per image and seed.
    metrics : list of str
        Columns that should have a value where a prior restored the image.
    cells : int
        How many images and seeds the task has.

    Examples
    --------
    >>> rows = pd.DataFrame({"status": ["ok", "failed"], "message": ["", "out of memory"]})
    >>> rows = rows.assign(psnr=[30.0, None], converged=[False, None], batch=None, throughput=None)
    >>> remarks(rows, ["psnr"], cells=3)
    ['1 failed: out of memory', '1 of 1 did not converge', '1 not run']
    """
    is_good = rows["status"] == "ok"
    found: list[str] = []
    good = rows
    if not is_good.all():  # to choose among rows takes long
        good = rows[is_good]
        found += [
            f"{len(group)} {status}" + _reason(group["message"])
            for status, group in rows[~is_good].groupby("status", sort=True)
        ]
    for metric in metrics:
        values = good[metric]
        if values.isna().any():
            said = f"metric {metric} failed"
            found.append(_without(label(metric), said, good[values.isna()]))
        # An infinite PSNR counts as a large one: see `statistics.scores`.
        infinite = 0 if metric == "psnr" else int(values.astype(float).abs().eq(math.inf).sum())
        if infinite:
            found.append(f"{infinite} with infinite {label(metric)}, which has no mean")
    is_lost = good["batch"].notna() & good["throughput"].isna()
    if is_lost.any():
        found.append(_without("throughput", "no throughput", good[is_lost]))
    iterated = good["converged"].dropna().astype(bool)
    if not iterated.all():
        found.append(f"{int((~iterated).sum())} of {len(iterated)} did not converge")
    if len(rows) < cells:
        found.append(f"{cells - len(rows)} not run")
    return found


CONDITIONS = ("machine", "device", "threads")
"""Columns that decide what seconds are worth."""


Conditions = tuple[str, ...]
"""A value of each of `CONDITIONS`, as texts."""


def usual_conditions(rows: pd.DataFrame) -> Conditions | None:
    """Return under which conditions most rows have seconds; None where none has any."""
    counts = pd.DataFrame(_conditions(rows), columns=CONDITIONS).value_counts()
    return counts.index[0] if len(counts) else None


def timed_elsewhere(rows: pd.DataFrame, usual: Conditions | None) -> list[str]:
    """Say which seconds of a prior were not taken under the usual conditions.

    Parameters
    ----------
    rows : DataFrame
        Those of the prior: a row per image and seed.
    usual : tuple of str, optional
        What `usual_conditions` returns of the rows of all priors.

    Examples
    --------
    >>> task = pd.DataFrame({"status": "ok", "machine": ["old", "new", "new"]})
    >>> task = task.assign(device="cpu", threads=1)
    >>> usual = usual_conditions(task)
    >>> timed_elsewhere(task.head(1), usual), timed_elsewhere(task.tail(2), usual)
    (['seconds do not compare: old, not new'], [])
    """
    own = _conditions(rows)
    if not own or usual is None:
        return []
    found = dict(zip(CONDITIONS, map(dict.fromkeys, zip(*own, strict=True)), strict=True))
    most = dict(zip(CONDITIONS, usual, strict=True))
    differing = [name for name in CONDITIONS if list(found[name]) != [most[name]]]
    theirs = (_among(name, found[name]) for name in differing)
    ours = (_among(name, [most[name]]) for name in differing)
    text = f"{', '.join(theirs)}, not {', '.join(ours)}"
    return [f"seconds do not compare: {text}"] if differing else []


def _conditions(rows: pd.DataFrame) -> list[Conditions]:
    """Return under which conditions rows have seconds, as texts; empty where not known."""
    known = rows.loc[rows["status"] == "ok", list(CONDITIONS)]
    values = zip(*(known[name].tolist() for name in CONDITIONS), strict=True)
    return [tuple("" if pd.isna(value) else str(value) for value in row) for row in values]


def _among(name: str, values: Iterable[str]) -> str:
    found = " and ".join(value or "unknown" for value in values)
    return f"{found} thread{'s' * (found != '1')}" if name == "threads" else found


def label(metric: str) -> str:
    """Return how a text names a metric.

    Examples
    --------
    >>> label("psnr"), label("lpips")
    ('PSNR', 'lpips')
    """
    return metric.upper() if metric in METRICS else metric


def one_line(text: str) -> str:
    """Return a text as one line of at most `LONGEST` characters.

    Examples
    --------
    >>> one_line("out of\\n  memory"), len(one_line("out of memory " * 100))
    ('out of memory', 120)
    """
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


def _without(what: str, said: str, rows: pd.DataFrame) -> str:
    """Say of how many rows something is not known, and why, as their messages say it."""
    reasons = rows["message"].str.extract(rf"{said}: (.*?)(?:; metric \S+ failed: |$)")[0]
    return f"{len(rows)} without {what}" + _reason(reasons)


def _reason(messages: pd.Series[str]) -> str:
    """Return the most frequent message, introduced by a colon, and how many others there are."""
    reasons = messages.dropna().map(one_line)
    counts = reasons[reasons != ""].value_counts()
    if not len(counts):
        return ""
    others = len(counts) - 1
    return f": {counts.index[0]}" + f" (and {others} other reason{'s' * (others > 1)})" * (
        others > 0
    )
