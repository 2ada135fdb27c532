"""The command line: parses, calls the Python interface, prints. Nothing is computed here.

Exit codes: 0 all well, 1 some cells failed, 2 the user's input cannot be used, 3 interrupted,
4 a fault of priorlab itself.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import NoReturn

from priorlab import __version__
from priorlab.cli import (
    catalogue,
    comparing,
    completing,
    explaining,
    pairing,
    reporting,
    restoring,
    running,
    training,
    tuning,
)
from priorlab.cli.ending import end_at_once, end_in_order
from priorlab.cli.mistaken import check_options, refuse_words
from priorlab.cli.parsing import FAULT, INTERRUPTED, OK, USAGE, Parser, complain
from priorlab.errors import UsageError, trace_of, unknown
from priorlab.ground import freed_memory, garbage, process_tree
from priorlab.ground.escaping import block

EXAMPLES = """examples:
  priorlab bench --tasks denoise,inpaint
  priorlab bench --tasks "denoise:sigma=15|25|50" --priors tv,unet --dataset my_photos/ --seeds 0,1
  priorlab bench --suite gaussian-set12 --dataset set12/
  priorlab restore photo.jpg --task denoise --prior unet -o clean.png
  priorlab show dip
  priorlab explain dip photo.jpg -o curves.png
"""

START = """priorlab compares ideas of what a natural image looks like, and restores with them.

  priorlab bench --tasks denoise,inpaint         compare all priors on photographs that are included
  priorlab restore photo.jpg --prior unet -o clean.png
  priorlab list priors                           what there is; priorlab show NAME explains one

'priorlab --help' lists all commands."""


def run() -> NoReturn:
    """Run the command that was typed, and end the process."""
    end_at_once(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed. By default that of the process, which is then this command's alone.
    """
    if arguments is not None:
        return _run(list(arguments))
    garbage.freeze()
    freed_memory.keep()
    end_in_order()
    process_tree.hear_of_children()
    try:
        return _run(sys.argv[1:])
    finally:
        _drop_unprinted()
        garbage.freeze()  # what it holds is not to be looked through at its end


def _run(typed: list[str]) -> int:
    _settle_streams()
    debug = DEBUG in typed or os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")
    try:
        with _printed():
            # It stands before the command or after it.
            typed = [one for one in typed if one != DEBUG]
            if not typed:
                print(START)
                return OK
            parser = _parser()
            completing.complete(parser)
            _check_typed(parser, typed)
            given = argparse.Namespace(typed=typed, debug=debug)
            options, further = parser.parse_known_args(typed, given)
            if further and not getattr(options, "takes_further", False):
                refuse_words(parser.commands.get(typed[0], parser), typed, further)
            options.further = further
            return int(options.command(options))
    except UsageError as error:
        _complain(error, debug)
        return USAGE
    except KeyboardInterrupt:
        _tell("priorlab: interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # `priorlab list | head`
        return OK
    except (ProcessLookupError, ChildProcessError) as error:  # of processes that priorlab starts
        return _report(error)
    except OSError as error:  # such as a results folder that was deleted meanwhile
        _complain(error, debug)
        return USAGE
    except MemoryError:
        _tell("priorlab: there is not enough memory for this")
        return USAGE
    except Exception as error:  # everything that a user can cause is one of the above
        return _report(error)


def _report(error: Exception) -> int:
    """Show where a fault is, and ask for a report of it."""
    _tell(f"{block(trace_of(error))}\npriorlab: {REPORT}")
    return FAULT


@contextlib.contextmanager
def _printed() -> Iterator[None]:
    """Have printed at the end what waits for it, while it can still be said if that fails."""
    try:
        yield
    except SystemExit:  # of --help
        sys.stdout.flush()
        raise
    sys.stdout.flush()


def _drop_unprinted() -> None:
    """Drop what cannot be printed, or Python would fail with it when the process ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _tell(text: str) -> None:
    """Print on standard error, unless that was closed."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


def _check_typed(parser: Parser, typed: Sequence[str]) -> None:
    """Answer a mistaken command or option better than argparse does."""
    command, *given = typed
    if command in parser.commands:
        check_options(parser.commands[command], given)
    elif not command.startswith("-"):
        raise unknown("command", command, parser.commands)
    elif not any(name.startswith(command) for name in parser._option_string_actions):
        places = [place for place, word in enumerate(typed) if word in parser.commands]
        # What follows an option may be its value, such as a folder called runs.
        places.sort(key=lambda place: typed[place - 1].startswith("-"))
        if places:
            words = (typed[places[0]], *typed[: places[0]], *typed[places[0] + 1 :])
            raise UsageError(f"type the command first: {shlex.join(('priorlab', *words))}")


DEBUG, DEBUG_VARIABLE = "--debug", "PRIORLAB_DEBUG"


def _complain(error: UsageError | OSError, debug: bool) -> None:
    """Print what is wrong; where an error of a plugin or of a library led to it, say how to see it.

    With --debug the traceback is printed, whatever it was.
    """
    details = getattr(error, "details", "")
    if debug:
        _tell(block(f"{details}{trace_of(error)}"))
    hidden = not debug and (details or error.__cause__ is not None)
    hint = f" ({DEBUG} shows where)" if hidden else ""
    with contextlib.suppress(OSError):
        complain(f"priorlab: {_sentence(error)}{hint}")


def _sentence(error: UsageError | OSError) -> str:
    """Return what is wrong, in the words of the system where it is the one that refuses."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    where = f"cannot use {error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}"


REPORT = (
    "this is a fault of priorlab or of a plugin, not of yours; please report it to the authors,"
    " with the text above, the command and what 'priorlab --version' prints"
)


def _settle_streams() -> None:
    """Let no text and no closed stream be an error: names of files may hold any bytes.

    A width of 0 is that of no terminal; in so many columns rich would print nothing.
    """
    if os.environ.get("COLUMNS") == "0":
        del os.environ["COLUMNS"]
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # or the next file that is opened would take its place
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:  # it was closed
            setattr(sys, name, os.fdopen(number, "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # none, another kind, or closed
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


class _Version(argparse.Action):
    """Print what a report of a fault needs."""

    def __call__(self, parser: argparse.ArgumentParser, *given: object) -> None:
        versions = [f"{name} {metadata.version(name)}" for name in ("torch", "numpy")]
        system = f"Python {platform.python_version()}, {', '.join(versions)}, {platform.platform()}"
        print(f"priorlab {__version__} ({system})")
        parser.exit(OK)


def _parser() -> Parser:
    """Return the parser of all commands, in the order in which the help lists them."""
    parser = Parser(
        prog="priorlab",
        description="Compare image priors, learned, handcrafted and deep-image-prior, "
        "on the same evidence.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the versions and exit")
    # `main` takes it out of what was typed; it is here for the help.
    parser.add_argument(DEBUG, action="store_true", help="print the traceback of an error, too")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    comparing.add_bench(commands)
    restoring.add_restore(commands)
    restoring.add_degrade(commands)
    explaining.add_explain(commands)
    catalogue.add_list(commands)
    catalogue.add_show(commands)
    catalogue.add_suites(commands)
    catalogue.add_plugins(commands)
    comparing.add_table(commands)
    pairing.add_compare(commands)
    pairing.add_ranks(commands)
    reporting.add_report(commands)
    running.add_runs(commands)
    running.add_status(commands)
    training.add_train(commands)
    tuning.add_tune(commands)
    completing.add_completion(commands)
    parser.commands = commands.choices
    return parser
