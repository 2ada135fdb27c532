"""The command `train`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli.parsing import (
    OK,
    add_plugin_options,
    add_seed_and_device,
    check_names,
    positive,
    registry,
)

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands


def add_train(commands: Commands) -> None:
    """Add the command `train`."""
    parser = commands.add_parser("train", help="train a learned prior")
    parser.set_defaults(command=_train)
    add_plugin_options(parser)
    parser.add_argument("name", help="what to train, such as unet")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of clean images")
    parser.add_argument("--channels", type=int, choices=(1, 3), default=1)
    parser.add_argument("--steps", type=positive, default=15000)
    add_seed_and_device(parser, device=False)
    parser.add_argument("-o", "--output", type=Path, required=True, help="weights file to write")


def _train(options: argparse.Namespace) -> int:
    check_names(options, trainer=options.name)
    provenance = api.train(
        options.name,
        options.dataset,
        options.output,
        channels=options.channels,
        steps=options.steps,
        seed=options.seed,
        report=_show_progress,
        registry=registry(options),
    )
    print(file=sys.stderr)
    for key, value in provenance.items():
        print(f"{key}: {value}")
    print(f"wrote {options.output}")
    return OK


def _show_progress(step: int, steps: int, loss: float) -> None:
    print(f"\rstep {step}/{steps}  loss {loss:.5f}", end="", file=sys.stderr, flush=True)
