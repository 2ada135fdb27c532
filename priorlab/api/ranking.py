"""Rank priors over the tasks and data sets of one or several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from priorlab.errors import unknown
from priorlab.ground.files import check_place, write_atomically
from priorlab.harness.report import rank_diagram
from priorlab.harness.report.ranking import Ranking, rank
from priorlab.harness.results import runs
from priorlab.harness.run.settings import RunSettings


def ranks(
    names: Sequence[str | Path] | str | Path,
    out: str | Path = RunSettings.out,
    *,
    metric: str = "psnr",
) -> Ranking:
    """Rank priors over all tasks and data sets of some runs.

    Parameters
    ----------
    names : sequence of str or path
        Runs, by their folders or their names in the results folder.
    out : path
        The results folder.
    metric : str
        One that all of them have.

    Raises
    ------
    UsageError
        If there is no such run or metric, or too little to rank.

    Examples
    --------
    >>> from priorlab import bench
    >>> rows = bench(["degraded", "tv"], "denoise:sigma=15|50", ".", slots=1, name="two")
    >>> dict(ranks("two").ranks)
    {'tv': 1.0, 'degraded': 2.0}
    """
    several = [names] if isinstance(names, str | Path) else names
    found = [runs.load(name, Path(out)) for name in several]
    for run in found:
        if metric not in run.info["metrics"] or metric not in run.rows:
            raise unknown(f"metric of {run.folder.name}", metric, run.info["metrics"])
    lower = {name for run in found for name in run.info.get("lower_is_better", ())}
    labelled = [(run.info["dataset"], run.rows) for run in found]
    return rank(labelled, metric, higher_is_better=metric not in lower)


def check_diagram(file: str | Path) -> None:
    """Find out before anything is ranked whether `draw_ranks` can write a file.

    Raises
    ------
    UsageError
        If it cannot be written, or is of another kind than .png, .svg or .pdf.

    Examples
    --------
    >>> check_diagram("ranks.PNG")
    """
    check_place(Path(file), [f".{style}" for style in rank_diagram.FORMATS])


def draw_ranks(ranking: Ranking, file: str | Path) -> None:
    """Write the critical-difference diagram of a ranking, as .png, .svg or .pdf.

    Raises
    ------
    UsageError
        As `check_diagram` does.
    """
    check_diagram(file)
    target = Path(file)
    style = target.suffix.removeprefix(".").lower()
    write_atomically(target, rank_diagram.draw(ranking, style))
