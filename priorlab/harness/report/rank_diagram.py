"""The critical-difference diagram of a ranking (Demsar, JMLR 2006, figure 1)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from priorlab.ground import escaping
from priorlab.harness.report.ranking import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("png", "svg", "pdf")


def draw(ranking: Ranking, style: str = "png") -> bytes:
    """Return the diagram as a picture: mean ranks on a line, bars over what does not differ.

    The best prior is at the left. Priors of one bar differ by less than the critical difference,
    whose length stands above the line.

    Parameters
    ----------
    ranking : Ranking
        What to draw.
    style : {"png", "svg", "pdf"}
        The format.

    Examples
    --------
    >>> draw(Ranking({"unet": 1.0, "tv": 2.0}, ["a", "b"], 1.39, 0.2))[1:4]
    b'PNG'
    """
    from matplotlib.figure import Figure  # slow to import, and seldom needed

    names, groups = list(ranking.ranks), ranking.groups
    half = (len(names) + 1) // 2
    first = 1.2 + 0.35 * len(groups)  # depth of the uppermost name below the line
    depth = first + 0.5 * half
    figure = Figure(figsize=(7, 0.9 + 0.42 * depth), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlim=(1, len(names)), ylim=(depth, -1.8))
    axes.axis("off")
    _line(axes, [1, len(names)], [0, 0])
    for tick in range(1, len(names) + 1):
        _line(axes, [tick, tick], [0, -0.15])
        axes.text(tick, -0.25, str(tick), ha="center", va="bottom", fontsize=9)
    end = 1 + min(ranking.difference, len(names) - 1)
    _line(axes, [1, end], [-1.2, -1.2], linewidth=2)
    text = f"critical difference {ranking.difference:.2f}"
    axes.text(1, -1.35, text, ha="left", va="bottom", fontsize=9)
    for index, name in enumerate(names):
        at_left = index < half
        row = index if at_left else len(names) - 1 - index
        _name(axes, ranking.ranks[name], first + 0.5 * row, name, len(names), at_left=at_left)
    for index, group in enumerate(groups):
        ends = [ranking.ranks[group[0]], ranking.ranks[group[-1]]]
        _line(axes, ends, [0.35 * (index + 1)] * 2, linewidth=3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=style, dpi=150, bbox_inches="tight")
    return buffer.getvalue()


def _name(axes: Axes, rank: float, depth: float, name: str, count: int, *, at_left: bool) -> None:
    """Write a name beside the diagram, with a line from its mean rank."""
    edge = 1 if at_left else count
    _line(axes, [rank, rank, edge], [0, depth, depth], linewidth=0.8)
    text = escaping.terminal(name).replace("$", r"\$")
    written = f"{text}  {rank:.2f}" if at_left else f"{rank:.2f}  {text}"
    offset = (-4, 0) if at_left else (4, 0)
    axes.annotate(
        written,
        (edge, depth),
        offset,
        textcoords="offset points",
        ha="right" if at_left else "left",
        va="center",
        fontsize=9,
        annotation_clip=False,
    )


def _line(axes: Axes, x: list[Any], y: list[Any], linewidth: float = 1) -> None:
    axes.plot(x, y, color="black", linewidth=linewidth, solid_capstyle="butt", clip_on=False)
