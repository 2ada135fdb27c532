"""The layout of a contact sheet: how large its tiles are, and where their texts break."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

LIMIT = 2000
"""Sides that a sheet should not exceed, in pixels; only dozens of priors make it higher."""
MARGIN = 14
WIDEST, NARROWEST = 480, 150
"""Limits of the width of a tile."""
SMALL = 400
"""Smaller pictures are enlarged up to this size."""


@dataclass(frozen=True)
class TileLayout:
    """How a sheet is divided, in pixels.

    Attributes
    ----------
    columns : int
        Tiles side by side.
    width : int
        Of a tile.
    picture : tuple of int
        Width and height at which the whole picture is shown.
    crop : tuple of int
        Width and height of the part that is enlarged, in pixels of the picture.
    zoom : int
        How many times it is enlarged.
    font : int
        Size of the labels.
    """

    columns: int
    width: int
    picture: tuple[int, int]
    crop: tuple[int, int]
    zoom: int
    font: int

    @classmethod
    def fit(cls, width: int, height: int, count: int) -> TileLayout:
        """Return the layout with the largest tiles that keep the sheet within `LIMIT`."""
        layouts = [cls._of(width, height, columns) for columns in range(1, count + 1)]
        legible = [one for one in layouts if one.room >= NARROWEST]
        heights = {one: math.ceil(count / one.columns) * one.height for one in legible}
        fitting = [one for one in legible if heights[one] <= LIMIT]
        if not fitting:
            return legible[-1]
        # Of equally large tiles the squarest sheet.
        return min(
            fitting,
            key=lambda one: (-one.picture[0], abs(heights[one] - one.columns * one.width)),
        )

    @classmethod
    def _of(cls, width: int, height: int, columns: int) -> TileLayout:
        room = cls._room(columns)
        small = min(room, SMALL)
        if max(width, height) <= small:  # enlarged by a whole factor, pixel by pixel
            scale = float(small // max(width, height))
        else:
            scale = min(1.0, room / width, 1.5 * room / height)
        shown = (max(1, round(width * scale)), max(1, round(height * scale)))
        tile = max(min(room, NARROWEST), shown[0])
        zoom = max(1, round(tile / min(width, max(8, min(width // 4, 120)))))
        crop = (min(width, tile // zoom), min(height, max(1, tile * 3 // 4 // zoom)))
        font = 17 if tile >= 300 else 15 if tile >= 200 else 13
        return cls(columns, tile, shown, crop, zoom, font)

    @staticmethod
    def _room(columns: int) -> int:
        return min(WIDEST, (LIMIT - MARGIN) // columns - MARGIN)

    @property
    def room(self) -> int:
        """Width that a tile may have."""
        return self._room(self.columns)

    @property
    def part(self) -> tuple[int, int]:
        """Width and height at which the enlarged part is shown."""
        return self.crop[0] * self.zoom, self.crop[1] * self.zoom

    @property
    def line(self) -> int:
        """Height of a line of text."""
        return self.font + 4

    @property
    def height(self) -> int:
        """Height of a tile with a label of two lines and a detail."""
        return self.picture[1] + self.part[1] + 4 * self.line + 2 * MARGIN


def wrap(text: str, font: Font, width: int) -> list[str]:
    """Break a text into lines of at most `width` pixels.

    After a comma or blank where possible, else after another mark, else anywhere.

    Examples
    --------
    >>> wrap("dip:iterations=3000,sigma=25", ImageFont.load_default(13), 160)
    ['dip:iterations=3000,', 'sigma=25']
    """
    lines = [""]

    def add(piece: str, splits: Sequence[str]) -> None:
        if font.getlength((lines[-1] + piece).rstrip()) <= width:
            lines[-1] += piece
        elif lines[-1] and font.getlength(piece.rstrip()) <= width:
            lines.append(piece)
        elif splits:
            for part in re.findall(splits[0], piece):
                add(part, splits[1:])
        else:
            lines.append(piece)

    add(" ".join(text.split()), (r"[^\s,]*[\s,]|[^\s,]+", r"[^:=/_-]*[:=/_-]|[^:=/_-]+", "."))
    return [line.strip() for line in lines if line.strip()]
