"""The commands `compare` and `ranks`: what several runs say together."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli.parsing import OK, add_results_folder, say, say_table

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands


def add_compare(commands: Commands) -> None:
    """Add the command `compare`."""
    parser = commands.add_parser(
        "compare", help="say what changed from one run to another, and whether that is noise"
    )
    parser.set_defaults(command=_compare)
    for name in ("first", "second"):
        parser.add_argument(name, help="a run's folder, or its name in the results folder")
    parser.add_argument(
        "--format", choices=("terminal", "md"), default="terminal", help="(default: %(default)s)"
    )
    add_results_folder(parser)


def add_ranks(commands: Commands) -> None:
    """Add the command `ranks`."""
    parser = commands.add_parser(
        "ranks", help="rank priors over the tasks and data sets of one or several runs"
    )
    parser.set_defaults(command=_ranks)
    parser.add_argument("run", nargs="+", help="folders of runs, or names in the results folder")
    parser.add_argument("--metric", default="psnr", help="(default: %(default)s)")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="also draw the critical-difference diagram: .png, .svg or .pdf",
    )
    add_results_folder(parser)


def _ranks(options: argparse.Namespace) -> int:
    if options.output:
        api.check_diagram(options.output)
    found = api.ranks(options.run, options.out, metric=options.metric)
    if options.output:
        api.draw_ranks(found, options.output)
    for prior, value in found.ranks.items():
        say(f"{value:6.2f}  {prior}")
    say(
        f"Mean ranks by {options.metric} over {len(found.blocks)} blocks:"
        f" {'; '.join(found.blocks)}."
    )
    say(
        f"Critical difference {found.difference:.2f} (Nemenyi, 5 %): closer mean ranks do not"
        f" differ significantly. All equally good: p = {found.p:.2g} (Friedman)."
    )
    for group in found.groups:
        say(f"Not distinguishable: {', '.join(group)}.")
    if found.left_out:
        say(f"Left out, not every image of every block restored: {', '.join(found.left_out)}.")
    if options.output:
        say(f"wrote {options.output}")
    return OK


def _compare(options: argparse.Namespace) -> int:
    found = api.compare(options.first, options.second, options.out)
    if options.format == "md":
        print(found.markdown(), end="")
    else:
        say_table(found.terminal)
    return OK
