"""The commands `plugins new`, `plugins test` and `plugins compile`."""

from __future__ import annotations

import argparse
import contextlib
import time

from priorlab import api
from priorlab.cli.parsing import FAILED, OK, Parser, complain, known, say
from priorlab.errors import counted
from priorlab.ground.escaping import block


def add_commands(plugins: Parser) -> None:
    """Add what is done with a plugin to the command `plugins`."""
    commands = plugins.add_subparsers(metavar="new | test | compile", prog="priorlab plugins")
    new = commands.add_parser("new", help="write a package that is a plugin")
    new.set_defaults(command=_new)
    new.add_argument(
        "name", help="of the package and of what it provides, such as my-prior; none that is taken"
    )
    new.add_argument("--kind", required=True, choices=tuple(api.WHAT), help="what it provides")
    test = commands.add_parser("test", help="check what a plugin provides")
    test.set_defaults(command=_test)
    _add_plugin_options(test)
    test.add_argument(
        "what",
        metavar="NAME|FILE",
        help="a plugin, its file, package or folder, or a prior, task, data set, metric, engine",
    )
    ahead = commands.add_parser("compile", help="compile the loops of priors ahead, once")
    ahead.set_defaults(command=_compile)
    _add_plugin_options(ahead)


def _add_plugin_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that stand before the command's name too, and are kept from there."""
    for option, metavar in (("--plugin", "FILE"), ("--plugin-dir", "DIR")):
        parser.add_argument(
            option,
            action="append",
            default=argparse.SUPPRESS,
            metavar=metavar,
            help="also load it",
        )


def _new(options: argparse.Namespace) -> int:
    for path in api.new_plugin(options.name, options.kind, registry=known(options)):
        say(f"wrote {path}")
    say(f"next: pip install -e {options.name}, priorlab plugins test {options.name}")
    return OK


def _test(options: argparse.Namespace) -> int:
    """Print a line for each check as soon as it is made, and a count at the end."""
    counts = {"pass": 0, "FAIL": 0, "skipped": 0}
    told = ""
    for subject, outcome in api.conformance(options.what, options.plugin, options.plugin_dir):
        if told != (name := f"{subject.plugin.label}/{subject.name}"):
            say(f"{name} ({subject.kind.removesuffix('s')})")
            told = name
        reason = f": {outcome.reason}" if outcome.reason else ""
        say(f"  {outcome.status:<7} {outcome.check}{reason}")
        if options.debug and outcome.details:
            print(block(outcome.details))
        counts[outcome.status] += 1
    say(f"{counts['pass']} passed, {counts['FAIL']} failed, {counts['skipped']} skipped")
    return FAILED if counts["FAIL"] else OK


def _compile(options: argparse.Namespace) -> int:
    """Print a line for each prior that cannot be prepared, and at the end how long it took."""
    found = known(options)
    names = [prior.name for prior in found.default_priors()]
    say(f"preparing {counted(len(names), 'prior')}: loops that are not on disk are compiled, once")
    start = time.monotonic()
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        complain(text)

    problems = 0
    with contextlib.closing(api.compile_loops(names, found, on_note=note)) as prepared:
        for name, problem in prepared:
            if problem:
                problems += 1
                complain(f"{name} cannot be prepared: {problem}")
    done = "done" if notes or problems else "every loop was there"
    say(f"{done}, after {time.monotonic() - start:.0f} s")
    return FAILED if problems else OK
