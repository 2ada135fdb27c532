"""Sheets, tables whose cells are already texts, as Markdown, LaTeX or for a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from priorlab import escaping

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
    """A table, its title, the notes below it, and below them tables that belong to it."""

    title: str
    columns: Sequence[TextColumn]
    lines: Sequence[Sequence[TextCell]]
    notes: Sequence[str]
    further: Sequence[Sheet] = ()


def _all(sheets: Sequence[Sheet]) -> Iterator[Sheet]:
    """Yield each sheet, and after it what belongs to it."""
    for sheet in sheets:
        yield sheet
        yield from sheet.further


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
    parts = [f"# {escaping.markdown(title)}"] if title else []
    parts += map(escaping.markdown_block, above)
    for sheet in _all(sheets):
        parts += [
            f"## {escaping.markdown(sheet.title)}",
            _markdown_table(sheet),
            _bullets(sheet.notes),
        ]
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
    heading = [rf"\section*{{{escaping.latex(title)}}}"] if title else []
    heading += [rf"\noindent {escaping.latex(text)}\par" for text in above]
    return "\n".join([r"% needs \usepackage{booktabs}", *heading, tables])


NARROW = 72
"""Terminals with fewer columns get no intervals."""


def terminal(
    sheets: Sequence[Sheet], width: int, title: str = "", above: Sequence[str] = ()
) -> RenderableType:
    """Return the sheets for `rich.console.Console.print`, for a terminal of `width` columns.

    Notes that all sheets share, and those of what belongs to sheets, are printed once, at the end.

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

    def styled(text: str, style: str) -> Text:
        return Text(escaping.terminal(text), style=style)

    parts: list[RenderableType] = [styled(title, "bold")] if title else []
    parts += [styled(text, "dim") for text in above]
    parts += [Text()] if parts else []
    shared = [n for n in sheets[0].notes if all(n in sheet.notes for sheet in sheets)]
    shared += dict.fromkeys(n for sheet in sheets for part in sheet.further for n in part.notes)
    for sheet in _all(sheets):
        table = Table(
            title=styled(sheet.title, "bold"),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        for column in sheet.columns:
            table.add_column(
                styled(column.title if width >= NARROW else column.title.partition(" [")[0], ""),
                justify="right" if column.numeric else "left",
                no_wrap=column.numeric,
                overflow="fold",
            )
        for line in sheet.lines:
            table.add_row(
                *(
                    Text.assemble(
                        (_folded(cell), "bold green" if cell.bold else ""),
                        escaping.terminal(cell.detail) if width >= NARROW else "",
                    )
                    for cell in line
                )
            )
        own = [note for note in sheet.notes if note not in shared]
        parts += [table, *(styled(note, "dim") for note in own), Text()]
    return Group(*parts, *(styled(note, "dim") for note in shared))


def _folded(cell: TextCell, most: int = 20) -> str:
    """Return a text that a narrow column can break where a spec has a comma."""
    text = escaping.terminal(cell.text)
    return text if len(text) <= most else text.replace(",", ",\n")


def _markdown_table(sheet: Sheet) -> str:
    """Return a table whose columns are as wide in every line; the last may run on."""
    titles = [escaping.markdown(column.title) for column in sheet.columns]
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
    text = f"**{escaping.markdown(cell.text)}**" if cell.bold else escaping.markdown(cell.text)
    return text + escaping.markdown(cell.detail)


def _bullets(notes: Sequence[str]) -> str:
    return "\n".join(f"- {escaping.markdown_block(note)}" for note in notes)


def _latex_table(sheet: Sheet, closing: Sequence[str]) -> str:
    layout = "".join("r" if column.numeric else "l" for column in sheet.columns)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaping.latex(sheet.title)}}}",
        rf"\begin{{tabular}}{{{layout}}}",
        r"\toprule",
        " & ".join(escaping.latex(column.title) for column in sheet.columns) + r" \\",
        r"\midrule",
        *(" & ".join(map(_latex_cell, line)) + r" \\" for line in sheet.lines),
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\medskip\footnotesize\raggedright",
        *(escaping.latex(note) + r"\par" for note in itertools.chain(sheet.notes, closing)),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cell(cell: TextCell) -> str:
    text = rf"\textbf{{{escaping.latex(cell.text)}}}" if cell.bold else escaping.latex(cell.text)
    return text + escaping.latex(cell.detail)
