"""Parameters tuned for a kind of degradation, as a package of priors ships them.

They stand in a file ``tuned.toml`` beside the module that defines the prior, as users type them:

    [tv.blur]
    weight = 0.2

What stands under "blur in gray" is for gray pictures alone, which have nothing of "blur" then.
`priorlab tune` writes such a file from training images. A prior whose parameters are all at their
defaults is run with what is tuned for the data at hand; see `priorlab.priors.Prior.settled`.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import math
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from priorlab.components import Component
from priorlab.errors import UsageError, unknown

FILE = "tuned.toml"
HEADER = "# Found by priorlab tune on training images, for each kind of degradation.\n"
STAND_IN = "what_is_tuned"
"""The attribute of a class that stands in for a prior, which has its values."""

_IN_GRAY = " in gray"

T = TypeVar("T")

Values = Mapping[str, Mapping[str, Any]]
"""For each kind of degradation, parameters as users type them."""


def values(prior: type[Component]) -> Values:
    """Return what is tuned for a prior, by kind of degradation; empty if nothing is.

    Raises
    ------
    UsageError
        If the file cannot be read.

    Examples
    --------
    >>> class Plain(Component):
    ...     name = "plain"
    >>> values(Plain)
    {}
    """
    if hasattr(prior, STAND_IN):
        return cast(Values, getattr(prior, STAND_IN))
    place = _place(prior)
    return _once(place).get(prior.name.rpartition("/")[2], {}) if place else {}


@functools.cache
def check(prior: type[Component], kinds: tuple[str, ...]) -> None:
    """Raise a `UsageError` if what is tuned for a prior cannot be used.

    Parameters
    ----------
    prior : type
    kinds : tuple of str
        Of degradation: those for which anything can be tuned.
    """
    for kind, given in values(prior).items():
        try:
            if kind not in kinds and kind.removesuffix(_IN_GRAY) not in kinds:
                raise unknown("kind of degradation", kind, kinds)
            parsed(prior, given)
        except UsageError as error:
            where = f"the tuned parameters {_place(prior)}: {prior.name}.{kind}"
            raise UsageError(f"{where}: {error}") from None


def misspelt(priors: Collection[type[Component]], known: Collection[str]) -> list[str]:
    """Return in a sentence each name in the files beside some priors that no prior has.

    Parameters
    ----------
    priors : collection of type
        Those of one plugin.
    known : collection of str
        The names of all priors. Of the files beside a lone one not all need be loaded: a name that
        stands in one of them as a text is no mistake either.
    """
    names = {prior.name.rpartition("/")[2] for prior in priors}
    places = sorted({place for prior in priors if (place := _place(prior))})
    return [
        f"the tuned parameters {place}: {unknown('prior', name, names)}"
        for place in places
        for name in _once(place)
        if name not in known and not _stands_beside(place, name)
    ]


def _stands_beside(place: Path, name: str) -> bool:
    texts = {repr(name), _quoted(name)}
    with contextlib.suppress(OSError):
        for file in place.parent.glob("*.py"):
            source = file.read_text("utf-8", errors="replace")
            if any(text in source for text in texts):
                return True
    return False


def _place(prior: type[Component]) -> Path | None:
    """Return where the file of tuned parameters of a prior is, if there is one."""
    try:
        return Path(inspect.getfile(prior)).parent / FILE
    except (TypeError, OSError):  # a class of a notebook, or that stands in for another
        return None


def fitting(values: Mapping[str, T], kinds: Collection[str], channels: int) -> T | None:
    """Return what is tuned for the first of some kinds of degradation for which anything is.

    What is for gray pictures alone comes first.

    Examples
    --------
    >>> values = {"noise": {"runs": 1}, "noise in gray": {"runs": 2}}
    >>> fitting(values, ["noise"], 1), fitting(values, ["blur", "noise"], 3)
    ({'runs': 2}, {'runs': 1})
    """
    for kind in kinds:
        gray = values.get(f"{kind}{_IN_GRAY}") if channels == 1 else None
        found = values.get(kind) if gray is None else gray
        if found is not None:
            return found
    return None


def parsed(prior: type[Component], given: Mapping[str, Any]) -> Component:
    """Return the prior with parameters given as a file has them, the others at their defaults."""
    typed = {name: _text(value) for name, value in given.items()}
    return prior.parse(typed)


def as_typed(prior: Component, typed: Collection[str]) -> Component:
    """Return the prior without what is tuned, if a parameter that is tuned was typed.

    Whoever types the value that is the default wants that value, on all data.

    Examples
    --------
    >>> from priorlab import plugins
    >>> plugins.load().build_priors("tv,tv:weight=0.75")[1].spec()
    'tv:tuned=false'
    """
    tuned = {name for given in values(type(prior)).values() for name in given}
    if not tuned & {*typed} or "tuned" in typed or prior != type(prior)():
        return prior
    return type(prior).parse({"tuned": "false"})


def spelled(given: Mapping[str, Any]) -> str:
    """Return parameters as a spec has them.

    Examples
    --------
    >>> spelled({"weight": 0.2, "solver": "drs"})
    'weight=0.2,solver=drs'
    """
    return ",".join(f"{name}={_text(value)}" for name, value in given.items())


def merged(place: Path, found: Mapping[str, Values]) -> str:
    """Return the text of a file of tuned parameters with what was found in its place.

    What is found for a kind is for all pictures: what stood there for gray ones alone goes.

    Examples
    --------
    >>> print(merged(Path("none.toml"), {"tv": {"missing pixels": {"weight": 0.5}}}))
    # Found by priorlab tune on training images, for each kind of degradation.
    <BLANKLINE>
    [tv."missing pixels"]
    weight = 0.5
    <BLANKLINE>
    """
    kept: dict[str, dict[str, Mapping[str, Any]]] = {
        name: dict(kinds) for name, kinds in _read(place).items()
    }
    for full, kinds in found.items():
        name = full.rpartition("/")[2]  # as it is looked up, whatever plugin has it
        kept[name] = kept.get(name, {}) | {f"{kind}{_IN_GRAY}": {} for kind in kinds} | dict(kinds)
    parts = []
    for name in sorted(kept):
        for kind, given in sorted(kept[name].items()):
            lines = [f"[{_key(name)}.{_key(kind)}]"]
            lines += [f"{_key(key)} = {_literal(value)}" for key, value in given.items()]
            if given:
                parts.append("\n".join(lines) + "\n")
    return "\n".join([HEADER, *parts])


@functools.cache
def _once(place: Path) -> Mapping[str, Values]:
    return _read(place)


def _read(place: Path) -> Mapping[str, Values]:
    try:
        found = tomllib.loads(place.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read the tuned parameters {place}: {reason}") from None
    for prior, kinds in found.items():
        for kind, given in kinds.items() if isinstance(kinds, dict) else [("KIND", kinds)]:
            where = f"the tuned parameters {place}: {prior}.{kind}"
            if not isinstance(given, dict):
                raise UsageError(f"{where} is no table, such as [tv.blur] with a line weight = 0.2")
            for name, value in given.items():
                if not _is_plain(value):
                    raise UsageError(f"{where}: {name} is no text, finite number, true or false")
    return found


def _is_plain(value: Any) -> bool:
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, int | str)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _literal(value: Any) -> str:
    return _quoted(value) if isinstance(value, str) else _text(value)


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
