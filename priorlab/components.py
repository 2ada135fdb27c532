"""Components: what priors and tasks have in common, named and frozen sets of checked parameters.

How they are typed as text is the grammar of `priorlab.specs`.
"""

import dataclasses
import functools
import hashlib
import inspect
import math
import typing
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

from priorlab import overrides
from priorlab.errors import UsageError, unknown
from priorlab.ground.files import as_stored, check_regular

PER_GRAY_LEVEL = 1 / 255
"""Scale of a parameter that users type on the 0-255 scale of the literature."""

_TYPABLE = "a parameter is bool, int, float or str, or one of these | None"

Find = Callable[[str, str], "type[Component]"]
"""Returns what a name stands for among a kind, such as "priors", or raises a `UsageError`."""

Nested = Callable[[str, str], "Component"]
"""Builds the component of a kind that a text names, or raises a `UsageError`."""


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
    named: bool = False,
    shown: bool = False,
    component: str = "",
    search: tuple[float, float] | tuple[str, ...] = (),
) -> Any:
    """Declare a field of a `Component`: a parameter that `priorlab show` can explain.

    Parameters
    ----------
    default : bool, int, float, str or None
        The default, on the internal scale. Its type is the field's annotation; a number that may
        be left to the component is annotated ``int | None``, and users type None as "auto".
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
    named : bool
        They depend on the file's name too, as that of published weights says what they are for.
    shown : bool
        Tables name the parameter even at its default: `denoise:sigma=25`.
    component : str
        The value is a component of this kind ("priors", ...) or None; users type its spec, or
        "none". The field's annotation says which: ``Denoiser | None``.
    search : tuple
        Where `priorlab tune` looks for the best value, as users type it: the ends of a range, or
        some of the choices. Without it the parameter is never tuned.

    Raises
    ------
    ValueError
        For a `search` that is neither within the limits nor some of the choices, and for limits
        that no value keeps to.
    TypeError
        For a default that nobody can type, such as a list, limits that are no numbers, and
        choices that are one text.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Blur(Component):
    ...     name = "blur"
    ...     width: float = parameter(1.6, "standard deviation", unit="pixels", low=0.1)
    >>> Blur.parse({"width": "2.5"}).spec()
    'blur:width=2.5'
    >>> Blur(width=-1)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: blur: width=-1 is too small; the least is 0.1
    """
    if type(default).__hash__ is None:
        what = type(default).__name__
        raise TypeError(f"{_TYPABLE}, not {what}")
    for name, limit in {"low": low, "high": high}.items():
        if not isinstance(limit, Real | None):
            raise TypeError(f"{name}={limit!r} is a limit, so it is a number")
    if isinstance(choices, str):
        raise TypeError(f"choices={choices!r} is one text; write a list of texts")
    if low is not None and high is not None and low > high:
        raise ValueError(f"low={low:g} is above high={high:g}: no value could be given")
    _check_search(search, [low, high], choices, scale)
    facts = {"doc": doc, "unit": unit, "low": low, "high": high, "choices": tuple(choices)}
    facts |= {"scale": scale, "file": file, "named": named}
    facts |= {"shown": shown, "component": component, "search": (*search,)}
    return dataclasses.field(default=default, metadata=facts)


def _check_search(
    search: Sequence[Any], limits: Sequence[float | None], choices: Sequence[str], scale: float
) -> None:
    """Raise a `ValueError` where `priorlab tune` would look for values that are refused."""
    if not search:
        return
    given = f"search=({', '.join(map(repr, search))})"
    if choices or isinstance(search[0], str):
        if wrong := next((one for one in search if one not in choices), None):
            raise ValueError(f"{given}: {wrong!r} is none of the choices")
        return
    if len(search) != 2 or not search[0] < search[1]:
        raise ValueError(f"{given} is not a range: a low end and a high one")
    low, high = (None if limit is None else float(f"{limit / scale:.9g}") for limit in limits)
    if low is not None and search[0] < low:
        raise ValueError(f"{given} begins below the least value, {low:g}")
    if high is not None and search[1] > high:
        raise ValueError(f"{given} ends above the greatest value, {high:g}")


