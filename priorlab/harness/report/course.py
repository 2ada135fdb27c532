"""Quality against time: the course of the priors that report images on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from priorlab.errors import UsageError, unknown
from priorlab.ground import escaping
from priorlab.harness.report import statistics
from priorlab.harness.results.runs import Run
from priorlab.harness.results.schema import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(run: Run, image: str | None = None) -> Figure:
    """Return a chart of PSNR against seconds for each task in which a prior has a course.

    Parameters
    ----------
    run : Run
        With its store beside its folder.
    image : str, optional
        The image; by default the most typical of each task.

    Raises
    ------
    UsageError
        For an unknown image, or if no course is known.
    """
    from matplotlib.figure import Figure  # slow to import, and seldom needed

    rows = run.rows[run.rows["status"] == "ok"]
    if image is not None and image not in set(rows["image"]):
        raise unknown("image of this run", image, set(map(str, rows["image"])))
    rows = statistics.first_seed(rows)
    known = {key: one for key, one in run.outcomes().items() if len(one.points()) > 1}
    charts = []
    for task, cells in rows.groupby("task", sort=False):
        chosen = image or statistics.typical_image(statistics.scores(cells, "psnr"))
        lines = cells[(cells["image"] == chosen) & cells["key"].isin(known)]
        if len(lines):
            charts.append((f"{task}, {chosen}", lines))
    if not charts:
        raise UsageError("no prior of this run reported images on the way, so there is no course")
    figure = Figure(figsize=(6, 3.6 * len(charts)), layout="constrained")
    for place, (title, lines) in enumerate(charts):
        axes = figure.add_subplot(len(charts), 1, place + 1)
        for line in lines.to_dict("records"):
            _course(axes, line, known[line["key"]])
        axes.set(title=_plain(title), xlabel="seconds", ylabel="PSNR (dB)")
        axes.legend()
    return figure


def _course(axes: Axes, line: dict[Any, Any], outcome: Outcome) -> None:
    points = outcome.points()
    steps = {step: seconds for step, seconds, _ in points}
    seconds, psnr = [point[1] for point in points], [point[2] for point in points]
    (drawn,) = axes.plot(seconds, psnr, label=_plain(str(line["prior"])))
    colour = drawn.get_color()
    axes.plot([line["seconds"]], [line["psnr"]], "o", color=colour)
    if outcome.oracle_step is not None and outcome.oracle_psnr is not None:
        nearest = min(steps, key=lambda step: abs(step - (outcome.oracle_step or 0)))
        axes.plot([steps[nearest]], [outcome.oracle_psnr], "x", color=colour)


def _plain(text: str) -> str:
    """Return a text in which matplotlib finds no formula."""
    return escaping.terminal(text).replace("$", r"\$")
