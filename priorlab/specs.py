"""Specs: the one grammar in which priors and tasks are named, parametrised and swept.

    spec   = name [":" field] ("," field)*        tv    dip:network=unet,iterations=3000
    field  = key "=" value ("|" value)*           denoise:sigma=15|25|50  is three tasks
    list   = spec ("," spec)*                     a key=value belongs to the name before it

A value that contains a comma or a bar is written in double quotes: `inpaint:mask="a,b.png"`; a
double quote within them is doubled. What a spec names is a `Component`: a frozen dataclass whose
fields are its parameters. A parameter can itself be a component, and its value is then a spec:
`dip:red=bm3d`, `dip:red="nlm:patch=7,distance=8"`.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from priorlab import tuned_parameters
from priorlab.components import Component, Find
from priorlab.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Spec:
    """A parsed spec: a name and, for each field typed, its alternatives as texts."""

    name: str
    fields: Mapping[str, tuple[str, ...]]

    def expand(self) -> Iterator[dict[str, str]]:
        """Yield one ``{field: text}`` for each combination of the alternatives."""
        for values in itertools.product(*self.fields.values()):
            yield dict(zip(self.fields, values, strict=True))


def split(text: str) -> list[Spec]:
    """Split a list of specs into names and fields, without knowing what they name.

    Raises
    ------
    UsageError
        For an empty list, an empty name or value, a field before any name, or a comma where a bar
        belongs.

    Examples
    --------
    >>> [spec.name for spec in split("tv,dip:network=unet,iterations=3000")]
    ['tv', 'dip']
    """
    parts: list[tuple[str, dict[str, tuple[str, ...]]]] = []
    for token in _cut(text, ","):
        head, equals, value = token.partition("=")
        name, colon, key = head.partition(":")
        if colon or not equals:
            if not name.strip():
                raise UsageError(f"{text!r}: expected a name before {token!r}")
            _check_name(text, name.strip(), parts[-1] if parts else ("", {}))
            parts.append((name.strip(), {}))
            if not colon:
                continue
        else:
            key = name
        key = key.strip()
        if not parts:
            raise UsageError(f"{text!r}: {token!r} needs a name before it, as in 'name:key=value'")
        if not key or not equals:
            raise UsageError(f"{text!r}: expected 'name:key=value', not {token!r}")
        if key in parts[-1][1]:
            raise UsageError(f"{text!r}: {parts[-1][0]} is given {key!r} twice")
        alternatives = tuple(_unquoted(item) for item in _cut(value, "|"))
        if not all(alternatives) or not alternatives:
            raise UsageError(f"{text!r}: {key!r} has an empty value")
        parts[-1][1][key] = alternatives
    if not parts:
        raise UsageError("expected at least one name, as in 'tv' or 'denoise:sigma=25'")
    return [Spec(name, fields) for name, fields in parts]


def _check_name(text: str, name: str, before: tuple[str, Mapping[str, Sequence[str]]]) -> None:
    """Raise a `UsageError` where commas and bars were taken for each other: no name is so."""
    if "|" in name:
        raise UsageError(
            f"{text!r}: a bar stands between the values of a parameter; between names write a"
            f" comma: {name.replace('|', ',')}"
        )
    former, fields = before
    if fields and re.fullmatch(r"[-+]?\.?[0-9][0-9.e+-]*", name):
        key, values = list(fields.items())[-1]
        raise UsageError(
            f"{text!r}: {name} is no name; if it is another value of {key}, write"
            f" {former}:{key}={'|'.join((*values, name))}"
        )


def build(text: str, kind: str, find: Find) -> list[Component]:
    """Build every component that a list of specs names, sweeps expanded, duplicates dropped.

    Parameters
    ----------
    text : str
        Such as ``"denoise:sigma=15|25,inpaint"``.
    kind : str
        What the names stand for: "priors" or "tasks".
    find : callable
        Looks a name up.

    Raises
    ------
    UsageError
        For a text outside the grammar, an unknown name or field, or a bad value.

    Examples
    --------
    >>> from priorlab import plugins
    >>> find = plugins.load().find
    >>> [prior.spec() for prior in build("tv,dip:red=none|bm3d", "priors", find)]
    ['tv', 'dip', 'dip:red=bm3d']
    """

    def nested(kind: str, text: str) -> Component:
        components = build(text, kind, find)
        if len(components) != 1:
            raise UsageError(f"expected one of the {kind}, not {len(components)}")
        return components[0]

    built: dict[Component, None] = {}
    for spec in split(text):
        component = find(kind, spec.name)
        for given in spec.expand():
            one = component.parse(given, nested)
            built[tuned_parameters.as_typed(one, given) if kind == "priors" else one] = None
    return list(built)


def not_text(given: object) -> UsageError:
    """Return what is to be raised where something else is given for a spec.

    Examples
    --------
    >>> print(not_text(None))
    expected text such as 'tv:weight=0.1' or 'denoise:sigma=25', not NoneType
    >>> from priorlab.tasks.denoising import Denoise
    >>> print(not_text(Denoise(sigma=10 / 255)))
    expected the text 'denoise:sigma=10', not Denoise
    >>> print(not_text(Denoise))
    expected text such as 'tv:weight=0.1' or 'denoise:sigma=25', not the class Denoise
    """
    if isinstance(given, Component):
        return UsageError(f"expected the text {given.spec()!r}, not {type(given).__name__}")
    a_class = isinstance(given, type)
    what = f"the class {given.__name__}" if a_class else type(given).__name__  # type: ignore[attr-defined]
    return UsageError(f"expected text such as 'tv:weight=0.1' or 'denoise:sigma=25', not {what}")


def _cut(text: str, separator: str) -> list[str]:
    """Cut at `separator` outside double quotes; an empty text has no parts."""
    if not isinstance(text, str):
        raise not_text(text)
    if text.count('"') % 2:
        raise UsageError(f"{text!r}: a double quote is never closed")
    if not text.strip():
        return []
    return [part.strip() for part in re.split(_outside_quotes(separator), text)]


def _outside_quotes(separator: str) -> str:
    """Return a pattern for a separator that an even number of quotes follows."""
    return re.escape(separator) + r'(?=(?:[^"]*"[^"]*")*[^"]*$)'


def _unquoted(text: str) -> str:
    """Return a value without the quotes around it or around a part of it."""
    return re.sub(r'"((?:[^"]|"")*)"', lambda found: found[1].replace('""', '"'), text)
