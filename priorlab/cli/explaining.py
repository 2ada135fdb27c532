"""The command `explain`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli.parsing import (
    OK,
    OneLine,
    add_plugin_options,
    add_seed_and_device,
    check_names,
    positive,
    registry,
    say,
)

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands


def add_explain(commands: Commands) -> None:
    """Add the command `explain`."""
    parser = commands.add_parser(
        "explain", help="draw how a network fits a picture before its noise"
    )
    parser.set_defaults(command=_explain)
    add_plugin_options(parser)
    parser.add_argument("name", help="a spec of a prior that fits a network, such as dip")
    parser.add_argument("image", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the picture to write")
    parser.add_argument("--iterations", type=positive, help="steps of each of five fits")
    add_seed_and_device(parser)


def _explain(options: argparse.Namespace) -> int:
    needed = check_names(options, priors=[options.name])
    with OneLine() as line:

        def show(target: str, step: int, steps: int) -> None:
            line.show(f"fitting {target}: step {step}/{steps}", in_files=step == steps)

        lines = api.explain(
            options.name,
            options.image,
            options.output,
            iterations=options.iterations,
            seed=options.seed,
            device=options.device,
            registry=registry(options, needed),
            say=say,
            progress=show,
        )
    print("\n".join(lines))
    return OK
