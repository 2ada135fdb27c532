"""From the lines of a summary to sheets: which columns a table has, and what its cells say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from priorlab.harness.report import notes, oracle, published
from priorlab.harness.report.formats import Sheet, TextCell, TextColumn
from priorlab.harness.report.line import Line
from priorlab.harness.report.remarks import one_line
from priorlab.harness.results.header import Header
from priorlab.harness.results.schema import METRICS

Written = tuple[TextColumn, Callable[[Line], TextCell]]
"""A column, and how a line is written in it."""

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
    """
    idle, lines = _idle(lines, rows)
    reference = next(line.psnr.reference for line in lines if line.kind == "measured")
    first = next((line.prior for line in lines if line.psnr.rank == 1), "")
    against = "best" if reference in ("", first) else "reference"
    remarked = [line for line in lines if line.remarks]
    columns = _columns(lines, rows, reference, against, full=full)
    if remarks_in_column and remarked:
        columns.append((TextColumn("remarks", numeric=False), lambda line: TextCell(line.remarks)))
    theirs = [(line.prior, line.psnr.mean or 0.0, line.check) for line in lines]
    below = [f"Not for this task: {idle}."] if idle else []
    if not remarks_in_column:
        below += [f"{line.prior}: {line.remarks}" for line in remarked]
    below += [remark] if remark else []
    below += notes.below(task, lines, rows, header, reference, full=full)
    return Sheet(
        title=task + (f" on {header.dataset}" if header.dataset else ""),
        columns=[column for column, _ in columns],
        lines=[[write(line) for _, write in columns] for line in lines],
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
    lines: Sequence[Line], rows: pd.DataFrame, reference: str, against: str, *, full: bool
) -> list[Written]:
    """Return the columns of a table, but for that of the remarks."""
    statuses = {str(prior): set(group) for prior, group in rows.groupby("prior")["status"]}
    measured = next(line for line in lines if line.kind == "measured")
    further = [name for name in measured.metrics if name not in METRICS]
    columns: list[Written] = [
        (TextColumn("#"), lambda line: TextCell(_text(line.psnr.rank, "d"))),
        (TextColumn("prior", numeric=False), _prior),
        (TextColumn("PSNR (dB)" + CI), partial(_psnr, statuses=statuses)),
        (TextColumn("SSIM"), partial(_metric, name="ssim", pattern=".4f", interval=False)),
    ]
    for name in further:
        write = partial(_metric, name=name, pattern=".4g", interval=full)
        columns.append((TextColumn(name + CI * full), write))
    write = partial(_difference, reference=reference, against=against, interval=full)
    columns.append((TextColumn(f"vs {against}" + f" (dB){CI}" * full), write))
    if full:
        columns.append((TextColumn("wins"), _wins))
    columns.append((TextColumn("s/image"), lambda line: TextCell(seconds_text(line.seconds))))
    if full and any(line.cpu_seconds is not None for line in lines):
        columns.append((TextColumn("CPU s"), lambda line: TextCell(seconds_text(line.cpu_seconds))))
    if any(line.throughput is not None for line in lines):
        columns.append(
            (TextColumn("images/s"), lambda line: TextCell(_text(line.throughput, ".3g")))
        )
    columns.append((TextColumn("ok"), _ok))
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


def _prior(line: Line) -> TextCell:
    return TextCell(line.prior, " (published)" * (line.kind == "published"))


def _psnr(line: Line, statuses: dict[str, set[str]]) -> TextCell:
    """Return mean and interval, or in a word why there is none."""
    if line.psnr.mean is None:
        why = statuses[line.prior]
        return TextCell(next(iter(why)) if len(why) == 1 else "no result")
    return _metric(line, "psnr", ".2f", interval=True)


def _metric(line: Line, name: str, pattern: str, *, interval: bool) -> TextCell:
    """Return the mean, bold if the prior leads, with its interval or without."""
    figures = line.metrics.get(name)
    if figures is None:
        return TextCell("-")
    detail = ""
    if interval and figures.low is not None and figures.high is not None:
        detail = f" [{figures.low:{pattern}}, {figures.high:{pattern}}]"
    return TextCell(_text(figures.mean, pattern), detail, bold=bool(figures.leads))


def _difference(line: Line, reference: str, against: str, *, interval: bool) -> TextCell:
    """Return the difference to the reference; of the reference itself the word for it."""
    if line.prior == reference and line.kind == "measured":
        return TextCell(against)
    low, high = line.psnr.difference_low, line.psnr.difference_high
    detail = ""
    if interval and low is not None and high is not None:
        detail = f" [{low:+.2f}, {high:+.2f}]"
    return TextCell(_text(line.psnr.difference, "+.2f"), detail)


def _wins(line: Line) -> TextCell:
    wins = line.psnr.wins
    return TextCell("-" if wins is None else f"{100 * wins:.0f} %")


def _ok(line: Line) -> TextCell:
    return TextCell("-" if line.cells is None else f"{line.cells_ok}/{line.cells}")


def _text(value: float | None, pattern: str) -> str:
    return "-" if value is None else format(value, pattern)


def seconds_text(value: float | None) -> str:
    """Return a duration with two or three significant digits."""
    if value is None:
        return "-"
    if value < 0.001:
        return "<0.001"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.1 else f"{value:.2g}"
