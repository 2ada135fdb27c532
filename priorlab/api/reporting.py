"""Write the page of a run."""

from __future__ import annotations

from pathlib import Path

from priorlab.harness.report.page import writing
from priorlab.harness.report.page.writing import Written
from priorlab.harness.results import runs
from priorlab.harness.results.runs import Run
from priorlab.harness.run.settings import RunSettings


def report(
    run: str | Path | Run, file: str | Path | None = None, out: str | Path = RunSettings.out
) -> Written:
    """Write the page of an earlier run: tables, charts and a viewer of its pictures.

    It needs no network. Pictures of more than 60 MB are put into a folder beside it.

    Parameters
    ----------
    run : str, path or Run
        The run's folder, or its name in the results folder, or the `run` of what `bench` returned.
    file : path, optional
        By default ``report.html`` in the run's folder.
    out : path
        The results folder.

    Raises
    ------
    UsageError
        If there is no such run, it has no results yet, or a file cannot be written.

    Examples
    --------
    >>> from priorlab.api import bench
    >>> rows = bench("degraded", "denoise:sigma=25", ".", slots=1, name="first")
    >>> report("first").file.name
    'report.html'
    """
    return writing.write(runs.load(run, Path(out)), None if file is None else Path(file))
