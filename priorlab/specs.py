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
import hashlib
import inspect
import itertools
import math
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

from priorlab.errors import UsageError, unknown

PER_GRAY_LEVEL = 1 / 255
"""Scale of a parameter that users type on the 0-255 scale of the literature."""

Find = Callable[[str, str], "type[Component]"]
"""Returns what a name stands for among a kind, such as "priors", or raises a `UsageError`."""


def parameter(
    default: Any,
    doc: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    scale: float = 1.0,
    file: bool = False,
    shown: bool = False,
    component: str = "",
) -> Any:
    """Declare a field of a `Component`: a parameter that `priorlab show` can explain.

    Parameters
    ----------
    default : bool, int, float, str or None
        The default, on the internal scale. Its type is the field's annotation.
    doc : str
        One line: what the parameter means.
    unit : str
        The unit in which a user types the value, such as "0-255" or "pixels".
    low, high : float, optional
        Inclusive limits, on the internal scale.
    choices : sequence of str
        The allowed values of a text parameter.
    scale : float
        Typed value times `scale` is the internal value. Noise levels use `PER_GRAY_LEVEL`.
    file : bool
        The value is the path of a file; results depend on its content, not on its name.
    shown : bool
        Tables name the parameter even at its default: `denoise:sigma=25`.
    component : str
        The value is a component of this kind ("priors", ...) or None; users type its spec, or
        "none". The field's annotation says which: ``Denoiser | None``.
    """
    facts = {"doc": doc, "unit": unit, "low": low, "high": high, "choices": tuple(choices)}
    facts |= {"scale": scale, "file": file, "shown": shown, "component": component}
    return dataclasses.field(default=default, metadata=facts)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Component:
    """Base of priors and tasks: a named, frozen set of checked parameters.

    A subclass is a frozen dataclass, sets `name`, and declares its fields with `parameter`.
    """

    name: ClassVar[str]

    def __post_init__(self) -> None:
        types = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value, kind = getattr(self, field.name), types[field.name]
            if kind is float and isinstance(value, Real) and not isinstance(value, bool):
                # What is printed is what is used: equal specs are equal components.
                value = _typed(field, float(value)) * field.metadata.get("scale", 1.0)
            elif kind is int and isinstance(value, Integral) and not isinstance(value, bool):
                value = int(value)
            _check(type(self), field, kind, value)
            object.__setattr__(self, field.name, value)

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the docstring: what `priorlab list` prints."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    @classmethod
    def parse(cls, given: Mapping[str, str], find: Find | None = None) -> Self:
        """Build an instance from typed texts, such as ``{"sigma": "25"}``.

        Parameters
        ----------
        given : mapping of str to str
            The texts by field.
        find : callable, optional
            Looks up the names of components that are parameters.

        Raises
        ------
        UsageError
            For an unknown field or a value of the wrong type or out of range.
        """
        types = typing.get_type_hints(cls)
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values = {}
        for key, text in given.items():
            if key not in fields:
                raise unknown(f"field of {cls.name}", key, fields)
            if kind := fields[key].metadata.get("component"):
                values[key] = _convert_component(cls, key, kind, text, find)
            else:
                values[key] = _convert(cls, fields[key], types[key], text)
        return cls(**values)

    def components(self) -> dict[str, "Component"]:
        """Return the parameters that are components themselves, by name."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Component)}

    def text(self, key: str) -> str:
        """Return a parameter as a user types it: noise levels on the 0-255 scale."""
        field = next(field for field in dataclasses.fields(self) if field.name == key)
        return _text(_typed(field, getattr(self, key)))

    def shown(self) -> list[str]:
        """Return the names of the parameters that tell this component from others of its kind.

        They are those that are not at their default, and those that tables always show.
        """
        return [
            field.name
            for field in dataclasses.fields(self)
            if field.metadata.get("shown", False)
            or _typed(field, getattr(self, field.name)) != _typed(field, field.default)
        ]

    def spec(self) -> str:
        """Return the shortest spec that names this component, as tables print it."""
        shown = [f"{key}={_quoted(self.text(key))}" for key in self.shown()]
        return self.name + (":" + ",".join(shown) if shown else "")

    def fingerprint(self) -> dict[str, Any]:
        """Return name and all parameters, files by content: what results can depend on.

        Of a parameter that is a component, its own fingerprint.
        """
        parameters: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata.get("file", False) and value:
                value = "sha256:" + file_digest(type(self), field.name, value)
            elif isinstance(value, Component):
                value = value.fingerprint()
            else:
                value = _typed(field, value)
            parameters[field.name] = value
        return {"name": self.name, "parameters": parameters}


_NONE = type(None)


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
        For an empty list, an empty name or value, or a field before any name.

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
    """
    built: dict[Component, None] = {}
    for spec in split(text):
        component = find(kind, spec.name)
        for given in spec.expand():
            built[component.parse(given, find)] = None
    return list(built)


