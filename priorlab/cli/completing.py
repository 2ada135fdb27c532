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

from priorlab import api, specs
from priorlab.cli.parsing import OK, Parser
from priorlab.errors import UsageError

if TYPE_CHECKING:
    from priorlab.cli.parsing import Commands
    from priorlab.registry import Registry

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
        What was typed so far, such as ``"tv,un"``, ``"denoise:s"`` or ``"dip:seed=1,"``: what
        follows is another parameter of the last spec, or another spec.
    kind : str
        "priors", "tasks" or "metrics".

    Examples
    --------
    >>> _ = api.load_plugins()  # what they declare is kept from now on
    >>> specs_after("denoise-p", "tasks"), specs_after("denoise:", "tasks")
    (['denoise-poisson'], ['denoise:sigma='])
    >>> specs_after("unet:steps=8,so", "priors")
    ['unet:steps=8,solver=']
    """
    found = api.declarations()
    if found is None or prefix.count('"') % 2:  # within quotes stands a value
        return []
    before, comma, last = prefix.rpartition(",")
    name, colon, _ = last.partition(":")
    items: dict[str, Any] = getattr(found, kind)
    if colon:
        ways = [f"{name}:{field}=" for field in _fields(found, kind, name)]
    else:
        ways = [*_remaining(found, kind, before), *sorted(items)]
    return [f"{before}{comma}{way}" for way in ways if way.startswith(last)]


def _remaining(found: Registry, kind: str, before: str) -> list[str]:
    """Return the parameters that the last spec of a list may still be given, if it has some."""
    try:
        spec = specs.split(before)[-1]
    except UsageError:  # nothing was typed before, or something that is no list
        return []
    if not spec.fields:
        return []
    return [f"{field}=" for field in _fields(found, kind, spec.name) if field not in spec.fields]


def _fields(found: Registry, kind: str, name: str) -> list[str]:
    """Return the parameters of what a name stands for."""
    item = getattr(found, kind).get(found.known_as(kind, name))
    return (
        [field.name for field in dataclasses.fields(item)] if dataclasses.is_dataclass(item) else []
    )


def _completion(options: argparse.Namespace) -> int:
    print(importlib.import_module("argcomplete").shellcode(["priorlab"], shell=options.shell))
    return OK
