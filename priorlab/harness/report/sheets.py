"""From the lines of a summary to sheets: which columns a table has, and what its cells say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

import pandas as pd

from priorlab.harness.report import figures, notes, oracle, published
from priorlab.harness.report.figures import heading
from priorlab.harness.report.formats import Sheet, TextCell, TextColumn
from priorlab.harness.report.line import Line
from priorlab.harness.report.remarks import one_line
from priorlab.harness.results.header import Header
from priorlab.harness.results.schema import METRICS

Written = dict[str, tuple[TextColumn, Callable[[Line], TextCell]]]
"""Columns, by what table.csv calls the fact in them, and how a line is written in each."""

FACTS = (
    *("psnr_rank", "psnr_difference", "psnr_wins", *figures.COSTS, "throughput"),
    *("cells_ok", "remarks"),
)
"""What a table of one task can show beside the metrics."""

CI = " [95 % CI]"


def sheet(
    task: str,
    lines: Sequence[Line],
    rows: pd.DataFrame,
    header: Header,
    remark: str = "",
    *,
    full: bool,
    remarks_in_column: bool,
    chosen: Sequence[str] | None = None,
    title: str = "",
) -> Sheet:
    """Return the table of one task.

    Parameters
    ----------
    task : str
        Its spec.
    lines : sequence of Line
        Those of the task, in order.
    rows : DataFrame
        Those of the task: a row per prior, image and seed.
    header : Header
        What is known besides.
    remark : str
        What a reader must know of the images of all tasks.
    full : bool
        True for a document, False for a terminal, which has room for fewer columns and notes.
    remarks_in_column : bool
        Remarks are long: where the page is narrow they go below the table.
    chosen : sequence of str, optional
        The columns to show beside the prior, by the names of table.csv; by default all that say
        something.
    title : str
        Of the task, where it is not to be its spec.
    """
    idle, lines = _idle(lines, rows)
    reference = next(line.psnr.reference for line in lines if line.kind == "measured")
    first = next((line.prior for line in lines if line.psnr.rank == 1), "")
    against = "best" if reference in ("", first) else "reference"
    remarked = [line for line in lines if line.remarks]
    columns = _columns(
        lines,
        rows,
        reference,
        against,
        full=full,
        asked=chosen or (),
        lower_is_better=header.lower_is_better,
    )
    if (remarks_in_column and remarked) or "remarks" in (chosen or ()):
        columns["remarks"] = (TextColumn("remarks", numeric=False), _remarks)
    if chosen is not None:
        columns = {name: columns[name] for name in ("prior", *chosen)}
    theirs = [(line.prior, line.psnr.mean or 0.0, line.check) for line in lines]
    below = [f"Not for this task: {idle}."] if idle else []
    if not remarks_in_column:
        below += [f"{line.prior}: {line.remarks}" for line in remarked]
    below += [remark] if remark else []
    if reference and "psnr_difference" in columns and not _has_result(rows, reference):
        below.append(f"{reference} has no result here: nothing is compared with it.")
    below += notes.below(task, lines, rows, header, reference, full=full, shown=columns)
    return Sheet(
        title=(title or task) + (f" on {header.dataset}" if header.dataset else ""),
        columns=[column for column, _ in columns.values()],
        lines=[[write(line) for _, write in columns.values()] for line in lines],
        notes=below,
        further=[
            part
            for part in (
                published.sheet(task, theirs),
                oracle.sheet(task, [(line.prior, line.oracle) for line in lines]),
            )
            if part is not None
        ],
    )


def _columns(
    lines: Sequence[Line],
    rows: pd.DataFrame,
    reference: str,
    against: str,
    *,
    full: bool,
    asked: Sequence[str] = (),
    lower_is_better: Collection[str] = (),
) -> Written:
    """Return the columns of a table, but for that of the remarks.

    What no line has is a column only where it is asked for.
    """
    statuses = {str(prior): set(group) for prior, group in rows.groupby("prior")["status"]}
    measured = next(line for line in lines if line.kind == "measured")
    further = [name for name in measured.metrics if name not in METRICS]
    columns: Written = {
        "psnr_rank": (TextColumn("#", spare=8, falling=True), _rank),
        "prior": (TextColumn("prior", numeric=False), _prior),
        "psnr": (TextColumn(heading("psnr") + CI), partial(_psnr, statuses=statuses)),
        "ssim": (
            TextColumn(heading("ssim"), spare=3),
            partial(_metric, name="ssim", interval=False),
        ),
    }
    for name in further:
        write = partial(_metric, name=name, interval=full)
        falling = name in lower_is_better
        columns[name] = (TextColumn(name + CI * full, spare=2, falling=falling), write)
    write = partial(_difference, reference=reference, against=against, interval=full)
    title = f"vs {against}" + f" (dB){CI}" * full
    columns["psnr_difference"] = (TextColumn(title, spare=6), write)
    if full:
        columns["psnr_wins"] = (TextColumn("wins"), _wins)
    spared = {"seconds": 5}
    if "cpu_seconds" in asked or (full and any(line.cpu_seconds is not None for line in lines)):
        spared["cpu_seconds"] = 7
    if "peak_mb" in asked:
        spared["peak_mb"] = 7
    if "throughput" in asked or any(line.throughput is not None for line in lines):
        spared["throughput"] = 7
    for name, spare in spared.items():
        column = TextColumn(heading(name), spare=spare, falling=name in figures.COSTS)
        columns[name] = (column, partial(_fact, name=name))
    columns["cells_ok"] = (TextColumn("ok", spare=4), _ok)
    return columns


def _idle(lines: Sequence[Line], rows: pd.DataFrame) -> tuple[str, Sequence[Line]]:
    """Return in words which priors support no cell of the task, and the lines of the others.

    If none supports any, all keep their lines.
    """
    apart = rows.groupby("prior")["status"].agg(lambda statuses: set(statuses) == {"unsupported"})
    if apart.all():
        return "", lines
    reasons: dict[str, list[str]] = {}
    for prior in apart.index[apart]:
        message = rows.loc[rows["prior"] == prior, "message"].iloc[0]
        reasons.setdefault(one_line(message), []).append(prior)
    text = "; ".join(f"{', '.join(priors)} ({reason})" for reason, priors in reasons.items())
    return text, [line for line in lines if line.kind != "measured" or not apart[line.prior]]


def _has_result(rows: pd.DataFrame, prior: str) -> bool:
    return bool(((rows["prior"] == prior) & (rows["status"] == "ok")).any())


def _rank(line: Line) -> TextCell:
    return TextCell("-" if line.psnr.rank is None else str(line.psnr.rank))


def _remarks(line: Line) -> TextCell:
    return TextCell(line.remarks)


def _fact(line: Line, name: str) -> TextCell:
    return TextCell(figures.written(getattr(line, name), name))


def _prior(line: Line) -> TextCell:
    return TextCell(line.prior, " (published)" * (line.kind == "published"))


def _psnr(line: Line, statuses: dict[str, set[str]]) -> TextCell:
    """Return mean and interval, or in a word why there is none."""
    if line.psnr.mean is None:
        why = statuses[line.prior]
        return TextCell(next(iter(why)) if len(why) == 1 else "no result")
    return _metric(line, "psnr", interval=True)


def _metric(line: Line, name: str, *, interval: bool) -> TextCell:
    """Return the mean, bold if the prior leads, with its interval or without."""
    found = line.metrics.get(name)
    if found is None:
        return TextCell("-")
    detail = ""
    if interval and found.low is not None and found.high is not None:
        ends = [figures.written(end, name) for end in (found.low, found.high)]
        detail = f" [{', '.join(ends)}]"
    return TextCell(figures.written(found.mean, name), detail, bold=bool(found.leads))


def _difference(line: Line, reference: str, against: str, *, interval: bool) -> TextCell:
    """Return the difference to the reference; of the reference itself the word for it."""
    if line.prior == reference and line.kind == "measured":
        return TextCell(against)
    low, high = line.psnr.difference_low, line.psnr.difference_high
    detail = ""
    if interval and low is not None and high is not None:
        detail = f" [{low:+.2f}, {high:+.2f}]"
    mean = line.psnr.difference
    return TextCell("-" if mean is None else f"{mean:+.2f}", detail)


def _wins(line: Line) -> TextCell:
    wins = line.psnr.wins
    return TextCell("-" if wins is None else f"{100 * wins:.0f} %")


def _ok(line: Line) -> TextCell:
    return TextCell("-" if line.cells is None else f"{line.cells_ok}/{line.cells}")
