"""The command `report`, which `bench --report` does as well."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli.parsing import OK, add_results_folder, complain, say
from priorlab.errors import counted

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands


def add_report(commands: Commands) -> None:
    """Add the command `report`."""
    parser = commands.add_parser("report", help="write a page to look at a run with")
    parser.set_defaults(command=_report)
    parser.add_argument("run", help="its folder, or its name in the results folder")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="the page (default: report.html in the folder of the run)",
    )
    add_results_folder(parser)


def _report(options: argparse.Namespace) -> int:
    tell(api.report(options.run, options.output, options.out))
    return OK


def tell(written: api.Written) -> None:
    """Say where a page is, and what belongs to it."""
    beside = ""
    if written.folder is not None:
        beside = f" and {written.folder}/ with its pictures, which are too large to lie in it"
    say(f"wrote {written.file}{beside} ({written.size / 1e6:.1f} MB): open it in a browser")
    if written.damaged:
        pictures = counted(written.damaged, "picture is", "pictures are")
        complain(
            f"priorlab: {pictures} damaged and not on the page; the command of the run, given"
            " again, makes good what is in its store"
        )
