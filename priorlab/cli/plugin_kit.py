"""The commands `plugins test` and `plugins new`."""

from __future__ import annotations

import argparse

from priorlab import api
from priorlab.cli.parsing import FAILED, OK, Parser, known, say
from priorlab.escaping import block


def add_commands(plugins: Parser) -> None:
    """Add what is done with a plugin to the command `plugins`."""
    commands = plugins.add_subparsers(metavar="new | test", prog="priorlab plugins")
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
