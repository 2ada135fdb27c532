"""Sheets, tables whose cells are already texts, as Markdown, LaTeX or for a terminal."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class TextColumn:
    """A column: its title, and whether its texts are numbers, set to the right."""

    title: str
    numeric: bool = True


@dataclass(frozen=True)
class TextCell:
    """A text, its first part bold where it belongs to a leader."""

    text: str = ""
    detail: str = ""
    bold: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table, its title, the notes below it, and below them a table that belongs to it."""

    title: str
    columns: Sequence[TextColumn]
    lines: Sequence[Sequence[TextCell]]
    notes: Sequence[str]
    further: Sheet | None = None


def _all(sheets: Sequence[Sheet]) -> Iterator[Sheet]:
    """Yield each sheet, and after it what belongs to it."""
    for sheet in sheets:
        yield sheet
        if sheet.further:
            yield sheet.further


def markdown(
    sheets: Sequence[Sheet], closing: Sequence[str], title: str = "", above: Sequence[str] = ()
) -> str:
    """Return the sheets as Markdown that is aligned and reads well as plain text.

    Examples
    --------
    >>> columns = [TextColumn("prior", numeric=False), TextColumn("PSNR")]
    >>> cells = [TextCell("tv"), TextCell("30.00", bold=True)]
    >>> print(markdown([Sheet("denoise", columns, [cells], ["Data: set12."])], closing=()))
    ## denoise
    <BLANKLINE>
    | prior |      PSNR |
    | ----- | --------: |
    | tv    | **30.00** |
    <BLANKLINE>
    - Data: set12.
    <BLANKLINE>
    """
    parts = [f"# {_markdown(title)}"] if title else []
    parts += map(_markdown, above)
    for sheet in _all(sheets):
        parts += [f"## {_markdown(sheet.title)}", _markdown_table(sheet), _bullets(sheet.notes)]
    if closing:
        parts += ["---", _bullets(closing)]
    return "\n\n".join(parts) + "\n"


def latex(
    sheets: Sequence[Sheet], closing: Sequence[str], title: str = "", above: Sequence[str] = ()
) -> str:
    """Return the sheets as LaTeX tables, for a document that uses the package booktabs.

    Examples
    --------
    >>> columns = [TextColumn("prior", numeric=False), TextColumn("PSNR")]
    >>> cells = [TextCell("tv"), TextCell("30.00", bold=True)]
    >>> print(latex([Sheet("denoise", columns, [cells], [])], closing=()))
    % needs \\usepackage{booktabs}
    \\begin{table}
    ...
    tv & \\textbf{30.00} \\\\
    ...
    """
    tables = "\n".join(
        _latex_table(sheet, closing if sheet in sheets else ()) for sheet in _all(sheets)
    )
    heading = [rf"\section*{{{_latex(title)}}}"] if title else []
    heading += [rf"\noindent {_latex(text)}\par" for text in above]
    return "\n".join([r"% needs \usepackage{booktabs}", *heading, tables])


NARROW = 72
"""Terminals with fewer columns get no intervals."""


