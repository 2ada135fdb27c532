"""Charts of curves over iterations, drawn with matplotlib, which is imported when one is drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[float, float]

BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#96508c"
"""Colours that colour-blind readers tell apart (M. Okabe, K. Ito: Color Universal Design, 2008);
the purple is darkened."""
INK, FAINT, GRID = "#141414", "#6e6e6e", "#e1e1e1"

WIDTH, HEIGHT = 600, 540
"""Of a chart in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 64, 150
"""Margins around the axes: ticks, title and legend stand there, never on a curve."""
DPI = 100
ROOM = 60
"""Characters of a title that fit at its usual size."""


@dataclass(frozen=True)
class Curve:
    """A curve with its name in the legend."""

    label: str
    points: Sequence[Point]
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Mark:
    """A point that is marked, with what it is in the legend; a ring, or a square."""

    label: str
    point: Point
    colour: str = INK
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


def draw(charts: Sequence[Chart]) -> Image.Image:
    """Return the charts side by side, `WIDTH` x `HEIGHT` each, as an RGB image.

    Examples
    --------
    >>> curve = Curve("loss", [(1, 9.0), (10, 4.0), (100, 1.0)], BLUE)
    >>> draw([Chart("A fit", "iteration", "dB", [curve])] * 2).size
    (1200, 540)
    """
    from matplotlib.figure import Figure  # takes half a second, and nothing else needs it

    width = WIDTH * len(charts)
    figure = Figure(figsize=(width / DPI, HEIGHT / DPI), dpi=DPI)
    for index, chart in enumerate(charts):
        left, across = (index * WIDTH + LEFT) / width, (WIDTH - LEFT - RIGHT) / width
        up = (HEIGHT - TOP - BOTTOM) / HEIGHT
        _draw(chart, figure.add_axes((left, BOTTOM / HEIGHT, across, up)))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")


def _draw(chart: Chart, axes: Axes) -> None:
    """Draw curves, then marks; the legend stands below the axes in two columns."""
    from matplotlib.ticker import LogLocator, NullLocator

    for curve in chart.curves:
        style = (0, (3, 2)) if curve.dashed else "-"
        x, y = zip(*curve.points, strict=True)
        axes.plot(x, y, color=curve.colour, linestyle=style, linewidth=1.8, label=curve.label)
    if chart.level is not None:
        axes.axhline(
            chart.level, color=FAINT, linestyle=(0, (3, 2)), linewidth=1.2, label=chart.level_label
        )
    for mark in chart.marks:
        axes.plot(
            *mark.point,
            linestyle="",
            marker="s" if mark.square else "o",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor=mark.colour,
            markeredgewidth=1.5,
            label=mark.label,
            zorder=3,
        )
    axes.set_xscale("log")
    axes.set_xlim(1, max(2.0, *(x for curve in chart.curves for x, _ in curve.points)))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=30))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(chart.x)
    axes.text(0, 1.015, chart.y, transform=axes.transAxes, color=FAINT, fontsize=9)
    size = min(12.0, 12.0 * ROOM / max(1, len(chart.title)))
    axes.set_title(chart.title, loc="left", fontsize=size, pad=20, parse_math=False)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.45, -0.14),
        ncols=2,
        frameon=False,
        fontsize=9,
        borderaxespad=0,
    )
