"""What a check is, and what can come of it."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from priorlab.errors import Unsupported, UsageError, kind, said, trace_of
from priorlab.restoration import InvalidImage
from priorlab.trials import surroundings

TIMEOUT = 120.0
"""Seconds that a check may take, if it does not say otherwise."""

Status = Literal["pass", "FAIL", "skipped"]


class Failed(AssertionError):
    """A check is not passed; the message says what, where, and what would be right."""


class Skipped(Exception):
    """A check does not apply, or cannot be made here; the message says why."""


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that is asked of a plugin.

    Attributes
    ----------
    name : str
        One word, as `priorlab plugins test` prints it.
    function : callable
        Takes what is checked; returns nothing, or raises `Failed` or `Skipped`. Its docstring
        says what is asked.
    seconds : float
        How long it may take.
    """

    name: str
    function: Callable[[Any], None]
    seconds: float = TIMEOUT


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one check.

    Attributes
    ----------
    check : str
        Its name.
    status : {"pass", "FAIL", "skipped"}
    reason : str
        Empty, or in one line what is wrong and what would be right, or why it was skipped.
    details : str
        A traceback, where an error was raised.
    """

    check: str
    status: Status
    reason: str = ""
    details: str = ""


def run(check: Check, item: Any) -> Outcome:
    """Make one check; whatever a plugin raises is an outcome.

    Examples
    --------
    >>> def positive(number):
    ...     if number <= 0:
    ...         raise Failed(f"{number} is not above 0")
    >>> outcome = run(Check("positive", positive), -1)
    >>> outcome.status, outcome.reason
    ('FAIL', '-1 is not above 0')
    """
    exception = getattr(item, "conformance_exceptions", {}).get(check.name)
    if exception is not None:
        return Outcome(check.name, "skipped", f"declared exception: {exception}")
    try:
        with surroundings.kept():
            check.function(item)
    except KeyboardInterrupt:
        raise
    except (Skipped, Unsupported) as reason:
        return Outcome(check.name, "skipped", said(reason))
    except BaseException as error:  # a plugin may raise anything, SystemExit included
        return Outcome(check.name, "FAIL", _told(error), trace_of(error))
    return Outcome(check.name, "pass")


def said_once(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Yield outcomes; why several checks fail for the same reason, only the first one says.

    Examples
    --------
    >>> twice = [Outcome(check, "FAIL", "denoise returned ndarray") for check in ("range", "gain")]
    >>> [outcome.reason for outcome in said_once(twice)]
    ['denoise returned ndarray', 'the same as range']
    """
    said: dict[str, str] = {}
    for outcome in outcomes:
        first = said.setdefault(outcome.reason, outcome.check)
        repeated = outcome.status == "FAIL" and first != outcome.check
        yield dataclasses.replace(outcome, reason=f"the same as {first}") if repeated else outcome


def verify(checks: Sequence[Check], item: Any) -> None:
    """Make checks one after the other, and raise one `AssertionError` that names all that fail.

    Examples
    --------
    >>> def whole(number):
    ...     if number % 1:
    ...         raise Failed(f"{number} is not whole")
    >>> verify([Check("whole", whole)], 0.5)
    Traceback (most recent call last):
    ...
    AssertionError: whole: 0.5 is not whole
    """
    outcomes = [run(check, item) for check in checks]
    failed = [f"{one.check}: {one.reason}" for one in outcomes if one.status == "FAIL"]
    if failed:
        raise AssertionError("\n".join(failed))


def _told(error: BaseException) -> str:
    """Return in one line what went wrong, and in which line of the plugin."""
    line = " ".join(said(error).split())
    if issubclass(type(error), Failed | UsageError | InvalidImage):
        return line
    return f"{kind(error)}: {line}{_place(error)}"


def _place(error: BaseException) -> str:
    """Return the last line outside of priorlab and of installed libraries that led to an error."""
    core = str(Path(__file__).parents[1])
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((core, "<")) and "site-packages" not in frame.filename:
            return f" ({Path(frame.filename).name}, line {frame.lineno}, in {frame.name})"
    return ""
