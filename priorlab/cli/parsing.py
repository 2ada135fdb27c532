"""What the parsers of all commands share: exit codes, kinds of values, the options for plugins."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from priorlab import api
from priorlab.errors import UsageError, check_seed
from priorlab.ground import escaping

if TYPE_CHECKING:
    from rich.console import RenderableType

    from priorlab.registry import Registry

OK, FAILED, USAGE, INTERRUPTED, FAULT = 0, 1, 2, 3, 4


class Parser(argparse.ArgumentParser):
    """Reports mistakes as every other part does: one sentence, exit code 2."""

    commands: Mapping[str, Parser] = MappingProxyType({})
    """The parsers of its commands, by name."""

    def error(self, message: str) -> NoReturn:
        """Raise a `UsageError` instead of ending the process."""
        raise UsageError(f"{message} (see '{self.prog} --help')")


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Parser]


def say(text: str) -> None:
    """Print a line that holds names or messages from elsewhere."""
    print(escaping.terminal(text))


def complain(text: str) -> None:
    """Print such a line on standard error."""
    print(escaping.terminal(text), file=sys.stderr)


class OneLine:
    """A line on standard error that is written again and again; a file gets one after the other."""

    def __init__(self) -> None:
        self._open = False

    def show(self, text: str, *, in_files: bool = True) -> None:
        """Write it in the place of the one before, in files only where it is to be there."""
        if sys.stderr.isatty():
            print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)
            self._open = True
        elif in_files:
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Go to the next line."""
        if self._open:
            print(file=sys.stderr)
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()


def say_table(made: Callable[[int], RenderableType], end: str = "\n") -> None:
    """Print a table that is made for the width of the terminal.

    Rich itself would end the process where nobody reads on, and with the exit code of cells that
    failed.
    """
    from rich.console import Console

    console = Console()
    with console.capture() as captured:
        console.print(made(console.width), end=end)
    print(captured.get(), end="")


def add_plugin_options(parser: argparse.ArgumentParser) -> None:
    """Add --plugin and --plugin-dir."""
    parser.add_argument(
        "--plugin", action="append", default=[], metavar="FILE", help="also load this plugin file"
    )
    parser.add_argument(
        "--plugin-dir", action="append", default=[], metavar="DIR", help="also load its plugins"
    )


def add_results_folder(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where runs are."""
    folder = api.RunSettings().out
    parser.add_argument("--out", type=Path, default=folder, help=f"results folder ({folder})")


def add_seed_and_device(parser: argparse.ArgumentParser, *, device: bool = True) -> None:
    """Add --seed and, where asked for, --device."""
    parser.add_argument("--seed", type=seed, default=0)
    if device:
        parser.add_argument("--device", default="cpu", help="torch device (default: %(default)s)")


def registry(options: argparse.Namespace, only: Sequence[str] | None = None) -> Registry:
    """Load the installed plugins and those that were typed, or `only` what `check_names` found."""
    return api.load_plugins(options.plugin, options.plugin_dir, only=only)


def known(options: argparse.Namespace) -> Registry:
    """Return what can be named, to be listed and explained, without loading it where possible."""
    return api.declarations(options.plugin, options.plugin_dir) or registry(options)


def check_names(options: argparse.Namespace, **named: Any) -> list[str] | None:
    """Find a wrong name before anything is loaded, where possible; see `api.check_names`."""
    return api.check_names(options.plugin, options.plugin_dir, **named)


def positive(text: str) -> int:
    """Read a whole number above 0.

    Examples
    --------
    >>> positive("4")
    4
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def count(text: str) -> int:
    """Read a whole number, 0 included.

    Examples
    --------
    >>> count("0")
    0
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def seconds(text: str) -> float:
    """Read a number of seconds above 0.

    Examples
    --------
    >>> seconds("0.5")
    0.5
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def megabytes(text: str) -> float:
    """Read an amount of memory, in MB (10^6 bytes).

    Examples
    --------
    >>> megabytes("500M"), megabytes("1.5G")
    (500.0, 1500.0)
    """
    units = {"M": 1.0, "G": 1000.0}
    try:
        value = float(text[:-1]) * units[text[-1:].upper()]
    except (ValueError, KeyError):
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount such as 500M or 4G")
    return value


def seed(text: str) -> int:
    """Read a seed.

    Examples
    --------
    >>> seed("0")
    0
    """
    try:
        value = int(text)
        check_seed(value)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    return value
