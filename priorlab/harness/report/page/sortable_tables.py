"""Sheets and rows as tables in HTML, which a script can sort and which are whole without it."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from priorlab.errors import counted
from priorlab.ground import escaping
from priorlab.harness.report.formats import Sheet, TextCell, TextColumn
from priorlab.harness.report.remarks import label
from priorlab.harness.results.schema import METRICS

MOST_ROWS = 2000
"""More rows of single images are left to `images.csv`: a browser lays them out for seconds."""

_FALLING = ' data-falling=""'
"""Marks the head of a column of which less is better: a first click has the smallest first."""
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def text(content: str) -> str:
    r"""Return a text from elsewhere as one line of HTML that marks up and runs nothing.

    Examples
    --------
    >>> print(text("<script>.png\x1b"))
    &lt;script&gt;.png\x1b
    """
    return html.escape(escaping.terminal(content))


def block(content: str) -> str:
    """Return a text of several lines, such as a log, for the inside of ``<pre>``."""
    return html.escape(escaping.block(content))


def sheets(found: Mapping[str, Sheet]) -> str:
    """Return the sheet of each task as a section: a table with its notes and what belongs to it.

    Examples
    --------
    >>> cells = [TextCell("tv"), TextCell("30.00", " [29, 31]", bold=True)]
    >>> columns = [TextColumn("prior", numeric=False), TextColumn("PSNR")]
    >>> print(sheets({"denoise": Sheet("denoise on set12", columns, [cells], ["Data."])}))
    <section class="sheet" data-task="denoise">
    ...<td class="number" data-value="30.0"><strong>30.00</strong> <small>[29, 31]</small></td>...
    """
    return "\n".join(_sheet(task, sheet) for task, sheet in found.items())


def _sheet(task: str, sheet: Sheet) -> str:
    lines = [_line(sheet.columns, line) for line in sheet.lines]
    further = "".join(
        f"{_table(part.title, part.columns, [_line(part.columns, line) for line in part.lines])}"
        f"{notes(part.notes)}"
        for part in sheet.further
    )
    return (
        f'<section class="sheet" data-task="{text(task)}">\n'
        f"{_table(sheet.title, sheet.columns, lines)}{notes(sheet.notes)}{further}</section>"
    )


def notes(found: Sequence[str]) -> str:
    """Return notes as a list that is folded in; nothing if there are none."""
    if not found:
        return ""
    listed = "".join(f"<li>{text(note)}</li>" for note in found)
    return f"<details><summary>Protocol and notes</summary><ul>{listed}</ul></details>\n"


def rows(found: pd.DataFrame, metrics: Sequence[str], lower_is_better: Collection[str] = ()) -> str:
    """Return a table with a line for each prior, task, image and seed.

    Parameters
    ----------
    found : DataFrame
        As `priorlab.harness.results.schema` has it.
    metrics : sequence of str
        Its metrics.
    lower_is_better : collection of str
        Those of them of which less is better.
    """
    columns = [TextColumn(name, numeric=False) for name in ("prior", "task", "image")]
    columns += [TextColumn("seed", falling=True), TextColumn("status", numeric=False)]
    for name in metrics:
        title = f"{label(name)}{' (dB)' * (name == METRICS[0])}"
        columns.append(TextColumn(title, falling=name in lower_is_better))
    columns.append(TextColumn("seconds", falling=True))
    names = ["prior", "task", "image", "seed", "status", *metrics, "seconds"]
    shown = found[names].head(MOST_ROWS).itertuples(index=False, name=None)
    lines = [_line(columns, [TextCell(_value(value)) for value in line], names) for line in shown]
    left = len(found) - MOST_ROWS
    more = (
        f"<p>{counted(left, 'more row is', 'more rows are')} in images.csv.</p>" if left > 0 else ""
    )
    return _table("Every image", columns, lines, "rows") + more


def _value(value: object) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.4g}"
    return str(value)


def _table(title: str, columns: Sequence[TextColumn], lines: Sequence[str], name: str = "") -> str:
    heads = "".join(
        f'<th scope="col"{_kind(column)}{_FALLING * column.falling}>{text(column.title)}</th>'
        for column in columns
    )
    body = "\n".join(lines)
    identity = f' id="{name}"' if name else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{text(title)}">'
        f'<table class="sortable"{identity}><caption>{text(title)}</caption>'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n"
    )


def _kind(column: TextColumn) -> str:
    if column.numeric:
        return ' class="number"'
    return ' class="remarks"' if column.title == "remarks" else ""


def _line(
    columns: Sequence[TextColumn], cells: Sequence[TextCell], names: Sequence[str] = ()
) -> str:
    """Return a line, whose cell of the prior is its head, and which a script can find by it."""
    titles = [column.title for column in columns]
    head = titles.index("prior") if "prior" in titles else -1
    parts = []
    for index, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        content = text(cell.text)
        content = f"<strong>{content}</strong>" if cell.bold else content
        if detail := cell.detail.strip():
            content += f" <small>{text(detail)}</small>"
        if index == head:
            parts.append(f'<th scope="row">{content}</th>')
        else:
            parts.append(f"<td{_kind(column)}{_sorted_by(column, cell)}>{content}</td>")
    facts = {"prior": cells[head].text} if head >= 0 else {}
    facts |= {
        name: cell.text
        for name, cell in zip(names, cells, strict=False)
        if name in ("task", "image")
    }
    known = "".join(f' data-{name}="{text(value)}"' for name, value in facts.items())
    return f"<tr{known}>{''.join(parts)}</tr>"


def _sorted_by(column: TextColumn, cell: TextCell) -> str:
    """Return the attribute with the number by which a cell is sorted, where it has one."""
    if not column.numeric:
        return ""
    content = cell.text
    if content in ("inf", "-inf"):
        return f' data-value="{content.replace("inf", "Infinity")}"'
    if content in ("best", "reference"):  # the difference to itself
        return ' data-value="0"'
    found = _NUMBER.search(content)
    return f' data-value="{float(found[0])}"' if found else ""
