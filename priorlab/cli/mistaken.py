"""Options that do not exist, and what was probably meant: `--sigma 25` is a task's parameter."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import itertools
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from priorlab import specs
from priorlab.cli.parsing import Parser, add_plugin_options, known
from priorlab.errors import UsageError

if TYPE_CHECKING:
    from priorlab.registry import Registry


def check_options(command: Parser, words: Sequence[str]) -> None:
    """Raise a `UsageError` that says what to type instead of an option that does not exist.

    Commands that take settings beside their options, or have commands of their own, know better.

    Parameters
    ----------
    command : Parser
        The parser of the command that was typed.
    words : sequence of str
        What was typed behind the command.

    Examples
    --------
    >>> restore = Parser(prog="priorlab restore")
    >>> _ = restore.add_argument("--task")
    >>> check_options(restore, ["photo.png", "--task", "denoise", "--sigma", "25"])
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: --sigma is a parameter of a task: type --task denoise:sigma=25
    """
    has = command._option_string_actions
    flags = {kind: _flag(kind, has) for kind in ("tasks", "priors")}
    if command.get_default("takes_further") or command._subparsers is not None:
        return
    for option, value in _unknown(has, words):
        name = option.removeprefix("--").replace("-", "_")
        typed = _typed(command, words)
        for kind in filter(flags.get, flags):
            given, flag = getattr(typed, kind), flags[kind]
            if meant := list(_meant(known(typed), kind, given, name, value)):
                raise UsageError(
                    f"{option} is a parameter of a {kind.removesuffix('s')}: type "
                    + " or ".join(f"{flag} {shlex.quote(spec)}" for spec in meant)
                )
        close = difflib.get_close_matches(option, has, n=1, cutoff=0.75)
        hint = f"; did you mean {close[0]}?" if close else ""
        command.error(f"unrecognized arguments: {option} {value}".rstrip() + hint)


LISTS = ("--priors", "--tasks", "--metrics", "--images", "--seeds", "--columns")
"""Options that take a list with commas."""


def refuse_words(command: Parser, typed: Sequence[str], words: Sequence[str]) -> NoReturn:
    """Raise a `UsageError` for words that a command does not take: of a list with spaces, mostly.

    Parameters
    ----------
    command : Parser
        The parser of the command.
    typed : sequence of str
        All that was typed.
    words : sequence of str
        What of that nothing takes.

    Examples
    --------
    >>> refuse_words(Parser(prog="x"), ["x", "--tasks", "denoise,", "inpaint"], ["inpaint"])
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: a list is typed without spaces: --tasks denoise,inpaint
    """
    for number, word in enumerate(typed[2:], 2):
        option, before = typed[number - 2 : number]
        if word in words and any(one.startswith(option) for one in LISTS if option[2:]):
            rest = itertools.takewhile(words.__contains__, typed[number:])
            whole = ",".join(part.strip(",") for part in (before, *rest))
            raise UsageError(f"a list is typed without spaces: {option} {shlex.quote(whole)}")
    has_flags = {"--priors", "--tasks"} <= command._option_string_actions.keys()
    hint = "; priors are named with --priors, tasks with --tasks" if has_flags else ""
    command.error(f"unrecognized arguments: {' '.join(words)}{hint}")


def _flag(kind: str, has: Mapping[str, Any]) -> str:
    """Return the option that takes specs of a kind, such as --tasks or --task, or nothing."""
    return next((flag for flag in (f"--{kind}", f"--{kind[:-1]}") if flag in has), "")


def _unknown(has: Mapping[str, Any], words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the options that a parser does not have, nor as an abbreviation, with their values."""
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if word == "--":
            return
        if not option.startswith("--") or any(name.startswith(option) for name in has):
            continue
        following = words[number + 1 : number + 2]
        if not equals and following and not following[0].startswith("-"):
            value = following[0]
        yield option, value


def _typed(command: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Return the tasks, priors and plugins among what was typed, whatever else is wrong with it."""
    parser = Parser(prog=command.prog, add_help=False, allow_abbrev=False)
    add_plugin_options(parser)
    for kind in ("tasks", "priors"):
        parser.add_argument(f"--{kind}", f"--{kind[:-1]}", dest=kind)
    return parser.parse_known_args(words)[0]


def _meant(found: Registry, kind: str, given: str | None, name: str, value: str) -> Iterator[str]:
    """Yield the specs that give a parameter its value: of what was typed, or of any task."""
    items: Mapping[str, Any] = getattr(found, kind)
    names = {item: [field.name for field in dataclasses.fields(of)] for item, of in items.items()}
    places = {item: fields.index(name) for item, fields in names.items() if name in fields}
    field = f"{name}={value or 'VALUE'}"
    typed = specs.split(given) if given else []
    meant = [spec for spec in typed if spec.name in places]
    if len(typed) == 1 and meant and name not in meant[0].fields:
        yield f"{given}{',' if meant[0].fields else ':'}{field}"
    elif meant:
        yield from (f"{spec.name}:{field}" for spec in meant)
    elif kind == "tasks" and places and not typed:
        # `quality` is what dejpeg is about, and only a detail of others.
        first = min(places.values())
        yield from (f"{item}:{field}" for item, place in places.items() if place == first)
