"""Comparison tables: one for each task, with the protocol under which it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from priorlab.errors import unknown
from priorlab.files import write_atomically
from priorlab.harness.report import copies, formats, notes, sheets, summary
from priorlab.harness.report.formats import Sheet
from priorlab.harness.report.line import Line
from priorlab.harness.results import csv_files, schema
from priorlab.harness.results.header import Header
from priorlab.harness.results.schema import METRICS

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
        A row per prior x task x image x seed; see `priorlab.harness.results.schema`.
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
    return _Comparison.of(rows, header, reference).text(style)


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
    ──────────────────────────────────────────────────
    1  tv         30.00  0.9000     best      0.1  1/1
    ...
    """
    found = _Comparison.of(rows, header, None)
    pages = found.sheets(full=False, remarks_in_column=False)
    return formats.terminal(pages, width, found.header.title, found.header.above)


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


def per_image(rows: pd.DataFrame) -> str:
    """Return the rows themselves as CSV: a line per prior x task x image x seed.

    Examples
    --------
    >>> labels = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0}
    >>> print(per_image(pd.DataFrame([labels | {"psnr": 30.0}])), end="")
    prior,task,image,seed,psnr
    tv,denoise,house,0,30.0
    """
    return csv_files.write(rows)


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

    Examples
    --------
    >>> labels = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0, "status": "ok"}
    >>> rows = pd.DataFrame([labels | {"psnr": 30.0, "ssim": 0.9, "seconds": 0.1}])
    >>> [file.name for file in write(Path("."), rows)]
    ['table.md', 'table.csv']
    """
    found = _Comparison.of(rows, header, reference)
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
        whole = rows.groupby("task")["image"].nunique() >= header.images
        equal = copies.names(rows)
        rows = copies.merged(rows, equal)
        lines = summary.lines(
            rows,
            reference=reference,
            known=header.known,
            own=header.published,
            partial=set(whole.index[~whole]),
            further=further,
            lower_is_better=header.lower_is_better,
        )
        return cls(rows, header, lines, copies.note(equal))

    def text(self, style: str) -> str:
        """Return the tables as a document in one of the `FORMATS`."""
        header = self.header
        if style == "csv":
            protocols = [header.protocols.get(line.task, "") for line in self.lines]
            table = summary.table(self.lines)
            return csv_files.write(table.assign(dataset=header.dataset, protocol=protocols))
        document = self.sheets(full=True, remarks_in_column=style == "md")
        write_sheets = formats.markdown if style == "md" else formats.latex
        return write_sheets(document, notes.closing(header), header.title, header.above)

    def sheets(self, *, full: bool, remarks_in_column: bool) -> list[Sheet]:
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
            )
            for task in tasks
        ]
