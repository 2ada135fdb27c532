"""Sheets, tables whose cells are already texts, and how they are written in Markdown.

The modules `latex_tables`, `html_tables` and `terminal_tables` write the same sheets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from priorlab.ground import escaping


@dataclass(frozen=True)
class TextColumn:
    """A column of a sheet.

    Attributes
    ----------
    title : str
    numeric : bool
        Whether its texts are numbers, set to the right.
    group : str
        A title above its own, which neighbours may share.
    spare : int
        Where a terminal is narrow, columns are left out from the highest number on; none with 0.
    falling : bool
        Whether less is better, as of times: sorted by it, the smallest comes first.
    """

    title: str
    numeric: bool = True
    group: str = ""
    spare: int = 0
    falling: bool = False

    @property
    def whole_title(self) -> str:
        """The title where there is one line for it."""
        return f"{self.group}, {self.title}" if self.group else self.title


@dataclass(frozen=True)
class TextCell:
    """A text, its first part bold where it belongs to a leader."""

    text: str = ""
    detail: str = ""
    bold: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table, its title, the notes below it, and below them tables that belong to it.

    Attributes
    ----------
    name : str
        What a label refers to it by; empty if nothing does.
    apart : int
        How many of the last lines are of another kind, set apart by a rule where there are rules.
    """

    title: str
    columns: Sequence[TextColumn]
    lines: Sequence[Sequence[TextCell]]
    notes: Sequence[str]
    further: Sequence[Sheet] = ()
    name: str = ""
    apart: int = 0


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a document has around its sheets.

    Attributes
    ----------
    title : str
    above, closing : sequence of str
        Paragraphs above the sheets, notes below the last.
    command : str
        What made the results, to be typed again.
    """

    title: str = ""
    above: Sequence[str] = ()
    closing: Sequence[str] = ()
    command: str = ""


BARE = Frame()
"""Of sheets that stand alone."""


def every(sheets: Sequence[Sheet]) -> Iterator[Sheet]:
    """Yield each sheet, and after it what belongs to it."""
    for sheet in sheets:
        yield sheet
        yield from sheet.further


def markdown(sheets: Sequence[Sheet], frame: Frame = BARE) -> str:
    """Return the sheets as Markdown that is aligned and reads well as plain text.

    Examples
    --------
    >>> columns = [TextColumn("prior", numeric=False), TextColumn("PSNR")]
    >>> cells = [TextCell("tv"), TextCell("30.00", bold=True)]
    >>> print(markdown([Sheet("denoise", columns, [cells], ["Data: set12."])]))
    ## denoise
    <BLANKLINE>
    | prior |      PSNR |
    | ----- | --------: |
    | tv    | **30.00** |
    <BLANKLINE>
    - Data: set12.
    <BLANKLINE>
    """
    parts = [f"# {escaping.markdown(frame.title)}"] if frame.title else []
    parts += map(escaping.markdown_block, frame.above)
    for sheet in every(sheets):
        parts += [
            f"## {escaping.markdown(sheet.title)}",
            _markdown_table(sheet),
            _bullets(sheet.notes),
        ]
    if frame.closing or frame.command:
        parts.append("---")
    if frame.closing:
        parts.append(_bullets(frame.closing))
    if frame.command:  # in a block of code, where no mark is escaped: it can be pasted
        code = escaping.terminal(frame.command)
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", code) or [""]))
        parts.append(f"{fence}sh\n{code}\n{fence}")
    return "\n\n".join(parts) + "\n"


def _markdown_table(sheet: Sheet) -> str:
    """Return a table whose columns are as wide in every line; the last may run on."""
    titles = [escaping.markdown(column.whole_title) for column in sheet.columns]
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
