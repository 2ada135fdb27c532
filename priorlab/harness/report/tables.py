"""Comparison tables: one for each task, with the protocol under which it was measured."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from priorlab.errors import UsageError, unknown
from priorlab.ground.files import write_atomically
from priorlab.harness.report import (
    copies,
    formats,
    html_tables,
    latex_tables,
    notes,
    sheets,
    summary,
    terminal_tables,
)
from priorlab.harness.report.formats import Frame, Sheet
from priorlab.harness.report.line import MAIN, Line
from priorlab.harness.report.pivot import FACTS, Pivot
from priorlab.harness.results import csv_files, parquet_files, schema
from priorlab.harness.results.header import Header
from priorlab.harness.results.schema import METRICS

if TYPE_CHECKING:
    from rich.console import RenderableType

_WRITERS = {"md": formats.markdown, "html": html_tables.html, "latex": latex_tables.latex}

FORMATS = (*_WRITERS, "csv")
"""Those that are texts; `parquet` is the other."""


def render(
    rows: pd.DataFrame,
    style: str = "md",
    header: Header | None = None,
    *,
    reference: str | None = None,
    columns: Sequence[str] | None = None,
    pivot: bool = False,
) -> str:
    """Return the tables of a run as text.

    Parameters
    ----------
    rows : DataFrame
        A row per prior x task x image x seed; see `priorlab.harness.results.schema`.
    style : {"md", "html", "latex", "csv"}
        CSV has a line per prior and task, in full precision.
    header : Header, optional
        What is known besides the rows.
    reference : str, optional
        The prior that others are compared with; by default the best of each task.
    columns : sequence of str, optional
        What to show beside the prior, by the names of the columns of table.csv; by default all
        that say something, and in a pivot the PSNR.
    pivot : bool
        One table with a line for each prior and columns for each task.

    Raises
    ------
    UsageError
        For an unknown style, reference or column, or rows that are no results.

    Examples
    --------
    >>> labels = {"task": "denoise:sigma=25", "image": "house", "seed": 0, "status": "ok"}
    >>> scores = {"psnr": 30.0, "ssim": 0.9, "seconds": 0.1}
    >>> rows = pd.DataFrame([{"prior": name} | labels | scores for name in ("tv", "nlm")])
    >>> print(render(rows).splitlines()[2])
    |   # | prior | PSNR (dB) [95 % CI] |   SSIM | vs best (dB) [95 % CI] | wins | s/image |  ok |
    """
    if style not in FORMATS:
        raise unknown("table format", style, FORMATS)
    return _Comparison.of(rows, header, reference).text(style, columns, pivot=pivot)


def parquet(
    rows: pd.DataFrame,
    header: Header | None = None,
    *,
    reference: str | None = None,
    columns: Sequence[str] | None = None,
    pivot: bool = False,
) -> bytes:
    """Return what `render` writes as CSV as a Parquet file.

    Raises
    ------
    UsageError
        If pyarrow is not installed, or as `render` does.
    """
    found = _Comparison.of(rows, header, reference)
    return parquet_files.write(found.data(columns, pivot=pivot))


def terminal(
    rows: pd.DataFrame, header: Header | None = None, *, width: int = 80
) -> RenderableType:
    """Return the tables of a run for a terminal of `width` columns: fewer columns and notes.

    To be printed with `rich.console.Console.print`.

    Examples
    --------
    >>> from rich.console import Console
    >>> labels = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0, "status": "ok"}
    >>> rows = pd.DataFrame([labels | {"psnr": 30.0, "ssim": 0.9, "seconds": 0.1}])
    >>> Console(width=60).print(terminal(rows, width=60))  # doctest: +NORMALIZE_WHITESPACE
    denoise
    #  prior  PSNR (dB)    SSIM  vs best  s/image   ok
    ──────────...
    1  tv         30.00  0.9000     best      0.1  1/1
    ...
    """
    found = _Comparison.of(rows, header, None)
    pages = found.sheets(full=False, remarks_in_column=False)
    return terminal_tables.terminal(
        pages, width, Frame(title=found.header.title, above=found.header.above)
    )


def compared(
    rows: pd.DataFrame, header: Header | None = None
) -> tuple[list[Line], dict[str, Sheet]]:
    """Return the figures of the tables of a run, and the table of each task.

    Examples
    --------
    >>> labels = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0, "status": "ok"}
    >>> rows = pd.DataFrame([labels | {"psnr": 30.0, "ssim": 0.9, "seconds": 0.1}])
    >>> lines, found = compared(rows)
    >>> lines[0].psnr.mean, found["denoise"].title
    (30.0, 'denoise')
    """
    found = _Comparison.of(rows, header, None)
    tasks = dict.fromkeys(line.task for line in found.lines)
    document = found.sheets(full=True, remarks_in_column=True)
    return found.lines, dict(zip(tasks, document, strict=True))


def complete(rows: pd.DataFrame, header: Header) -> set[str]:
    """Return the tasks of which a run has all its images: published figures are of these alone.

    Examples
    --------
    >>> rows = pd.DataFrame({"task": ["denoise", "deblur", "deblur"], "image": ["a", "a", "b"]})
    >>> complete(rows, Header(images=2))
    {'deblur'}
    """
    images = rows.groupby("task")["image"].nunique()
    return set(images.index[images >= header.images])


def write(folder: Path, rows: pd.DataFrame, header: Header | None = None) -> list[Path]:
    """Write table.md and table.csv into a folder, each at once: a reader never sees a part.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    UsageError
        If the folder cannot be written to, or as `render` does.

    Examples
    --------
    >>> labels = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0, "status": "ok"}
    >>> rows = pd.DataFrame([labels | {"psnr": 30.0, "ssim": 0.9, "seconds": 0.1}])
    >>> [file.name for file in write(Path("."), rows)]
    ['table.md', 'table.csv']
    """
    found = _Comparison.of(rows, header, None)
    files = {style: folder / f"table.{style}" for style in ("md", "csv")}
    for style, file in files.items():
        write_atomically(file, found.text(style))
    return list(files.values())


@dataclass(frozen=True)
class _Comparison:
    """The rows of a run and what follows from them."""

    rows: pd.DataFrame
    header: Header
    lines: list[Line]
    remark: str

    @classmethod
    def of(cls, rows: pd.DataFrame, header: Header | None, reference: str | None) -> _Comparison:
        header = header or Header()
        further = [name for name in header.metrics if name in rows and name not in METRICS]
        rows = schema.frame(rows, further)
        whole = complete(rows, header)
        equal = copies.names(rows)
        rows = copies.merged(rows, equal)
        lines = summary.lines(
            rows,
            reference=reference,
            known=header.known,
            own=header.published,
            partial=set(rows["task"]) - whole,
            further=further,
            lower_is_better=header.lower_is_better,
        )
        return cls(rows, header, lines, copies.note(equal))

    def text(self, style: str, columns: Sequence[str] | None = None, *, pivot: bool = False) -> str:
        """Return the tables as a document in one of the `FORMATS`."""
        if style == "csv":
            return csv_files.write(self.data(columns, pivot=pivot))
        header, shown = self.header, columns
        if pivot:
            arranged = self.pivoted(columns)
            document, shown = [arranged.sheet(self.rows, header, self.remark)], arranged.chosen
        else:
            self._check(columns or (), sheets.FACTS, "")
            document = self.sheets(
                full=True, remarks_in_column=style == "md", columns=columns, titled=style != "md"
            )
        if header.name:
            document = [
                dataclasses.replace(sheet, name=label)
                for sheet, label in zip(document, _labels(header.name, document), strict=True)
            ]
        frame = Frame(
            title=header.title,
            above=header.above,
            closing=notes.closing(header, shown),
            command=header.command,
        )
        return _WRITERS[style](document, frame)

    def data(self, columns: Sequence[str] | None = None, *, pivot: bool = False) -> pd.DataFrame:
        """Return the tables as one, in full precision."""
        if pivot:
            return self.pivoted(columns).frame()
        protocols = [self.header.protocols.get(line.task, "") for line in self.lines]
        table = summary.table(self.lines)
        table = table.assign(dataset=self.header.dataset, protocol=protocols)
        if columns is None:
            return table
        for name in columns:
            if name not in table:
                raise unknown("column", name, map(str, table.columns))
        return table[[*dict.fromkeys(["task", "prior", *columns])]]

    def pivoted(self, columns: Sequence[str] | None) -> Pivot:
        """Return the lines with the tasks side by side."""
        chosen = (MAIN,) if columns is None else columns
        self._check(chosen, FACTS, " without --pivot")
        return Pivot.of(self.lines, self.rows, chosen, self.header.lower_is_better)

    def _check(self, columns: Sequence[str], facts: Sequence[str], otherwise: str) -> None:
        """Raise a `UsageError` unless all columns are metrics or among some facts.

        It says what a table that is a text has, and where the others of table.csv are.
        """
        here = [*self.metrics, *facts]
        if set(columns) <= set(here):
            return
        elsewhere = set(summary.table(self.lines)) | {"dataset", "protocol"}
        for name in columns:
            if name in elsewhere - set(here):
                raise UsageError(
                    f"the column {name} goes with --format csv or parquet{otherwise};"
                    f" this table can have {', '.join(here)}"
                )
            if name not in here:
                raise unknown("column", name, here)

    @property
    def metrics(self) -> list[str]:
        """The names of all metrics."""
        return list(dict.fromkeys(name for line in self.lines for name in line.metrics))

    def sheets(
        self,
        *,
        full: bool,
        remarks_in_column: bool,
        columns: Sequence[str] | None = None,
        titled: bool = False,
    ) -> list[Sheet]:
        """Return the table of each task."""
        tasks = dict.fromkeys(line.task for line in self.lines)
        return [
            sheets.sheet(
                task,
                [line for line in self.lines if line.task == task],
                self.rows[self.rows["task"] == task],
                self.header,
                self.remark,
                full=full,
                remarks_in_column=remarks_in_column,
                chosen=columns,
                title=self.header.titles.get(task, task) if titled else task,
            )
            for task in tasks
        ]


def _labels(run: str, document: Sequence[Sheet]) -> list[str]:
    """Return what LaTeX can refer to each table by."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", run).strip("-") or "run"
    return [name] if len(document) == 1 else [f"{name}-{i + 1}" for i in range(len(document))]
