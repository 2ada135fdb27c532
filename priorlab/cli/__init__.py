"""The command line: parses, calls the Python interface, prints. Nothing is computed here.

Exit codes: 0 all well, 1 some cells failed, 2 the user's input cannot be used, 3 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from priorlab.cli import catalogue, comparing, explaining, restoring, running, training
from priorlab.cli.parsing import INTERRUPTED, OK, USAGE, Parser
from priorlab.errors import UsageError

EXAMPLES = """examples:
  priorlab bench --tasks denoise,inpaint
  priorlab bench --tasks "denoise:sigma=15|25|50" --priors tv,unet --dataset my_photos/ --seeds 0,1
  priorlab bench --suite table.toml --dataset set12/
  priorlab restore photo.jpg --task denoise --prior unet -o clean.png
  priorlab show dip
  priorlab explain dip photo.jpg -o curves.png
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # Before torch is imported: its idle threads are to sleep, not to spin on cores in use.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        typed = list(sys.argv[1:] if arguments is None else arguments)
        options = _parser().parse_args(typed, argparse.Namespace(typed=typed))
        return int(options.command(options))
    except UsageError as error:
        print(f"priorlab: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("priorlab: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `priorlab list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:  # such as a results folder that was deleted meanwhile
        print(f"priorlab: {error}", file=sys.stderr)
        return USAGE


def _parser() -> Parser:
    """Return the parser of all commands, in the order in which the help lists them."""
    parser = Parser(
        prog="priorlab",
        description="Compare image priors, learned, handcrafted and deep-image-prior, "
        "on the same evidence.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    comparing.add_bench(commands)
    restoring.add_restore(commands)
    restoring.add_degrade(commands)
    explaining.add_explain(commands)
    catalogue.add_list(commands)
    catalogue.add_show(commands)
    catalogue.add_plugins(commands)
    comparing.add_table(commands)
    running.add_runs(commands)
    running.add_status(commands)
    training.add_train(commands)
    return parser
