"""What plugins declare: names, parameters and documentation, as JSON can hold them.

From that a registry is built without importing any plugin, and so without torch. Its classes have
the parameters of the real ones: they can be listed, explained and given values, which are checked
as far as the parameters say. They restore nothing.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import inspect
import typing
from collections.abc import Mapping
from typing import Any, cast

from priorlab import tuned_parameters
from priorlab.components import Component, given_kind
from priorlab.hookspecs import KINDS
from priorlab.registry import Plugin, Registry

_PLAIN = {kind.__name__: kind for kind in (bool, int, float, str)}
"""The types of parameters that are no components, by name."""

OR_AUTO = " or auto"
"""Follows the name of a plain type whose None users type as "auto"."""


@dataclasses.dataclass(frozen=True)
class Described:
    """Stands in for a dataset or a metric."""

    name: str
    doc: str


class _MadeWhenNeeded(collections.UserDict[str, Any]):
    """Makes a class when it is first looked up: a command that names one need not wait for all."""

    def __getitem__(self, name: str) -> Any:
        found = self.data[name]
        if isinstance(found, _Facts):
            found = self.data[name] = _stand_in_item(found.name, found.facts)
        return found


@dataclasses.dataclass(frozen=True)
class _Facts:
    """What a class is to be made of."""

    name: str
    facts: Mapping[str, Any]


def declared(registry: Registry) -> dict[str, Any]:
    """Return what the plugins of a registry declare.

    Raises
    ------
    ValueError
        If something of it cannot be written down, such as a parameter of an unusual type.

    Examples
    --------
    >>> from priorlab import plugins
    >>> declared(plugins.load())["tasks"]["denoise"]["fields"][0]["name"]
    'sigma'
    """
    if registry.problems:
        raise ValueError("what a broken plugin would declare is not known")
    plugins = [
        {"name": one.name, "source": one.source, "module": one.module, "provides": one.provides}
        for one in registry.plugins
    ]
    items: dict[str, Any] = {
        kind: {name: _declared_item(item) for name, item in getattr(registry, kind).items()}
        for kind in KINDS
    }
    return {"plugins": plugins, **items}


def stand_in(facts: Mapping[str, Any]) -> Registry:
    """Return the registry that `declared` described, with classes that stand in for the real ones.

    Examples
    --------
    >>> from priorlab import plugins
    >>> registry = stand_in(declared(plugins.load()))
    >>> registry.build_priors("tv:kind=isotropic|anisotropic")[1].spec()
    'tv:kind=anisotropic'
    >>> registry.build_priors("tv:wieght=1")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: unknown field of tv 'wieght'; did you mean 'weight'? (known: ...)
    """
    registry = Registry()
    for kind in KINDS:
        setattr(registry, kind, _MadeWhenNeeded())
    for plugin in facts["plugins"]:
        owner = Plugin(plugin["name"], plugin["source"], plugin["module"])
        registry.plugins.append(owner)
        for kind, names in plugin["provides"].items():
            for name in names:
                found = facts[kind].get(name) or facts[kind][f"{owner.label}/{name}"]
                registry.add(kind, _Facts(name, found), owner)
    return registry


def _declared_item(item: Any) -> dict[str, Any]:
    if not (isinstance(item, type) and issubclass(item, Component)):
        return {"doc": item.doc}
    types = typing.get_type_hints(item)
    return {
        "doc": inspect.getdoc(item) or "",
        "by_default": getattr(item, "by_default", True),
        "tuned": tuned_parameters.values(item),
        "forms": _forms(item),
        "fields": [
            {
                "name": field.name,
                "type": _type_name(types[field.name]),
                "default": _plain(field.default),
                "facts": dict(field.metadata),
            }
            for field in dataclasses.fields(item)
        ],
    }


def _stand_in_item(name: str, facts: Mapping[str, Any]) -> Any:
    if "fields" not in facts:
        return Described(name, facts["doc"])
    fields = [
        (
            one["name"],
            _type(one["type"]),
            dataclasses.field(default=one["default"], metadata=one["facts"]),
        )
        for one in facts["fields"]
    ]
    namespace = {"name": name, "by_default": facts["by_default"], "__doc__": facts["doc"]}
    namespace[tuned_parameters.STAND_IN] = facts["tuned"]
    bases = tuple(_form(form) for form in facts["forms"]) or (Component,)
    return dataclasses.make_dataclass(
        name.replace("-", "_"), fields, bases=bases, namespace=namespace, frozen=True, kw_only=True
    )


def _forms(item: type[Component]) -> list[str]:
    """Return the names of what a component is a kind of, such as Denoiser, the nearest first."""
    bases = (base for base in item.__mro__ if issubclass(base, Component))
    # What two plugins claim has a class by its full name, whose base is called as it is.
    return list(dict.fromkeys(base.__name__ for base in bases if base is not Component))


@functools.cache
def _form(name: str) -> type[Component]:
    """Return the class that stands in for a form, such as Denoiser."""
    return type(name, (Component,), {})


def _type_name(hint: Any) -> str:
    """Return the name of a parameter's type: of a plain one, one with None, or of a form."""
    if hint in _PLAIN.values():
        return cast(str, hint.__name__)
    if (kind := given_kind(hint)) is not hint:
        return f"{kind.__name__}{OR_AUTO}"
    forms = [form for form in typing.get_args(hint) if form is not type(None)]
    if len(forms) != 1 or not (isinstance(forms[0], type) and issubclass(forms[0], Component)):
        raise ValueError(f"a parameter of type {hint} cannot be written down")
    return forms[0].__name__


def _type(name: str) -> Any:
    if name.endswith(OR_AUTO):
        return _PLAIN[name.removesuffix(OR_AUTO)] | None
    return _PLAIN.get(name) or _form(name) | None


def _plain(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str | None):
        raise ValueError(f"a default of {value!r} cannot be written down")
    return value
