"""Shell completion: the command `completion`, and what can follow the word being typed.

Commands and options come from the parsers, by argcomplete. Specs come from what plugins declared
when they were last imported, so that no key press imports torch.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
from typing import TYPE_CHECKING, Any

from priorlab import api
from priorlab.cli.parsing import OK, Parser

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands

SHELLS = ("bash", "zsh", "fish")

SPECS = ("priors", "tasks", "metrics")
"""What options take lists of specs of, under these names or without the s."""


def add_completion(commands: Commands) -> None:
    """Add the command `completion`."""
    parser = commands.add_parser(
        "completion", help="print what makes a shell complete: source it, or add it to its profile"
    )
    parser.set_defaults(command=_completion)
    parser.add_argument("shell", choices=SHELLS)


def complete(parser: Parser) -> None:
    """Answer the shell and end the process if it is the shell that asks; otherwise do nothing."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    for command in parser.commands.values():
        for kind in SPECS:
            for option in (f"--{kind}", f"--{kind[:-1]}"):
                if action := command._option_string_actions.get(option):
                    action.completer = _Specs(kind)  # type: ignore[attr-defined]
    importlib.import_module("argcomplete").autocomplete(parser)


class _Specs:
    """Completes the last of a list of specs: its name, then its parameters."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, prefix: str, **_: object) -> list[str]:
        return specs_after(prefix, self.kind)


def specs_after(prefix: str, kind: str) -> list[str]:
    """Return what a list of specs that begins with `prefix` may go on with.

    Parameters
    ----------
    prefix : str
        What was typed so far, such as ``"tv,un"`` or ``"denoise:s"``.
    kind : str
        "priors", "tasks" or "metrics".

    Examples
    --------
    >>> _ = api.load_plugins()  # what they declare is kept from now on
    >>> specs_after("denoise-p", "tasks"), specs_after("denoise:", "tasks")
    (['denoise-poisson'], ['denoise:sigma='])
    """
    found = api.declarations()
    if found is None:
        return []
    items: dict[str, Any] = getattr(found, kind)
    before, comma, last = prefix.rpartition(",")
    name, colon, _ = last.partition(":")
    if not colon:
        ways = sorted(items)
    elif dataclasses.is_dataclass(items.get(name)):
        ways = [f"{name}:{field.name}=" for field in dataclasses.fields(items[name])]
    else:
        ways = []
    return [f"{before}{comma}{way}" for way in ways if way.startswith(last)]


def _completion(options: argparse.Namespace) -> int:
    print(importlib.import_module("argcomplete").shellcode(["priorlab"], shell=options.shell))
    return OK
