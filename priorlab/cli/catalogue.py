"""The commands `list`, `show`, `suites` and `plugins`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from priorlab import api
from priorlab.cli import plugin_kit
from priorlab.cli.parsing import FAILED, OK, add_plugin_options, known, say
from priorlab.errors import UsageError
from priorlab.ground.escaping import block
from priorlab.hookspecs import KINDS

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands


def add_list(commands: Commands) -> None:
    """Add the command `list`."""
    parser = commands.add_parser("list", help=f"list {', '.join(KINDS)}")
    parser.set_defaults(command=_list)
    add_plugin_options(parser)
    parser.add_argument("kind", nargs="?", choices=KINDS, help="only these (default: all)")


def add_show(commands: Commands) -> None:
    """Add the command `show`."""
    parser = commands.add_parser("show", help="explain one of them")
    parser.set_defaults(command=_show)
    add_plugin_options(parser)
    parser.add_argument("name")


def add_suites(commands: Commands) -> None:
    """Add the command `suites`."""
    parser = commands.add_parser("suites", help="list published tables to make again, or show one")
    parser.set_defaults(command=_suites)
    parser.add_argument("name", nargs="?", help="show this one, with its figures and digests")
    parser.add_argument("--dataset", metavar="FOLDER", help="say of which it holds the images")


def add_plugins(commands: Commands) -> None:
    """Add the command `plugins`."""
    parser = commands.add_parser(
        "plugins", help="list the plugins and what is wrong with them; make, test or compile one"
    )
    parser.set_defaults(command=_plugins)
    add_plugin_options(parser)
    plugin_kit.add_commands(parser)


def _list(options: argparse.Namespace) -> int:
    found = known(options)
    for kind in [options.kind] if options.kind else KINDS:
        print(f"{kind}:")
        for name, item in sorted(getattr(found, kind).items()):
            doc = item.summary() if hasattr(item, "summary") else item.doc
            named = not getattr(item, "by_default", True)
            print(block(f"  {name:<18} {doc}{' (only when named)' * named}"))
    if found.problems:
        names = ", ".join(plugin.name for plugin in found.problems)
        say(f"with problems, see 'priorlab plugins': {names}")
    return OK


def _show(options: argparse.Namespace) -> int:
    print(block(api.describe(options.name, known(options))))
    return OK


def _suites(options: argparse.Namespace) -> int:
    if options.name and options.dataset:
        raise UsageError("--dataset goes with the list of all suites")
    if options.name:
        print(block(api.describe_suite(options.name)))
    else:
        print(block("\n\n".join(api.suites(options.dataset))))
    return OK


def _plugins(options: argparse.Namespace) -> int:
    found = api.load_plugins(options.plugin, options.plugin_dir, again=True)
    for plugin in found.plugins:
        offers = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in plugin.provides.items())
        say(f"{plugin.name} ({plugin.source})")
        print(block(f"  {offers or 'provides nothing'}"))
        if plugin.problem:
            print(block(f"  PROBLEM: {plugin.problem}"))
            for line in block(plugin.details.rstrip()).splitlines():
                print(f"    {line}")
    for kind, name in found.conflicts:
        if "/" not in name:  # a full name is the problem of its plugins
            say(found.claimed(kind, name))
    return FAILED if found.problems else OK
