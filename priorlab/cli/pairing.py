"""The command `compare`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli.parsing import OK

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
    parser.add_argument("--out", type=Path, default=api.RunSettings().out, help="results folder")


def _compare(options: argparse.Namespace) -> int:
    from rich.console import Console

    found = api.compare(options.first, options.second, options.out)
    if options.format == "md":
        print(found.markdown(), end="")
    else:
        console = Console()
        console.print(found.terminal(console.width))
    return OK