def with_default(owner: type[Any], name: str, default: Any) -> Any:
    """Declare the parameter `name` of `owner` again, with another default.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Blur(Component):
    ...     name = "blur"
    ...     width: float = parameter(1.6, "standard deviation", unit="pixels", low=0.1)
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class WideBlur(Blur):
    ...     name = "wide-blur"
    ...     width: float = with_default(Blur, "width", 4.0)
    >>> WideBlur().width
    4.0
    """
    (field,) = (field for field in dataclasses.fields(owner) if field.name == name)
    return dataclasses.field(default=default, metadata=field.metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Component:
    """Base of priors and tasks: a named, frozen set of checked parameters.

    A subclass is a frozen dataclass, sets `name`, and declares its fields with `parameter`.
    """

    name: ClassVar[str]
    conformance_exceptions: ClassVar[Mapping[str, str]] = {}
    """The checks of ``priorlab plugins test`` that it is not to pass, and why."""
    _types: ClassVar[dict[str, Any]]
    _declared: ClassVar[bool]

    def __post_init__(self) -> None:
        types = self._hints()
        for field in dataclasses.fields(self):
            value, kind = getattr(self, field.name), given_kind(types[field.name])
            if kind is float and isinstance(value, Real) and not isinstance(value, bool):
                # What is printed is what is used: equal specs are equal components.
                value = _typed(field, _number(value)) * field.metadata.get("scale", 1.0)
            elif kind is int and isinstance(value, Integral) and not isinstance(value, bool):
                value = int(value)
            elif field.metadata.get("file") and isinstance(value, str) and value:
                value = str(as_stored(Path(value)))  # typed as ./a//b, it is called a/b as well
            if value is not None or kind is types[field.name]:
                _check(type(self), field, kind, value)
            object.__setattr__(self, field.name, value)

    @classmethod
    def _hints(cls) -> dict[str, Any]:
        """Return the types of the fields, which take long to find: once for each class."""
        if "_types" not in vars(cls):
            cls._types = typing.get_type_hints(cls)
        return cls._types

    @classmethod
    def check_declared(cls) -> None:
        """Raise a `TypeError` for what could not be used: a parameter, or what stands for a method.

        It is looked at once per class.
        """
        if "_declared" in vars(cls):
            return
        types = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            _check_declared(cls, field, types[field.name])
        _check_overrides(cls)
        cls._declared = True

    @classmethod
    def checks_values(cls) -> bool:
        """Return whether an instance had its parameters checked: its own `__post_init__` may not.

        To be asked once there is an instance.
        """
        return "_types" in vars(cls)

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the docstring: what `priorlab list` prints."""
        doc = inspect.getdoc(cls) or ""
        if doc.startswith(f"{cls.__name__}("):  # written by `dataclass`, where there is none
            return ""
        return doc.partition("\n")[0]

    @classmethod
    def parse(cls, given: Mapping[str, str], nested: Nested | None = None) -> Self:
        """Build an instance from typed texts, such as ``{"sigma": "25"}``.

        Parameters
        ----------
        given : mapping of str to str
            The texts by field.
        nested : callable, optional
            Builds a parameter that is a component itself.

        Raises
        ------
        UsageError
            For an unknown field or a value of the wrong type or out of range.
        """
        types = cls._hints()
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values = {}
        for key, text in given.items():
            if key not in fields:
                raise unknown(f"field of {cls.name}", key, fields)
            if kind := fields[key].metadata.get("component"):
                values[key] = _convert_nested(cls, key, kind, text, nested)
            else:
                values[key] = _convert(cls, fields[key], types[key], text)
        return cls(**values)

    def components(self) -> dict[str, "Component"]:
        """Return the parameters that are components themselves, by name."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Component)}

    def file_parameters(self) -> list[str]:
        """Return the names of the parameters that name a file."""
        fields = dataclasses.fields(self)
        return [f.name for f in fields if f.metadata.get("file") and getattr(self, f.name)]

    def text(self, key: str) -> str:
        """Return a parameter as a user types it: noise levels on the 0-255 scale."""
        field = next(field for field in dataclasses.fields(self) if field.name == key)
        value = getattr(self, key)
        if value is None and not field.metadata.get("component"):
            return "auto"
        return _text(_typed(field, value))

    def shown(self) -> list[str]:
        """Return the names of the parameters not at their default, or that tables always show."""
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
        """Return what results can depend on: name, parameters, files and components by content."""
        parameters: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata.get("file", False) and value:
                digest = "sha256:" + file_digest(type(self), field.name, value)
                named = field.metadata.get("named", False)
                value = f"{digest} {Path(value).name}" if named else digest
            elif isinstance(value, Component):
                value = value.fingerprint()
            else:
                value = _typed(field, value)
            parameters[field.name] = value
        return {"name": self.name, "parameters": parameters}


def description(component: Component) -> dict[str, Any]:
    """Return name and parameters as JSON can hold them; `from_description` builds it again."""
    values = {field.name: getattr(component, field.name) for field in dataclasses.fields(component)}
    nested = {name: description(value) for name, value in component.components().items()}
    return {"name": component.name, "parameters": values | nested}


def from_description(facts: Mapping[str, Any], kind: str, find: Find) -> Component:
    """Build the component of a kind that `description` described.

    Examples
    --------
    >>> from priorlab import plugins
    >>> registry = plugins.load()
    >>> (task,) = registry.build_tasks("inpaint:missing=0.5")
    >>> from_description(description(task), "tasks", registry.find) == task
    True
    """
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
        check_regular(Path(path))
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except UsageError as error:
        raise UsageError(f"{owner.name}: {key}: {error}") from None
    except OSError as error:
        raise UsageError(
            f"{owner.name}: cannot read {key}={path}: {error.strerror or error}"
        ) from None


def given_kind(hint: Any) -> Any:
    """Return the type of what users type: int for ``int | None``, whose None is "auto".

    Examples
    --------
    >>> given_kind(int | None), given_kind(str)
    (<class 'int'>, <class 'str'>)
    """
    kinds = [kind for kind in typing.get_args(hint) if kind is not _NONE]
    return kinds[0] if len(kinds) == 1 and kinds[0] in _NOUNS else hint


_NONE = type(None)
_NOUNS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _convert(owner: type[Component], field: dataclasses.Field[Any], hint: Any, text: str) -> Any:
    """Turn a typed text into the field's internal value."""
    kind = given_kind(hint)
    if kind is not hint and text == "auto":
        return None
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


def _convert_nested(
    owner: type[Component], key: str, kind: str, text: str, nested: Nested | None
) -> Component | None:
    """Build the component that a parameter's text names."""
    if text == "none":
        return None
    if nested is None:
        raise UsageError(f"{owner.name}: {key}={text} cannot be looked up here")
    try:
        return nested(kind, text)
    except UsageError as error:
        raise UsageError(f"{owner.name}: {key}={text}: {error}") from None


def _check_declared(owner: type[Component], field: dataclasses.Field[Any], hint: Any) -> None:
    """Raise a `TypeError` for a parameter that nobody could type, or that hides what the core has.

    A text would reach it as it was typed, without type or limits, or take the place of a method.
    """
    facts, kind, what = field.metadata, given_kind(hint), f"{owner.__name__}: {field.name}"
    for base in reversed(owner.__mro__[1:]):
        if not is_of_core(base):
            continue
        fields = dataclasses.fields(base) if dataclasses.is_dataclass(base) else ()
        setting = next((one for one in fields if one.name == field.name), None)
        if setting is None:
            if field.name in {*vars(base), *vars(base).get("__annotations__", ())}:
                raise TypeError(f"{what} is taken: {base.__name__} has it; give yours another name")
        elif given_kind(_types_of_core(base)[field.name]) != kind:
            whose = "all of its kind" if issubclass(base, Component) else "the solver"
            meaning = setting.metadata["doc"]
            raise TypeError(f"{what} is a setting of {whose} ({meaning}); give yours another name")
    if not facts.get("component") and kind not in _NOUNS:
        raise TypeError(
            f"{what} is of type {_type_name(hint)}, which nobody can type; {_typable(field, hint)}"
        )
    if not field.init:
        raise TypeError(f"{what} has init=False; what nobody sets is no parameter but a property")
    if facts.get("scale", 1.0) != 1.0 and kind is not float:
        raise TypeError(f"{what} has a scale, which only a float has, not {_type_name(hint)}")
    if facts.get("file") and kind is not str:
        raise TypeError(f"{what} names a file; annotate it as str, not {_type_name(hint)}")


def _check_overrides(owner: type[Component]) -> None:
    """Raise a `TypeError` for what a plugin's class has instead of what the core calls or reads."""
    fields = {field.name for field in dataclasses.fields(owner)}
    bases = [base for base in owner.__mro__ if is_of_core(base)]
    for cls in owner.__mro__:
        if is_of_core(cls) or cls is object:
            continue
        for name, anew in vars(cls).items():
            if not name.startswith("_") and name not in fields:
                own = next((vars(base)[name] for base in bases if name in vars(base)), None)
                overrides.check(owner, own, name, anew)


@functools.cache
def _types_of_core(base: type) -> dict[str, Any]:
    """Return the types of the fields of a class of the core, once for all that derive from it."""
    return typing.get_type_hints(base)


def _typable(field: dataclasses.Field[Any], hint: Any) -> str:
    """Say what to write instead of a type that nobody can type."""
    if typing.get_origin(hint) is typing.Literal:
        return f"write {field.name}: str = parameter(..., choices={typing.get_args(hint)!r})"
    return _TYPABLE


def is_of_core(kind: type) -> bool:
    """Return whether a class is the core's own, and none of a plugin.

    Examples
    --------
    >>> is_of_core(Component), is_of_core(int)
    (True, False)
    """
    return kind.__module__.partition(".")[0] == "priorlab"


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _check(owner: type[Component], field: dataclasses.Field[Any], kind: Any, value: Any) -> None:
    """Raise a `UsageError` unless the value has the declared type, choices and limits."""
    facts = field.metadata
    typed = f"{owner.name}: {field.name}={_text(_typed(field, value))}"
    if kind in _NOUNS and type(value) is not kind:
        raise UsageError(f"{typed} is not {_NOUNS[kind]}, but of type {type(value).__name__}")
    if facts.get("component") and not (value is None or isinstance(value, kind)):
        forms = typing.get_args(kind) or (kind,)
        wanted = " or ".join(form.__name__ for form in forms if form is not _NONE)
        raise UsageError(f"{typed} is not a {wanted}; expected {facts['doc']}")
    choices = facts.get("choices", ())
    if choices and value not in choices:
        raise UsageError(f"{typed} is not one of {', '.join(map(str, choices))}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{typed} is not a finite number")
    scale = facts.get("scale", 1.0)
    low, high = facts.get("low"), facts.get("high")
    if low is not None and value < low:
        raise UsageError(f"{typed} is too small; the least is {low / scale:g}")
    if high is not None and value > high * (1 + 1e-12):
        raise UsageError(f"{typed} is too large; the most is {high / scale:g}")


def _number(value: Real) -> float:
    """Return a real number as a float: infinity, which no parameter may be, for a huge integer."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


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