def description(component: Component) -> dict[str, Any]:
    """Return name and parameters as JSON can hold them; `from_description` builds it again."""
    values = {field.name: getattr(component, field.name) for field in dataclasses.fields(component)}
    nested = {name: description(value) for name, value in component.components().items()}
    return {"name": component.name, "parameters": values | nested}


def from_description(facts: Mapping[str, Any], kind: str, find: Find) -> Component:
    """Build the component of a kind that `description` described."""
    built = find(kind, facts["name"])
    values = dict(facts["parameters"])
    for field in dataclasses.fields(built):
        inner = field.metadata.get("component")
        if inner and values.get(field.name) is not None:
            values[field.name] = from_description(values[field.name], inner, find)
    return built(**values)


def file_digest(owner: type[Component], key: str, path: str) -> str:
    """Return the SHA-256 of a file that a parameter names, or raise a `UsageError`."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(
            f"{owner.name}: cannot read {key}={path}: {error.strerror or error}"
        ) from None


def _cut(text: str, separator: str) -> list[str]:
    """Cut at `separator` outside double quotes; an empty text has no parts."""
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


_NOUNS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _convert(owner: type[Component], field: dataclasses.Field[Any], kind: Any, text: str) -> Any:
    """Turn a typed text into the field's internal value."""
    try:
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
                text.lower()
            ]
        if kind is int:
            return int(text)
        if kind is float:
            return float(text) * float(field.metadata.get("scale", 1.0))
    except (ValueError, KeyError):
        raise UsageError(f"{owner.name}: {field.name}={text} is not {_NOUNS[kind]}") from None
    return text


def _convert_component(
    owner: type[Component], key: str, kind: str, text: str, find: Find | None
) -> Component | None:
    """Build the component that a parameter's text names."""
    if text == "none":
        return None
    if find is None:
        raise UsageError(f"{owner.name}: {key}={text} cannot be looked up here")
    try:
        built = build(text, kind, find)
    except UsageError as error:
        raise UsageError(f"{owner.name}: {key}={text}: {error}") from None
    if len(built) != 1:
        raise UsageError(f"{owner.name}: {key}={text} names {len(built)} {kind}, not one")
    return built[0]


def _check(owner: type[Component], field: dataclasses.Field[Any], kind: Any, value: Any) -> None:
    """Raise a `UsageError` unless the value has the declared type, choices and limits."""
    facts = field.metadata
    typed = f"{owner.name}: {field.name}={_text(_typed(field, value))}"
    if kind in _NOUNS and type(value) is not kind:
        raise UsageError(f"{typed} is not {_NOUNS[kind]}, but of type {type(value).__name__}")
    if facts.get("component") and not (value is None or isinstance(value, kind)):
        wanted = " or ".join(form.__name__ for form in typing.get_args(kind) if form is not _NONE)
        raise UsageError(f"{typed} is not a {wanted}")
    choices = facts.get("choices", ())
    if choices and value not in choices:
        raise UsageError(f"{typed} is not one of {', '.join(choices)}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if not math.isfinite(value):
        raise UsageError(f"{typed} is not a finite number")
    scale = facts.get("scale", 1.0)
    low, high = facts.get("low"), facts.get("high")
    if low is not None and value < low:
        raise UsageError(f"{typed} is too small; the least is {low / scale:g}")
    if high is not None and value > high * (1 + 1e-12):
        raise UsageError(f"{typed} is too large; the most is {high / scale:g}")


def _typed(field: dataclasses.Field[Any], value: Any) -> Any:
    """Undo the scale; nine digits, so that 25/255 comes back as 25."""
    if isinstance(value, float):
        return float(f"{value / field.metadata.get('scale', 1.0):.9g}")
    return value


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Component):
        return value.spec()
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _quoted(text: str) -> str:
    plain = text == text.strip() and not any(mark in text for mark in ',|"')
    return text if plain else '"' + text.replace('"', '""') + '"'
