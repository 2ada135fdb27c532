"""Comparison tables: one for each task, with the protocol under which it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from priorlab.errors import unknown
from priorlab.files import write_atomically
from priorlab.harness.report import formats, notes, stopping
from priorlab.harness.report.formats import Cell, Column, Sheet
from priorlab.harness.report.notes import Header
from priorlab.harness.report.summary import METRICS, one_line, summarise

if TYPE_CHECKING:
    from rich.console import RenderableType

FORMATS = ("md", "csv", "latex")


def render(
    rows: pd.DataFrame,
    style: str = "md",
    header: Header | None = None,
    *,
    reference: str | None = None,
) -> str:
    """Return the tables of a run as text.

    Parameters
    ----------
    rows : DataFrame
        A row per prior x task x image x seed; see `priorlab.harness.report.summary.summarise`.
    style : {"md", "csv", "latex"}
        CSV has a line per prior and task, in full precision.
    header : Header, optional
        What is known besides the rows.
    reference : str, optional
        The prior that others are compared with; by default the best of each task.

    Raises
    ------
    UsageError
        For an unknown style or reference, or rows that are no results.
    """
    if style not in FORMATS:
        raise unknown("table format", style, FORMATS)
    header = header or Header()
    summary = _summary(rows, header, reference)
    if style == "csv":
        protocols = summary["task"].map(lambda task: header.protocols.get(task, ""))
        return _csv(summary.assign(dataset=header.dataset, protocol=protocols))
    in_column = style == "md"
    sheets = [
        _sheet(task, summary, rows, header, full=True, remarks_in_column=in_column)
        for task in summary["task"].unique()
    ]
    write_sheets = formats.markdown if style == "md" else formats.latex
    return write_sheets(sheets, notes.closing(header), header.title, header.above)


def terminal(
    rows: pd.DataFrame, header: Header | None = None, *, width: int = 80
) -> RenderableType:
    """Return the tables of a run for a terminal of `width` columns: fewer columns and notes.

    To be printed with `rich.console.Console.print`.
    """
    header = header or Header()
    summary = _summary(rows, header, None)
    sheets = [
        _sheet(task, summary, rows, header, full=False, remarks_in_column=False)
        for task in summary["task"].unique()
    ]
    return formats.terminal(sheets, width, header.title, header.above)


def per_image(rows: pd.DataFrame) -> str:
    """Return the rows themselves as CSV: a line per prior x task x image x seed."""
    return _csv(rows)


def write(
    folder: Path,
    rows: pd.DataFrame,
    header: Header | None = None,
    *,
    reference: str | None = None,
) -> list[Path]:
    """Write table.md and table.csv into a folder, each at once: a reader never sees a part.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    UsageError
        If the folder cannot be written to, or as `render` does.
    """
    texts = {
        "table.md": render(rows, "md", header, reference=reference),
        "table.csv": render(rows, "csv", header, reference=reference),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text)
    return [folder / name for name in texts]


def _summary(rows: pd.DataFrame, header: Header, reference: str | None) -> pd.DataFrame:
    further = _further(rows, header)
    return summarise(rows, reference=reference, dataset=header.known, further=further)


def _further(rows: pd.DataFrame, header: Header) -> list[str]:
    """Return the metrics of plugins: they stand beside PSNR and SSIM."""
    return [name for name in header.metrics if name in rows and name not in METRICS]


def _sheet(
    task: str,
    summary: pd.DataFrame,
    rows: pd.DataFrame,
    header: Header,
    *,
    full: bool,
    remarks_in_column: bool,
) -> Sheet:
    """Return the table of one task; `full` for a document, else for a terminal.

    Remarks are long: where the page is narrow they stand below the table.
    """
    found = summary[summary["task"] == task].astype(object)
    lines = [dict(line) for _, line in found.where(found.notna(), None).iterrows()]
    rows = rows[rows["task"] == task]
    idle, lines = _idle(lines, rows)
    reference = next(line["psnr_reference"] for line in lines if line["kind"] == "measured")
    against = _against(lines, reference)
    further = _further(rows, header)
    columns = [
        Column("#"),
        Column("prior", numeric=False),
        Column("PSNR (dB) [95 % CI]"),
        Column("SSIM"),
        *(Column(name) for name in further),
        Column(f"vs {against}" + " (dB) [95 % CI]" * full),
        *([Column("wins")] if full else []),
        Column("s/image"),
        Column("ok"),
    ]
    remarked = [line for line in lines if line["remarks"]]
    column = remarks_in_column and bool(remarked)
    if column:
        columns.append(Column("remarks", numeric=False))
    body = []
    for line in lines:
        cells = [
            Cell(str(line["rank"]) if _known(line, "rank") else "-"),
            Cell(line["prior"], " (published)" * (line["kind"] == "published")),
            _psnr(line, rows),
            Cell(_number(line, "ssim", ".4f"), bold=line.get("ssim_leads") is True),
            *(Cell(_number(line, name, ".4g")) for name in further),
            _difference(line, reference, against, full=full),
            *([Cell(_percent(line, "psnr_wins"))] if full else []),
            Cell(_seconds(line["seconds"])),
            Cell(f"{line['cells_ok']:.0f}/{line['cells']:.0f}" if _known(line, "cells") else "-"),
        ]
        body.append(cells + [Cell(line["remarks"])] * column)
    title = task + (f" on {header.dataset}" if header.dataset else "")
    below = [f"Not for this task: {idle}."] if idle else []
    below += [] if column else [f"{line['prior']}: {line['remarks']}" for line in remarked]
    below += notes.below(task, lines, rows, header, reference, full=full)
    return Sheet(title, columns, body, below, stopping.sheet(task, lines))


def _idle(lines: list[dict[str, Any]], rows: pd.DataFrame) -> tuple[str, list[dict[str, Any]]]:
    """Return in words which priors support no cell of the task, and the lines of the others.

    If none supports any, all keep their lines.
    """
    apart = rows.groupby("prior")["status"].agg(lambda statuses: set(statuses) == {"unsupported"})
    if apart.all():
        return "", lines
    reasons: dict[str, list[str]] = {}
    for prior in apart.index[apart]:
        messages = rows.loc[rows["prior"] == prior, "message"] if "message" in rows else [""]
        reasons.setdefault(one_line(str(next(iter(messages)))), []).append(prior)
    text = "; ".join(f"{', '.join(priors)} ({reason})" for reason, priors in reasons.items())
    left = [line for line in lines if line["kind"] != "measured" or not apart[line["prior"]]]
    return text, left


def _psnr(line: Mapping[str, Any], rows: pd.DataFrame) -> Cell:
    """Return mean and interval, or in a word why there is none."""
    if not _known(line, "psnr"):
        statuses = set(rows.loc[rows["prior"] == line["prior"], "status"])
        return Cell(statuses.pop() if len(statuses) == 1 else "no result")
    interval = ""
    if _known(line, "psnr_low"):
        interval = f" [{line['psnr_low']:.2f}, {line['psnr_high']:.2f}]"
    return Cell(f"{line['psnr']:.2f}", interval, line.get("psnr_leads") is True)


def _difference(line: Mapping[str, Any], reference: str, against: str, *, full: bool) -> Cell:
    if line["prior"] == reference and line["kind"] == "measured":
        return Cell(against)
    text = _number(line, "psnr_difference", "+.2f")
    if full and _known(line, "psnr_difference_low"):
        low, high = line["psnr_difference_low"], line["psnr_difference_high"]
        return Cell(text, f" [{low:+.2f}, {high:+.2f}]")
    return Cell(text)


def _against(lines: Sequence[Mapping[str, Any]], reference: str) -> str:
    """Return how the column of differences names the reference."""
    first = next((line["prior"] for line in lines if line.get("rank") == 1), "")
    return "best" if reference in ("", first) else "reference"


def _known(line: Mapping[str, Any], key: str) -> bool:
    return line.get(key) is not None


def _number(line: Mapping[str, Any], key: str, pattern: str) -> str:
    return format(line[key], pattern) if _known(line, key) else "-"


def _percent(line: Mapping[str, Any], key: str) -> str:
    return f"{100 * line[key]:.0f} %" if _known(line, key) else "-"


def _seconds(value: float | None) -> str:
    """Return a duration with two or three significant digits."""
    if value is None:
        return "-"
    if value < 0.001:
        return "<0.001"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.1 else f"{value:.2g}"


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, lineterminator="\n")
