"""What `bench` returns: the rows of a run, which a notebook shows as its tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd
from PIL import Image

from priorlab.errors import UsageError, unknown
from priorlab.harness.report import course, tables
from priorlab.harness.results.names import safe_name
from priorlab.harness.results.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class BenchResult(pd.DataFrame):
    """The rows of a run: a DataFrame, with its tables and pictures.

    What is selected or computed from it, `copy()` included, is a plain DataFrame: the tables are
    those of the whole run, and would be shown above rows that may be others. pandas makes a copy
    and a selection in the same way, so that only this object itself is known to be the run.

    Attributes
    ----------
    run : Run
        The run: its folder, and what is known of it.
    """

    _metadata = ["run"]  # noqa: RUF012  (pandas' own way to name attributes)
    run: Run

    def __init__(self, run: Run) -> None:
        super().__init__(run.rows)  # type: ignore[call-arg]
        self.run = run

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        """What pandas makes of selections, results and copies: see the class."""
        return pd.DataFrame

    def gallery(self, task: str | None = None) -> Image.Image:
        """Return the contact sheet of a task: its most typical image as each prior restored it.

        Parameters
        ----------
        task : str, optional
            Its spec; by default all tasks, one below the other.

        Raises
        ------
        UsageError
            For an unknown task, or one of which nothing was restored.
        """
        known = [str(name) for name in self["task"].unique()]
        if task is not None and task not in known:
            raise unknown("task of this run", task, known)
        files = [
            file
            for name in ([task] if task else known)
            if (file := self.run.folder / f"{safe_name(name)}.png").exists()
        ]
        if not files:
            raise UsageError("there is no contact sheet: nothing was restored")
        return _stacked([Image.open(file).convert("RGB") for file in files])

    def curves(self, image: str | None = None) -> Figure:
        """Return PSNR against time for the priors that report images on the way.

        Circles are the images that were returned, crosses the best on the way.

        Parameters
        ----------
        image : str, optional
            By default the most typical of each task.

        Raises
        ------
        UsageError
            If no prior reported images, or the store of the run is gone.
        """
        return course.draw(self.run, image)

    def _repr_html_(self) -> str:
        return tables.render(self.run.rows, "html", self.run.header)

    def _repr_markdown_(self) -> str:
        return tables.render(self.run.rows, "md", self.run.header)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {
            "text/html": self._repr_html_(),
            "text/markdown": self._repr_markdown_(),
            "text/plain": repr(self),
        }


def _stacked(sheets: list[Image.Image]) -> Image.Image:
    """Return pictures one below the other, on white."""
    width = max(sheet.width for sheet in sheets)
    stacked = Image.new("RGB", (width, sum(sheet.height for sheet in sheets)), "white")
    top = 0
    for sheet in sheets:
        stacked.paste(sheet, (0, top))
        top += sheet.height
    return stacked