def terminal(
    sheets: Sequence[Sheet], width: int, title: str = "", above: Sequence[str] = ()
) -> RenderableType:
    """Return the sheets for `rich.console.Console.print`, for a terminal of `width` columns.

    Notes that all sheets share are printed once, below the last.

    Examples
    --------
    >>> from rich.console import Console
    >>> columns = [TextColumn("prior", numeric=False), TextColumn("PSNR")]
    >>> sheet = Sheet("denoise", columns, [[TextCell("tv"), TextCell("30.00")]], ["Data: set12."])
    >>> Console(width=40).print(terminal([sheet], width=40))  # doctest: +NORMALIZE_WHITESPACE
    denoise
    prior   PSNR
    ────────────
    tv     30.00
    Data: set12.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text(title, style="bold")] if title else []
    parts += [Text(text, style="dim") for text in above]
    parts += [Text()] if parts else []
    further = [sheet.further for sheet in sheets if sheet.further]
    shared = [
        note
        for alike in (sheets, further)
        for note in (alike[0].notes if alike else ())
        if all(note in sheet.notes for sheet in alike)
    ]
    for sheet in _all(sheets):
        table = Table(
            title=Text(sheet.title, style="bold"),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        for column in sheet.columns:
            table.add_column(
                Text(column.title if width >= NARROW else column.title.partition(" [")[0]),
                justify="right" if column.numeric else "left",
                no_wrap=column.numeric,
                overflow="fold",
            )
        for line in sheet.lines:
            table.add_row(
                *(
                    Text.assemble(
                        (_folded(cell), "bold green" if cell.bold else ""),
                        cell.detail if width >= NARROW else "",
                    )
                    for cell in line
                )
            )
        own = [note for note in sheet.notes if note not in shared]
        parts += [table, *(Text(note, style="dim") for note in own), Text()]
    return Group(*parts, *(Text(note, style="dim") for note in shared))


def _folded(cell: TextCell, most: int = 20) -> str:
    """Return a text that a narrow column can break where a spec has a comma."""
    return cell.text if len(cell.text) <= most else cell.text.replace(",", ",\n")


def _markdown_table(sheet: Sheet) -> str:
    """Return a table whose columns are as wide in every line; the last may run on."""
    titles = [_markdown(column.title) for column in sheet.columns]
    body = [[_markdown_cell(cell) for cell in line] for line in sheet.lines]
    widths = [max(3, *map(len, texts)) for texts in zip(titles, *body, strict=True)]
    if not sheet.columns[-1].numeric:
        widths[-1] = len(titles[-1])
    rule = [
        "-" * (width - 1) + ":" if column.numeric else "-" * width
        for width, column in zip(widths, sheet.columns, strict=True)
    ]
    aligned = [
        [
            text.rjust(width) if column.numeric else text.ljust(width)
            for text, width, column in zip(line, widths, sheet.columns, strict=True)
        ]
        for line in [titles, rule, *body]
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in aligned)


def _markdown_cell(cell: TextCell) -> str:
    text = f"**{_markdown(cell.text)}**" if cell.bold else _markdown(cell.text)
    return text + _markdown(cell.detail)


def _markdown(text: str) -> str:
    """Escape what Markdown would take for a mark; what is common in specs stays readable."""
    return re.sub(r"([\\|*`]|<(?=[A-Za-z/!?])|\b_|_\b)", r"\\\1", re.sub(r"\s+", " ", text))


def _bullets(notes: Sequence[str]) -> str:
    return "\n".join(f"- {_markdown(note)}" for note in notes)


def _latex_table(sheet: Sheet, closing: Sequence[str]) -> str:
    layout = "".join("r" if column.numeric else "l" for column in sheet.columns)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(sheet.title)}}}",
        rf"\begin{{tabular}}{{{layout}}}",
        r"\toprule",
        " & ".join(_latex(column.title) for column in sheet.columns) + r" \\",
        r"\midrule",
        *(" & ".join(map(_latex_cell, line)) + r" \\" for line in sheet.lines),
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\medskip\footnotesize\raggedright",
        *(_latex(note) + r"\par" for note in itertools.chain(sheet.notes, closing)),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cell(cell: TextCell) -> str:
    text = rf"\textbf{{{_latex(cell.text)}}}" if cell.bold else _latex(cell.text)
    return text + _latex(cell.detail)


_LATEX = {mark: f"\\{mark}" for mark in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
}


def _latex(text: str) -> str:
    """Escape the marks of LaTeX; a minus before a digit is set as one, `--` stays two hyphens."""
    parts = re.split(r"(?<![\w.-])-(?=\d)", re.sub(r"\s+", " ", text))
    escaped = ["".join(_LATEX.get(mark, mark) for mark in part) for part in parts]
    return "$-$".join(escaped).replace("--", "-{}-")
