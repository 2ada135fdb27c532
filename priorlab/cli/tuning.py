"""The command `tune`."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api, tuned_parameters
from priorlab.cli.parsing import (
    OK,
    OneLine,
    add_plugin_options,
    check_names,
    complain,
    registry,
    seed,
)
from priorlab.forward.degradation import KINDS
from priorlab.ground.files import check_place, write_atomically

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands

DESCRIPTION = f"""\
Search the parameters of priors on training images, the same number of settings for each, and for
each kind of degradation by itself: {", ".join(KINDS)}
such as that of JPEG. Prints a record of the search, and writes what gains on pictures that it did
not see, over the defaults and over what is tuned today. A prior whose parameters are all at their
defaults takes what is tuned from the file tuned.toml beside its module; tables and 'priorlab show'
name it. Images of test sets are refused."""


def add_tune(commands: Commands) -> None:
    """Add the command `tune`."""
    parser = commands.add_parser(
        "tune", help="search parameters on training images", description=DESCRIPTION
    )
    parser.set_defaults(command=_tune)
    add_plugin_options(parser)
    parser.add_argument("priors", metavar="PRIORS", help="names, such as tv,tikhonov")
    parser.add_argument("--tasks", required=True, help='such as "inpaint:missing=0.5|0.8,deblur"')
    parser.add_argument("--dataset", required=True, help="a folder of training images")
    parser.add_argument("--budget", type=int, default=40, help="settings to try; default: 40")
    parser.add_argument("--seed", type=seed, default=0, help="of the search; default: 0")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path(tuned_parameters.FILE),
        metavar="FILE",
        help="what was tuned, added to what the file holds; default: tuned.toml",
    )


def _tune(options: argparse.Namespace) -> int:
    check_names(options, priors=[options.priors], tasks=[options.tasks])
    tuned_parameters.merged(options.output, {})  # a damaged file is said before the search
    check_place(options.output)
    command = shlex.join(["priorlab", *options.typed])
    said = f"nothing is adopted; {options.output} stays as it is"
    with OneLine() as line:
        for one in api.tune(
            options.priors,
            options.tasks,
            options.dataset,
            options.budget,
            seed=options.seed,
            report=line.show,
            registry=registry(options),
        ):
            line.end()
            print(one.record(command), flush=True)
            if one.adopted or not options.output.exists():  # a file with remarks keeps them
                found = {one.prior: {one.kind: one.values}} if one.adopted else {}
                write_atomically(options.output, tuned_parameters.merged(options.output, found))
                said = f"wrote {options.output}"
    complain(said)  # the record alone goes into its file
    return OK
