"""Compare priors on tasks, images and seeds."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from rich.console import RenderableType

from priorlab.api import session_priors
from priorlab.api.result import BenchResult
from priorlab.engines import Engine
from priorlab.errors import UsageError
from priorlab.harness.report import tables
from priorlab.harness.results import csv_files, parquet_files, runs
from priorlab.harness.results.header import Header
from priorlab.harness.results.runs import Run
from priorlab.harness.run import bench as _bench
from priorlab.harness.run import progress as _progress
from priorlab.harness.run.settings import RunSettings, settle
from priorlab.optional_metrics import OptionalMetric
from priorlab.priors import Prior
from priorlab.registry import Registry
from priorlab.suites.reading import load
from priorlab.tasks.base import Task

_log = logging.getLogger("priorlab")


def bench(
    priors: Sequence[str | Prior] | str | None = None,
    tasks: Sequence[str | Task] | str | None = None,
    dataset: str | Path | None = None,
    seeds: Sequence[int] | str | None = None,
    *,
    suite: str | Path | None = None,
    metrics: Sequence[str | OptionalMetric] | str | None = None,
    images: Sequence[str] | str | None = None,
    out: str | Path | None = None,
    name: str | None = None,
    slots: int | None = None,
    threads: int | None = None,
    timeout_s: float | None = None,
    memory_mb: float | None = None,
    device: str | None = None,
    overwrite: str | None = None,
    retry: int | None = None,
    shard: str | None = None,
    timing: str | None = None,
    repeats: int | None = None,
    batch: int | None = None,
    engine: str | Engine | None = None,
    plugin_files: Sequence[str | Path] | None = None,
    plugin_folders: Sequence[str | Path] | None = None,
) -> BenchResult:
    """Run every prior on every task, image and seed, and return a row for each.

    What the results folder already holds is not computed again. Each argument left out has the
    value that the suite gives it, else the default of `priorlab.api.RunSettings`.

    Parameters
    ----------
    priors : sequence of str or Prior, optional
        Specs such as ``"tv"``; by default every installed prior with its defaults, except for
        those that run only when named. A prior may be of a class that is defined in a notebook or
        a script.
    tasks : sequence of str or Task, optional
        Specs such as ``"denoise:sigma=15|25|50"``.
    dataset : str or path, optional
        A named image set or a folder of images.
    seeds : sequence of int or str, optional
        Such as ``"0,1"``: each gives one more measurement of each image.
    suite : str or path, optional
        The protocol of a published table: a name that `priorlab suites` lists, or a TOML file.
    metrics : sequence of str or OptionalMetric, optional
        Specs such as ``"niqe"``: columns beside PSNR and SSIM; by default every `Metric` that
        plugins provide.
    images : sequence of str, optional
        Names of the dataset's images to use, without suffix; by default all.
    out : path, optional
        The results folder: a store that all runs share, and a folder for each run.
    name : str, optional
        Name of the run; by default made from the grid.
    slots : int, optional
        Cells at the same time; by default one per core.
    threads : int, optional
        Threads of each.
    timeout_s : float, optional
        Seconds after which a cell is given up.
    memory_mb : float, optional
        MB (10^6 bytes) that the processes of a cell may take together; by default there is no
        limit.
    device : str, optional
        Torch device.
    overwrite : {"missing", "failed", "all"}, optional
        Whether to compute only what was never tried; also what failed before, which is the
        default; or all again.
    retry : int, optional
        How often a cell that fails, crashes or takes too long is tried again.
    shard : str, optional
        Such as ``"3/16"``: compute only this part of the grid, in a folder of its own.
    timing : {"shared", "exclusive"}, optional
        Exclusive: one cell at a time with all cores, each several times.
    repeats : int, optional
        How often, for that.
    batch : int, optional
        Priors that gain from it also restore so many copies of each measurement at once; the
        column ``throughput`` has images per second.
    engine : str or Engine, optional
        Where the cells are computed, such as ``"dask:scheduler=tcp://host:8786"``; by default on
        this machine.
    plugin_files, plugin_folders : sequence of path, optional
        Plugins to load in addition to the installed ones.

    Returns
    -------
    BenchResult
        A DataFrame with at least the columns ``prior, task, image, seed, status, psnr, ssim,
        seconds``; a notebook shows it as its tables, and it has `gallery()` and `curves()`.

    Raises
    ------
    UsageError
        For an unknown name or parameter, a suite or dataset that cannot be read, or results that
        cannot be written; what was computed until then is kept.
    KeyboardInterrupt
        After Ctrl-C; the cells finished until then are kept and not computed again.

    Examples
    --------
    >>> rows = bench("degraded", "denoise:sigma=25", ".", slots=1, name="first")
    >>> rows[["prior", "task", "image", "status"]].to_dict("records")
    [{'prior': 'degraded', 'task': 'denoise:sigma=25', 'image': 'photo', 'status': 'ok'}]
    """
    typed = {name: value for name, value in locals().items() if name != "suite"}
    settings = settle(typed, suite)
    with session_priors.installed(settings) as (settings, registry):
        done = run(settings, registry, show_progress=_progress.in_notebook())
    if done.interrupted:
        raise KeyboardInterrupt
    return BenchResult(done)


def run(
    settings: RunSettings,
    registry: Registry,
    *,
    show_progress: bool = False,
    command: str = "",
) -> Run:
    """Run a comparison and return all there is to know of it.

    Parameters
    ----------
    settings : RunSettings
        What to compare and how.
    registry : Registry
        Where names are looked up.
    show_progress : bool
        Whether to show on standard error how far the run is.
    command : str
        The command line, noted in the run's folder.

    Returns
    -------
    Run
        Its rows, its folder, and whether it was interrupted.

    Raises
    ------
    UsageError
        For settings that cannot be used.
    CutShort
        If results can no longer be written, or nothing more can be computed.
    Fault
        If something in priorlab itself is wrong.
    """
    progress = _progress.for_terminal() if show_progress else None
    return _bench.run(settings, registry, progress=progress, command=command)


def table(
    run: str | Path | Run,
    out: str | Path = RunSettings.out,
    *,
    style: str = "md",
    per_image: bool = False,
    reference: str | None = None,
    columns: Sequence[str] | str | None = None,
    pivot: bool = False,
    published: str | Path | None = None,
    say: Callable[[str], object] = _log.warning,
) -> str:
    """Return the tables of an earlier run as text.

    Parameters
    ----------
    run : str, path or Run
        The run's folder, or its name in the results folder, or the `run` of what `bench` returned.
    out : path
        The results folder.
    style : {"md", "html", "latex", "csv"}
        Markdown, HTML, LaTeX or comma-separated values.
    per_image : bool
        Whether there is a row for every image and seed; in the style "csv" only.
    reference : str, optional
        The prior to compare each other with.
    columns : sequence of str or str, optional
        What to show beside the prior, such as ``"psnr,ssim,seconds"``: columns of ``table.csv``,
        all of which only csv and parquet have. By default all that say something, and in a pivot
        the PSNR.
    pivot : bool
        One table with a line for each prior and columns for each task, as papers have it.
    published : path, optional
        A TOML file with ``[[published]]`` figures, as in a suite: more lines of the tables.
    say : callable
        Called with a sentence on the figures of the file that are left out, if there are any.

    Raises
    ------
    UsageError
        If there is no such run, prior or column, for `per_image` in another style, or for a
        `reference` in a pivot.

    Examples
    --------
    >>> rows = bench("degraded", "denoise:sigma=15|25", ".", slots=1, name="both")
    >>> print(table("both"))
    ## denoise:sigma=15 on ...
    |   # | prior    | PSNR (dB) [95 % CI] |   SSIM | ... |  ok |
    ...
    >>> print(table("both", pivot=True))
    ## PSNR (dB) on ...
    | prior    | Gaussian, σ=15 | Gaussian, σ=25 |
    ...
    """
    done = runs.load(run, Path(out))
    if per_image:
        if style != "csv":
            raise UsageError("--per-image goes with --format csv or parquet")
        return csv_files.write(_rows_alone(done, reference, columns, pivot, published))
    _check_reference(reference, pivot)
    header = _with_figures(done, published, say)
    chosen = _names(columns)
    return tables.render(done.rows, style, header, reference=reference, columns=chosen, pivot=pivot)


def table_parquet(
    run: str | Path | Run,
    out: str | Path = RunSettings.out,
    *,
    per_image: bool = False,
    reference: str | None = None,
    columns: Sequence[str] | str | None = None,
    pivot: bool = False,
    published: str | Path | None = None,
    say: Callable[[str], object] = _log.warning,
) -> bytes:
    """Return what `table` returns in the style "csv" as a Parquet file; it needs pyarrow."""
    done = runs.load(run, Path(out))
    if per_image:
        return parquet_files.write(_rows_alone(done, reference, columns, pivot, published))
    _check_reference(reference, pivot)
    header = _with_figures(done, published, say)
    chosen = _names(columns)
    return tables.parquet(done.rows, header, reference=reference, columns=chosen, pivot=pivot)


def _with_figures(done: Run, file: str | Path | None, say: Callable[[str], object]) -> Header:
    """Return what a run's tables say, with the figures of a file beside those of its suite."""
    header = done.header
    if file is None:
        return header
    own = load(Path(file)).published
    tasks = ", ".join(header.protocols)
    if not any(entry.task in header.protocols for entry in own):
        raise UsageError(f"{file} has no [[published]] figure for a task of the run ({tasks})")
    whole = tables.complete(done.rows, header)
    if left := [f"{entry.method} on {entry.task}" for entry in own if entry.task not in whole]:
        has = ", ".join(task for task in header.protocols if task in whole) or "no task yet"
        say(f"of {file} left out: {', '.join(left)}; the run has all images of {has}")
    return dataclasses.replace(header, published=[*own, *header.published])


def _check_reference(reference: str | None, pivot: bool) -> None:
    if pivot and reference is not None:
        raise UsageError("--reference goes without --pivot, which shows no differences")


def _rows_alone(done: Run, *others: object) -> pd.DataFrame:
    """Return the rows of a run, with which nothing else can be asked for."""
    if any(other not in (None, False) for other in others):
        raise UsageError("--per-image prints all columns of every row: it goes with --format alone")
    return done.rows


def _names(columns: Sequence[str] | str | None) -> list[str] | None:
    """Return the names of columns, which are typed with commas between them."""
    if columns is None:
        return None
    typed = columns.split(",") if isinstance(columns, str) else columns
    named = dict.fromkeys(name.strip() for name in typed)
    names = [name for name in named if name not in ("", "prior")]  # the prior is always shown
    if not names:
        raise UsageError("no column is named: write such as --columns psnr,ssim")
    return names


def terminal_table(run: Run, width: int) -> RenderableType:
    """Return the tables of a run for `rich` to print in a terminal of `width` columns."""
    return tables.terminal(run.rows, run.header, width=width)
