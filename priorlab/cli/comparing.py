"""The commands `bench` and `table`."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import errno
import functools
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli import reporting
from priorlab.cli.parsing import (
    FAILED,
    INTERRUPTED,
    OK,
    add_plugin_options,
    add_results_folder,
    check_names,
    complain,
    count,
    megabytes,
    positive,
    say_table,
    seconds,
)
from priorlab.errors import UsageError, counted

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands
    from priorlab.harness.results.runs import Run

_DEFAULT = api.RunSettings()


def add_bench(commands: Commands) -> None:
    """Add the command `bench`."""
    parser = commands.add_parser("bench", help="compare priors in a table")
    parser.set_defaults(command=_bench)
    add_plugin_options(parser)
    parser.add_argument(
        "--suite",
        metavar="NAME",
        help="take what is not typed from a published table's protocol: one of 'priorlab suites',"
        " or a TOML file",
    )
    # No defaults here: what is typed takes precedence over the suite, and that over a default.
    tasks = ",".join(map(str, _DEFAULT.tasks))
    parser.add_argument("--tasks", help=f"specs (default: {tasks})")
    parser.add_argument("--priors", help="specs (default: all but those 'only when named')")
    parser.add_argument(
        "--metrics",
        help="specs, such as ms-ssim,niqe: columns beside PSNR and SSIM (default: the metrics of"
        " plugins that are not 'only when named')",
    )
    parser.add_argument(
        "--dataset", help=f"a name or a folder of images (default: {_DEFAULT.dataset})"
    )
    parser.add_argument("--images", help="only these of the dataset, such as house,lena")
    parser.add_argument(
        "--seeds", help=f"such as 0,1,2 (default: {','.join(map(str, _DEFAULT.seeds))})"
    )
    parser.add_argument("--out", type=Path, help=f"results folder (default: {_DEFAULT.out})")
    parser.add_argument("--name", help="name of the run (default: made from the grid)")
    parser.add_argument("--slots", type=positive, help="cells at a time (default: one per core)")
    parser.add_argument(
        "--threads", type=positive, help=f"threads of a cell (default: {_DEFAULT.threads})"
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help=f"hard limit for a cell (default: {_DEFAULT.timeout_s:g})",
    )
    parser.add_argument(
        "--memory",
        type=megabytes,
        metavar="SIZE",
        help="hard limit for the memory of a cell, such as 500M or 4G (default: none)",
    )
    parser.add_argument("--device", help=f"torch device (default: {_DEFAULT.device})")
    parser.add_argument(
        "--overwrite",
        choices=_DEFAULT.OVERWRITE,
        help="compute what was never tried, or also what failed before, or all again"
        f" (default: {_DEFAULT.overwrite})",
    )
    parser.add_argument(
        "--retry",
        type=count,
        metavar="N",
        help="try a cell that fails, crashes or takes too long N more times",
    )
    parser.add_argument(
        "--shard", metavar="I/N", help="compute only part I of N, in a folder of its own"
    )
    parser.add_argument(
        "--timing",
        choices=_DEFAULT.TIMING,
        help="exclusive: one cell at a time, with all cores, several times"
        f" (default: {_DEFAULT.timing})",
    )
    parser.add_argument(
        "--repeats",
        type=positive,
        metavar="N",
        help=f"with --timing exclusive: restore each cell N times (default: {_DEFAULT.repeats})",
    )
    parser.add_argument(
        "--batch",
        type=positive,
        metavar="N",
        help="for priors that gain from it: also restore N copies of each measurement at once, and"
        " report images per second",
    )
    parser.add_argument(
        "--engine",
        metavar="SPEC",
        help="where cells are computed, such as dask:scheduler=tcp://host:8786 "
        f"(default: {_DEFAULT.engine}, this machine)",
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="parameter of the engine: the scheduler to use"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and how long")
    parser.add_argument(
        "--report", action="store_true", help="also write a page to look at the run with"
    )


def add_table(commands: Commands) -> None:
    """Add the command `table`."""
    parser = commands.add_parser("table", help="print the table of a run again")
    parser.set_defaults(command=_table)
    parser.add_argument("run", help="its folder, or its name in the results folder")
    parser.add_argument(
        "--format",
        choices=("md", "html", "latex", "csv", "parquet"),
        default="md",
        help="csv and parquet have every digit",
    )
    parser.add_argument(
        "--pivot", choices=("task",), help="one table: a line for each prior, columns for each task"
    )
    parser.add_argument(
        "--columns",
        metavar="NAMES",
        help="what to show beside the prior: metrics, such as psnr,ssim, and psnr_rank,"
        " psnr_difference, psnr_wins, seconds, cpu_seconds, peak_mb, throughput, cells_ok,"
        " remarks; with --pivot metrics, seconds, cpu_seconds, peak_mb, throughput; with --format"
        " csv or parquet any"
        " column of table.csv (default: all that say something; with --pivot psnr)",
    )
    parser.add_argument("--per-image", action="store_true", help="a row for every image and seed")
    parser.add_argument("--reference", metavar="PRIOR", help="compare each prior with this one")
    parser.add_argument(
        "--published",
        type=Path,
        metavar="FILE",
        help="TOML file with figures of papers, [[published]] as in a suite: more lines",
    )
    add_results_folder(parser)


def _bench(options: argparse.Namespace) -> int:
    # The other options are called as their settings.
    given = vars(options) | {
        "engine": _engine(options),
        "timeout_s": options.timeout,
        "memory_mb": options.memory,
        "plugin_files": options.plugin,
        "plugin_folders": options.plugin_dir,
    }
    names = [field.name for field in dataclasses.fields(api.RunSettings)]
    settings = api.settle({name: given.get(name) for name in names}, options.suite)
    check_names(
        options,
        priors=settings.priors or (),
        tasks=settings.tasks,
        metrics=settings.metrics or (),
        dataset=settings.dataset,
        engine=settings.engine,
    )
    registry = api.load_plugins(settings.plugin_files, settings.plugin_folders)
    for broken in registry.problems:
        complain(f"plugin {broken.name}: {broken.problem}")
    if options.dry_run:
        print(api.plan(settings, registry).text())
        return OK
    command = shlex.join(["priorlab", *options.typed])
    try:
        done = api.run(settings, registry, show_progress=True, command=command)
    except (api.CutShort, api.Fault) as error:
        with contextlib.suppress(Exception):  # what went wrong is told in any case
            _print_table(error.run)
        raise
    with _printing(done.folder):
        _print_results(done)
    if options.report and len(done.rows):
        written = api.report(done.folder)
        with _printing(done.folder):
            reporting.tell(written)
    if done.interrupted:
        return INTERRUPTED
    return FAILED if done.failures else OK


UNREAD = (errno.EPIPE, errno.EIO)
"""The errors where nobody reads any more: a pipe, or a terminal, was closed."""


@contextlib.contextmanager
def _printing(folder: Path) -> Iterator[None]:
    """Go on where nobody reads what is printed; raise a `UsageError` where it cannot be printed."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNREAD:
            why = error.strerror or error
            raise UsageError(f"cannot print the tables: {why}; they are in {folder}") from None


