"""Sheets as HTML tables that need no style sheet, for a page or a document of others."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from priorlab.ground import escaping
from priorlab.harness.report.formats import BARE, Frame, Sheet, TextCell, TextColumn, every


def html(sheets: Sequence[Sheet], frame: Frame = BARE) -> str:
    """Return the sheets as HTML: a `table` each, its title the caption, headings with a scope.

    Examples
    --------
    >>> columns = [TextColumn("prior", numeric=False), TextColumn("PSNR")]
    >>> cells = [TextCell("<tv>"), TextCell("30.00", bold=True)]
    >>> print(html([Sheet("denoise", columns, [cells], ["Data: set12."])]))
    <table>
    <caption>denoise</caption>
    <thead>
    <tr><th scope="col" style="text-align:left">prior</th>...PSNR</th></tr>
    </thead>
    <tbody>
    <tr><th scope="row" style=...>&lt;tv&gt;</th><td style="text-align:right"><b>30.00</b></td></tr>
    </tbody>
    </table>
    <ul>
    <li>Data: set12.</li>
    </ul>
    <BLANKLINE>
    """
    lines = [f"<h1>{escaping.html(frame.title)}</h1>"] if frame.title else []
    lines += [f"<p>{escaping.html(paragraph)}</p>" for paragraph in frame.above]
    for sheet in every(sheets):
        lines += _table(sheet)
        lines += _list(sheet.notes)
    lines += _list(frame.closing)
    if frame.command:
        lines.append(f"<pre><code>{escaping.html(frame.command)}</code></pre>")
    return "\n".join(lines) + "\n"


def _table(sheet: Sheet) -> Iterator[str]:
    """Yield the lines of a table; a body of its own has what is set apart."""
    yield "<table>"
    yield f"<caption>{escaping.html(sheet.title)}</caption>"
    yield "<thead>"
    yield from _heading(sheet.columns)
    yield "</thead>"
    measured = len(sheet.lines) - sheet.apart
    named = next((i for i, column in enumerate(sheet.columns) if not column.numeric), -1)
    for lines in (sheet.lines[:measured], sheet.lines[measured:]):
        if lines:
            yield "<tbody>"
            for line in lines:
                cells = enumerate(zip(sheet.columns, line, strict=True))
                yield _row(_cell(column, cell, named=i == named) for i, (column, cell) in cells)
            yield "</tbody>"
    yield "</table>"


def _heading(columns: Sequence[TextColumn]) -> Iterator[str]:
    """Yield a line of the titles that columns share, if any do, and one of their own."""
    if any(column.group for column in columns):
        spans = itertools.groupby(columns, key=lambda column: column.group)
        yield _row(
            f'<th scope="colgroup" colspan="{len(list(found))}">{escaping.html(group)}</th>'
            if group
            else "<td></td>" * len(list(found))
            for group, found in spans
        )
    yield _row(
        f'<th scope="col"{_side(column)}>{escaping.html(column.title)}</th>' for column in columns
    )


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _cell(column: TextColumn, cell: TextCell, *, named: bool) -> str:
    """Return a cell; the one that names the line is its heading."""
    written = escaping.html(cell.text)
    written = (f"<b>{written}</b>" if cell.bold else written) + escaping.html(cell.detail)
    if named:  # whose heading is not bold: that is for the best
        return f'<th scope="row" style="text-align:left;font-weight:normal">{written}</th>'
    return f"<td{_side(column)}>{written}</td>"


def _side(column: TextColumn) -> str:
    return f' style="text-align:{"right" if column.numeric else "left"}"'


def _list(notes: Sequence[str]) -> list[str]:
    """Return notes as a list, or nothing if there are none."""
    items = [f"<li>{escaping.html(note)}</li>" for note in notes]
    return ["<ul>", *items, "</ul>"] if items else []
