"""The errors a user can cause, each one clear sentence: what, where, what would be right."""

import difflib
import operator
import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

LONGEST_SAID = 10_000
"""Characters of what an error says that are looked at: some hold all of an image as text."""
LONGEST_TRACEBACK = 20_000
"""Characters that are kept of a traceback."""
_FEW = 5
_MOST_FRAMES = 40
_MOST_ERRORS = 8


class UsageError(ValueError):
    """Something the user gave cannot be used. The command line prints it and exits with 2.

    Attributes
    ----------
    details : str
        What led to it elsewhere, such as the traceback of a plugin, for who asks with --debug.
    """

    details: str = ""


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


def counted(count: int, one: str, several: str = "") -> str:
    """Return how many there are of something; by default several have an "s" at the end.

    Examples
    --------
    >>> counted(1, "cell"), counted(2, "cell"), counted(2, "image is", "images are")
    ('1 cell', '2 cells', '2 images are')
    """
    return f"{count} {one if count == 1 else several or one + 's'}"


def percent(share: float) -> str:
    """Return a share from 0 to 1 in percent, in two digits unless it is nearly all.

    Examples
    --------
    >>> [percent(share) for share in (1, 0.997, 0.5, 0.0123, 1e-7)]
    ['100 %', '99.7 %', '50 %', '1.2 %', 'less than 0.01 %']
    """
    if share < 1e-4:
        return "less than 0.01 %"
    return f"{100 * share:.{3 if share >= 0.995 else 2}g} %"  # of 100, two digits are 1e+02


def few(texts: Sequence[str]) -> str:
    """Return texts in a line, of many the first ones and how many more there are.

    Examples
    --------
    >>> few(["tv", "dip"]), few("abcdefg")
    ('tv, dip', 'a, b, c, d, e and 2 more')
    """
    more = f" and {len(texts) - _FEW} more" if len(texts) > _FEW else ""
    return ", ".join(texts[:_FEW]) + more


def said(error: BaseException) -> str:
    """Return what an error says, whatever it is: bounded, printable, and never an error itself.

    Examples
    --------
    >>> said(ValueError("half a pair: " + chr(0xDCFF)))
    'half a pair: ?'
    >>> class Silent(Exception):
    ...     __str__ = None
    >>> said(Silent())
    'its message cannot be shown'
    """
    try:
        # By str's own method: what a plugin's error returns may be a text of a class of its own.
        return printable(str.__getitem__(str(error), slice(LONGEST_SAID)))
    except (Exception, SystemExit):
        return "its message cannot be shown"


def kind(error: BaseException) -> str:
    """Return the name of an error's class.

    Examples
    --------
    >>> kind(ZeroDivisionError())
    'ZeroDivisionError'
    """
    name = type.__dict__["__name__"].__get__(type(error))  # whatever its own class says
    return printable(str.__getitem__(name, slice(LONGEST_SAID)))


def trace_of(error: BaseException) -> str:
    """Return the end of an error's traceback, with the errors that led to it.

    Unlike Python's own it is bounded, and nothing that is raised by a plugin's error can break it.

    Examples
    --------
    >>> print(trace_of(ZeroDivisionError("division by zero")))
    ZeroDivisionError: division by zero
    """
    parts = []
    for one in _chain(error):
        frames = traceback.extract_tb(one.__traceback__, limit=-_MOST_FRAMES)
        heading = ["Traceback (most recent call last):\n"] if frames else []
        parts.append("".join([*heading, *frames.format(), f"{kind(one)}: {said(one)}"]))
    return printable("\n\nwhich led to:\n\n".join(parts))[-LONGEST_TRACEBACK:]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors that led to one, the first of all first, and last itself."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < _MOST_ERRORS and all(cause is not e for e in found):
        found.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    yield from reversed(found)


def check_seed(seed: Any) -> int:
    """Return a seed that torch, numpy and the store can all take, or raise a `UsageError`.

    Examples
    --------
    >>> check_seed(2**31)
    2147483648
    >>> check_seed(-1)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: seed -1 is not a whole number from 0 to 2^63 - 1
    """
    try:
        # numpy 1 takes its own True for 1.
        number = -1 if type(seed).__name__.startswith("bool") else operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < 2**63:
        raise UsageError(f"seed {seed!r} is not a whole number from 0 to 2^63 - 1")
    return number


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that is not among the `known` ones, with a suggestion.

    Examples
    --------
    >>> print(unknown("prior", "tvv", ["tv", "dip"]))
    unknown prior 'tvv'; did you mean 'tv'? (known: dip, tv)
    """
    names = sorted(known)
    hint = suggestion(name, names)
    return UsageError(f"unknown {kind} {name!r}{hint} (known: {', '.join(names) or 'none'})")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the question whether one of the `known` names was meant, or nothing.

    Examples
    --------
    >>> suggestion("frist", ["first", "second"]), suggestion("x", ["first"])
    ("; did you mean 'first'?", '')
    """
    close = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
