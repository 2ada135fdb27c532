"""The command `train`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli.parsing import OK, OneLine, add_plugin_options, check_names, registry
from priorlab.errors import UsageError
from priorlab.harness.run.progress import time_left

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands
    from priorlab.training import Progress

DESCRIPTION = """\
Train a learned prior on a folder of clean images. Each setting of a training, which `priorlab
show NAME` lists, is an option: --steps 15000 --seed 0. An interrupted training goes on when the
command is repeated."""


def add_train(commands: Commands) -> None:
    """Add the command `train`."""
    parser = commands.add_parser(
        "train",
        help="train a learned prior",
        description=DESCRIPTION,
        usage="%(prog)s NAME --dataset FOLDER -o FILE [--SETTING VALUE ...]",
    )
    parser.set_defaults(command=_train, takes_further=True)
    add_plugin_options(parser)
    parser.add_argument("name", metavar="NAME", help="what to train, such as unet")
    parser.add_argument(
        "--dataset", type=Path, required=True, metavar="FOLDER", help="the clean images"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="weights file to write"
    )


def _train(options: argparse.Namespace) -> int:
    spec = with_settings(options.name, options.further)
    check_names(options, trainer=spec)
    with OneLine() as line:
        report = _Report(line)
        provenance = api.train(
            spec, options.dataset, options.output, report=report, registry=registry(options)
        )
    for key, value in provenance.items():
        print(f"{key}: {value}")
    print(f"wrote {options.output}")
    return OK


def with_settings(spec: str, further: Sequence[str]) -> str:
    """Return the spec with the settings that were typed as options.

    Examples
    --------
    >>> with_settings("unet", ["--steps", "500", "--seed=1"])
    'unet:steps="500",seed="1"'
    """
    words = [part for word in further for part in word.split("=", 1)]
    keys, values = words[::2], words[1::2]
    settings = []
    for key, value in zip(keys, [*values, ""], strict=False):
        if not key.startswith("--") or not value:
            raise UsageError(f"{key}: expected settings of the training as '--name value'")
        quoted = value.replace('"', '""')
        settings.append(f'{key[2:]}="{quoted}"')
    return spec + ("," if ":" in spec else ":") * bool(settings) + ",".join(settings)


class _Report:
    """Shows how far a training is."""

    def __init__(self, line: OneLine) -> None:
        self._line = line
        self._started = time.monotonic()
        self._first: int | None = None

    def __call__(self, progress: Progress) -> None:
        if self._first is None:  # the seconds before it hold the reading of the images
            self._started, self._first = time.monotonic(), progress.step
        done = progress.step - self._first
        parts = [f"step {progress.step}/{progress.steps}", f"loss {progress.loss:.5f}"]
        if progress.psnr is not None:
            parts.append(f"validation {progress.psnr:.2f} dB")
        if done:
            left = (time.monotonic() - self._started) * (progress.steps - progress.step) / done
            parts.append(time_left(left))
        self._line.show("  ".join(parts))
