"""The errors a user can cause, each one clear sentence: what, where, what would be right."""

import difflib
from collections.abc import Iterable


class UsageError(ValueError):
    """Something the user gave cannot be used. The command line prints it and exits with 2."""


class Unsupported(Exception):
    """A prior cannot solve a task; the message is the one line a table shows as the reason."""


def printable(text: str) -> str:
    """Return a text with a question mark for what is no character and cannot be written.

    Such are halves of surrogate pairs: Python puts them where a file's name is not UTF-8.

    Examples
    --------
    >>> printable("caf\\udcff")
    'caf?'
    """
    return text.encode("utf-8", "replace").decode()


def check_seed(seed: object) -> None:
    """Raise a `UsageError` unless `seed` is one that torch, numpy and the store can all take.

    Examples
    --------
    >>> check_seed(2**31)
    >>> check_seed(-1)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: seed -1 is not a whole number from 0 to 2^63 - 1
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise UsageError(f"seed {seed!r} is not a whole number from 0 to 2^63 - 1")


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that is not among the `known` ones, with a suggestion.

    Examples
    --------
    >>> print(unknown("prior", "tvv", ["tv", "dip"]))
    unknown prior 'tvv'; did you mean 'tv'? (known: dip, tv)
    """
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return UsageError(f"unknown {kind} {name!r}{hint} (known: {', '.join(names) or 'none'})")
