"""Sheets for a terminal: as many columns as it has room for, and the name of the prior always."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from priorlab.ground import escaping
from priorlab.harness.report.formats import BARE, Frame, Sheet, TextCell, TextColumn, every

NARROW = 72
"""Terminals with fewer columns get no intervals."""

GAP = 2
"""Characters that each column takes beside its texts."""

LEAST_NARROW, LEAST = 12, 20
"""Characters that a line of a text has at least, such as the name of a prior."""


def terminal(
    sheets: Sequence[Sheet], width: int, frame: Frame = BARE, whole: str = "in table.md"
) -> RenderableType:
    """Return the sheets for `rich.console.Console.print`, for a terminal of `width` columns.

    Columns that it has no room for are left out, those that can be spared most first, and named,
    with where the `whole` table is.
    Notes that all sheets share, and those of what belongs to sheets, are printed once, at the end.

    Examples
    --------
    >>> from rich.console import Console
    >>> from priorlab.harness.report.formats import TextColumn
    >>> columns = [TextColumn("prior", numeric=False), TextColumn("PSNR")]
    >>> sheet = Sheet("denoise", columns, [[TextCell("tv"), TextCell("30.00")]], ["Data: set12."])
    >>> Console(width=40).print(terminal([sheet], width=40))  # doctest: +NORMALIZE_WHITESPACE
    denoise
    prior   PSNR
    ──────────...
    tv     30.00
    Data: set12.
    """
    parts: list[RenderableType] = [_styled(frame.title, "bold")] if frame.title else []
    parts += [_styled(text, "dim") for text in frame.above]
    parts += [Text()] if parts else []
    shared = [n for n in sheets[0].notes if all(n in sheet.notes for sheet in sheets)]
    shared += dict.fromkeys(n for sheet in sheets for part in sheet.further for n in part.notes)
    room = _Room.of([*every(sheets)], width)
    missing: dict[str, None] = {}
    for sheet in every(sheets):
        shown = room.columns(sheet)
        missing |= dict.fromkeys(
            room.title(column) for i, column in enumerate(sheet.columns) if i not in shown
        )
        own = [note for note in sheet.notes if note not in shared]
        parts += [_table(sheet, shown, room), *(_styled(note, "dim") for note in own), Text()]
    if missing:
        shared.append(f"Not in {width} columns, but {whole}: {', '.join(missing)}.")
    return Group(*parts, *(_styled(note, "dim") for note in shared))


@dataclass(frozen=True)
class _Room:
    """What a terminal has room for.

    Attributes
    ----------
    width : int
        In characters.
    detailed : bool
        Whether numbers have their details: they are left out before any column is.
    """

    width: int
    detailed: bool

    @classmethod
    def of(cls, sheets: Sequence[Sheet], width: int) -> _Room:
        room = cls(width, detailed=True)
        whole = all(len(room.columns(sheet)) == len(sheet.columns) for sheet in sheets)
        return cls(width, detailed=width >= NARROW and whole)

    def columns(self, sheet: Sheet) -> list[int]:
        """Return which columns of a sheet there is room for."""
        needed = [self.needed(sheet, index) + GAP for index in range(len(sheet.columns))]
        shown = list(range(len(needed)))
        for index in sorted(shown, key=lambda i: -sheet.columns[i].spare):
            if sum(needed[i] for i in shown) <= self.width or not sheet.columns[index].spare:
                break
            shown.remove(index)
        return shown

    def needed(self, sheet: Sheet, index: int) -> int:
        """Return how many characters a column needs: a text can be broken, a number cannot."""
        column = sheet.columns[index]
        cells = [self.cell(column, line[index]).plain for line in sheet.lines]
        longest = max(
            cell_len(line) for text in (self.title(column), *cells) for line in text.split("\n")
        )
        least = LEAST_NARROW if self.width < NARROW else LEAST
        return longest if column.numeric else min(longest, least)

    def title(self, column: TextColumn) -> str:
        return column.whole_title if self.detailed else column.whole_title.partition(" [")[0]

    def cell(self, column: TextColumn, cell: TextCell) -> Text:
        detail = escaping.terminal(cell.detail) if self.detailed or not column.numeric else ""
        return Text.assemble((_folded(cell), "bold green" if cell.bold else ""), detail)


def _table(sheet: Sheet, shown: Sequence[int], room: _Room) -> Table:
    table = Table(
        title=_styled(sheet.title, "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for index in shown:
        column = sheet.columns[index]
        table.add_column(
            _styled(room.title(column), ""),
            justify="right" if column.numeric else "left",
            no_wrap=column.numeric,
            overflow="fold",
            min_width=min(room.needed(sheet, index), room.width),
        )
    for line in sheet.lines:
        table.add_row(*(room.cell(sheet.columns[index], line[index]) for index in shown))
    return table


def _styled(text: str, style: str) -> Text:
    return Text(escaping.terminal(text), style=style)


def _folded(cell: TextCell, most: int = 20) -> str:
    """Return a text that a narrow column can break where a spec has a comma."""
    text = escaping.terminal(cell.text)
    return text if len(text) <= most else text.replace(",", ",\n")
