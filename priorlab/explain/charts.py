"""Charts of curves over iterations, drawn with Pillow: no plotting library is needed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Colour = tuple[int, int, int]

BLUE, ORANGE, GREEN, PURPLE = (0, 114, 178), (213, 94, 0), (0, 158, 115), (150, 80, 140)
"""Colours that colour-blind readers tell apart (M. Okabe, K. Ito: Color Universal Design, 2008);
the purple is darkened."""
INK, FAINT, GRID = (20, 20, 20), (110, 110, 110), (225, 225, 225)

WIDTH, HEIGHT = 600, 540
"""Of a chart in pixels."""
FINE = 2
"""Everything is drawn so many times larger and then reduced: smooth lines."""
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 64, 150
"""Margins around the axes: ticks, title and legend stand there, never on a curve."""
ROW = 24
"""Height of a line of the legend."""


@dataclass(frozen=True)
class Curve:
    """A curve with its name in the legend."""

    label: str
    points: Sequence[Point]
    colour: Colour
    dashed: bool = False


@dataclass(frozen=True)
class Mark:
    """A point that is marked, with what it is in the legend; a ring, or a square."""

    label: str
    point: Point
    colour: Colour = INK
    square: bool = False


@dataclass(frozen=True)
class Chart:
    """Curves on a pair of axes: x is logarithmic and begins at 1.

    Attributes
    ----------
    level : float, optional
        A horizontal line, named by `level_label`.
    """

    title: str
    x: str
    y: str
    curves: Sequence[Curve]
    marks: Sequence[Mark] = ()
    level: float | None = None
    level_label: str = ""
    rows: int = field(default=3, kw_only=True)


def draw(charts: Sequence[Chart]) -> Image.Image:
    """Return the charts side by side, `WIDTH` x `HEIGHT` each, as an RGB image.

    Examples
    --------
    >>> curve = Curve("loss", [(1, 9.0), (10, 4.0), (100, 1.0)], BLUE)
    >>> draw([Chart("A fit", "iteration", "dB", [curve])] * 2).size
    (1200, 540)
    """
    sheet = Image.new("RGB", (FINE * WIDTH * len(charts), FINE * HEIGHT), "white")
    for index, chart in enumerate(charts):
        _Axes(chart, ImageDraw.Draw(sheet), index * WIDTH).draw()
    return sheet.resize((WIDTH * len(charts), HEIGHT), Image.Resampling.LANCZOS)


class _Axes:
    """One chart on its way to the sheet; lengths are in pixels of the final picture."""

    def __init__(self, chart: Chart, pen: ImageDraw.ImageDraw, left: int) -> None:
        self.chart, self.pen, self.left = chart, pen, left
        points = [point for curve in chart.curves for point in curve.points]
        self.most = max(2.0, *(x for x, _ in points))
        values = [y for _, y in points if math.isfinite(y)] or [0.0]
        values += [chart.level] if chart.level is not None else []
        self.step = next(s for s in (1, 2, 5, 10, 20, 50) if max(values) - min(values) <= 9 * s)
        self.low = self.step * math.floor(min(values) / self.step)
        self.high = self.step * max(math.ceil(max(values) / self.step), self.low // self.step + 1)

    def draw(self) -> None:
        """Draw grid and ticks, then curves, then marks, title and legend."""
        chart = self.chart
        self._grid()
        if chart.level is not None:
            self._line([(1, chart.level), (self.most, chart.level)], FAINT, dashed=True, width=1.5)
        for curve in chart.curves:
            finite = [(x, min(max(y, self.low), self.high)) for x, y in curve.points if y == y]
            self._line(finite, curve.colour, dashed=curve.dashed)
        for mark in chart.marks:
            self._symbol(self._place(mark.point), mark)
        room = FINE * (WIDTH - LEFT - RIGHT)
        sizes = (s for s in range(17, 8, -1) if _font(s).getlength(chart.title) <= room)
        self._text((LEFT, 12), chart.title, size=next(sizes, 8), anchor="la")
        self._legend()

    def _place(self, point: Point) -> Point:
        """Return where on the chart a point stands."""
        x = math.log(point[0]) / math.log(self.most)
        y = (point[1] - self.low) / (self.high - self.low)
        width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return LEFT + x * width, TOP + (1 - y) * height

    def _grid(self) -> None:
        bottom = HEIGHT - BOTTOM
        for tick in range(round((self.high - self.low) / self.step) + 1):
            value = self.low + tick * self.step
            _, y = self._place((1, value))
            self._stroke([(LEFT, y), (WIDTH - RIGHT, y)], GRID, 1)
            self._text((LEFT - 8, y), f"{value:g}", anchor="rm")
        for value in _ticks(self.most):
            x, _ = self._place((value, self.low))
            self._stroke([(x, TOP), (x, bottom)], GRID, 1)
            self._text((x, bottom + 8), f"{value}", anchor="ma")
        self._stroke([(LEFT, TOP), (LEFT, bottom), (WIDTH - RIGHT, bottom)], INK, 1.5)
        self._text(((LEFT + WIDTH - RIGHT) / 2, bottom + 28), self.chart.x, anchor="ma")
        self._text((LEFT, TOP - 6), self.chart.y, anchor="lb", colour=FAINT, size=13)

    def _legend(self) -> None:
        """Name what is drawn, below the axes in two columns."""
        chart = self.chart
        entries: list[Curve | Mark] = [*chart.curves]
        if chart.level is not None:
            entries.append(Curve(chart.level_label, (), FAINT, dashed=True))
        entries += chart.marks
        column = (WIDTH - LEFT - RIGHT) / 2
        for index, entry in enumerate(entries):
            x = LEFT - 30 + index // chart.rows * (column + 15)
            y = HEIGHT - BOTTOM + 66 + index % chart.rows * ROW
            if isinstance(entry, Mark):
                self._symbol((x + 13, y), entry)
            else:
                self._dashes([(x, y), (x + 26, y)], entry.colour, entry.dashed, 2.5)
            self._text((x + 34, y), entry.label, anchor="lm")

    def _line(
        self, points: Sequence[Point], colour: Colour, *, dashed: bool = False, width: float = 2.5
    ) -> None:
        self._dashes([self._place(point) for point in points], colour, dashed, width)

    def _dashes(
        self, places: Sequence[Point], colour: Colour, dashed: bool, width: float, dash: float = 6
    ) -> None:
        """Draw a line through places, or only every second part of its length."""
        if not dashed:
            self._stroke(places, colour, width)
            return
        gone = 0.0
        for (x0, y0), (x1, y1) in itertools.pairwise(places):
            length = math.hypot(x1 - x0, y1 - y0)
            at = 0.0
            while at < length:
                ahead = min(length, at + dash - gone % dash)
                if gone // dash % 2 == 0:
                    ends = [
                        (x0 + t * (x1 - x0), y0 + t * (y1 - y0))
                        for t in (at / length, ahead / length)
                    ]
                    self._stroke(ends, colour, width)
                gone += ahead - at + 1e-9
                at = ahead

    def _stroke(self, places: Sequence[Point], colour: Colour, width: float) -> None:
        fine = [(FINE * (self.left + x), FINE * y) for x, y in places]
        if len(fine) > 1:
            self.pen.line(fine, fill=colour, width=round(FINE * width), joint="curve")

    def _symbol(self, place: Point, mark: Mark) -> None:
        x, y = FINE * (self.left + place[0]), FINE * place[1]
        reach = 6 * FINE
        shape = self.pen.rectangle if mark.square else self.pen.ellipse
        shape((x - reach, y - reach, x + reach, y + reach), outline=mark.colour, width=2 * FINE)

    def _text(
        self, place: Point, text: str, *, anchor: str, colour: Colour = INK, size: int = 14
    ) -> None:
        where = (FINE * (self.left + place[0]), FINE * place[1])
        self.pen.text(where, text, fill=colour, font=_font(size), anchor=anchor)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(FINE * size)


def _ticks(most: float) -> list[int]:
    """Return 1, 2, 5, 10, 20, 50, ... up to `most`."""
    ticks = [leading * 10**power for power in range(10) for leading in (1, 2, 5)]
    return [tick for tick in ticks if tick <= most]