def _print_results(done: Run) -> None:
    """Print the tables, and say where the files are and what is missing."""
    _print_table(done)
    if len(done.rows):
        sheets = sorted(done.folder.glob("*.png"))
        look = ", images/ and, to look at:" if sheets else ""  # there are none where all failed
        print(f"wrote {done.folder}/: table.md, table.csv, images.csv{look}")
        for sheet in sheets:
            print(f"  {sheet}")
    if done.interrupted:
        total = done.info["total"]
        left = f"{total - len(done.rows)} of {counted(total, 'cell')} left"
        print(f"priorlab: stopped with {left}; the same command goes on from here", file=sys.stderr)
    sys.stdout.flush()
    if failed := done.failures:
        cells = counted(failed, "cell")
        complain(f"priorlab: {cells} failed; see {done.folder / 'failures.txt'}")


def _engine(options: argparse.Namespace) -> str | None:
    """Return the spec of the engine, or None if none was typed."""
    engine: str | None = options.engine
    if not options.scheduler:
        return engine
    if engine is None:
        raise UsageError("--scheduler is a parameter of an engine: add --engine dask")
    return f'{engine}{"," if ":" in engine else ":"}scheduler="{options.scheduler}"'


def _print_table(run: Run) -> None:
    """Print the tables in the terminal's width."""
    if len(run.rows):
        say_table(functools.partial(api.terminal_table, run), end="\n\n")


def _table(options: argparse.Namespace) -> int:
    given = {
        "per_image": options.per_image,
        "reference": options.reference,
        "columns": options.columns,
        "pivot": options.pivot == "task",
        "published": options.published,
        "say": lambda text: complain(f"priorlab: {text}"),
    }
    if options.format != "parquet":
        print(api.table(options.run, options.out, style=options.format, **given), end="")
    elif sys.stdout.isatty():
        raise UsageError("Parquet is no text: send it to a file, with > table.parquet")
    else:
        sys.stdout.buffer.write(api.table_parquet(options.run, options.out, **given))
    return OK
