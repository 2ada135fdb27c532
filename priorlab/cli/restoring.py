"""The commands `restore` and `degrade`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli.parsing import (
    FAILED,
    OK,
    add_plugin_options,
    add_seed_and_device,
    check_names,
    complain,
    registry,
    say,
)

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands


def add_restore(commands: Commands) -> None:
    """Add the command `restore`."""
    parser = commands.add_parser("restore", help="restore a picture, or many")
    parser.set_defaults(command=_restore)
    add_plugin_options(parser)
    parser.add_argument(
        "images", nargs="+", metavar="image", help="files, folders, or patterns such as '*.jpg'"
    )
    parser.add_argument(
        "--task",
        default="denoise",
        help="how it was degraded (default: denoise, its sigma estimated)",
    )
    parser.add_argument(
        "--prior",
        required=True,
        help="a spec, such as tv; see 'priorlab list'; of several, as tv,bm3d, each makes a result"
        " and a contact sheet shows them all",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        help="the file to write; of several pictures the folder, where what is done stays done",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the pictures themselves, or results that were changed since",
    )
    add_seed_and_device(parser)


def add_degrade(commands: Commands) -> None:
    """Add the command `degrade`."""
    parser = commands.add_parser("degrade", help="make a degraded picture")
    parser.set_defaults(command=_degrade)
    add_plugin_options(parser)
    parser.add_argument("image", type=Path)
    parser.add_argument("--task", default="denoise", help="a spec (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    add_seed_and_device(parser, device=False)


def _restore(options: argparse.Namespace) -> int:
    found = api.collect(options.images, options.output, overwrite=options.overwrite)
    needed = check_names(options, priors=[options.prior], tasks=[options.task])
    if found.left_out:
        say(f"left out, no pictures: {', '.join(found.left_out)}")
    done = api.restore_files(
        options.images,
        options.output,
        options.task,
        options.prior,
        seed=options.seed,
        device=options.device,
        overwrite=options.overwrite,
        registry=registry(options, needed),
        say=say,
        progress=api.for_pictures(),
    )
    for name, reason in done.failed.items():
        complain(f"priorlab: failed: {name}: {reason}")
    return FAILED if done.failed else OK


def _degrade(options: argparse.Namespace) -> int:
    needed = check_names(options, tasks=[options.task])
    api.degrade_file(
        options.image,
        options.output,
        options.task,
        seed=options.seed,
        registry=registry(options, needed),
        say=say,
    )
    return OK
