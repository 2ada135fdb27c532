"""Explain a prior, task, dataset, metric or trainer: what `priorlab show NAME` prints."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, get_args, get_type_hints

from priorlab import tuned_parameters
from priorlab.components import Component
from priorlab.errors import UsageError
from priorlab.hookspecs import KINDS
from priorlab.registry import Registry


def describe(name: str, registry: Registry) -> str:
    """Return the explanation of everything that is called `name`.

    Raises
    ------
    UsageError
        For a name that stands for nothing, with a suggestion.

    Examples
    --------
    >>> from priorlab import plugins
    >>> print(describe("psnr", plugins.load()))
    psnr: a metric of priorlab (the core)
    <BLANKLINE>
    Peak signal-to-noise ratio in dB, over all pixels and channels.
    """
    found = [
        _explain(kind, getattr(registry, kind)[key], registry)
        for kind in KINDS
        if (key := registry.known_as(kind, name)) in getattr(registry, kind)
    ]
    for kind, claimed in registry.conflicts:
        if claimed == name:
            registry.find(kind, name)
    if not found:
        known = {key for kind in KINDS for key in getattr(registry, kind)}
        alone = name.partition(":")[0]
        if alone != name and alone in known:
            raise UsageError(
                f"{name}: only the name is asked for, {alone}; it shows all parameters"
            )
        raise registry.unknown("name", name, known)
    return "\n\n".join(found)


def _explain(kind: str, item: object, registry: Registry) -> str:
    name = getattr(item, "name", "")
    owner = registry.owners[(kind, name)]
    noun = kind.removesuffix("s")
    heading = (
        f"{name}: {'an' if noun[0] in 'aeiou' else 'a'} {noun} of {owner.name} ({owner.source})"
    )
    if not (isinstance(item, type) and issubclass(item, Component)):
        return f"{heading}\n\n{getattr(item, 'doc', '')}"
    parts = [heading, inspect.getdoc(item) or ""]
    if fields := _fields(item):
        parts.append("parameters:\n" + "\n".join(fields))
    if found := tuned_parameters.values(item):
        lines = [f"  {kind}: {tuned_parameters.spelled(given)}" for kind, given in found.items()]
        parts.append("tuned, where all parameters have their defaults:\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _fields(component: type[Component]) -> list[str]:
    """Return a line for each parameter: name, type, default, unit, limits, meaning."""
    types = get_type_hints(component)
    default = component()
    rows = []
    for field in dataclasses.fields(component):
        facts, scale = field.metadata, field.metadata.get("scale", 1.0)
        kind = "|".join(map(str, facts.get("choices", ()))) or _type(types[field.name])
        notes = [facts["unit"]] if facts.get("unit") else []
        limits = [
            f"{word} {facts[key] / scale:g}"
            for key, word in (("low", "at least"), ("high", "at most"))
            if facts.get(key) is not None
        ]
        rows.append((f"{field.name}={default.text(field.name)}", kind, facts.get("doc", "")))
        if notes + limits:
            rows[-1] = (*rows[-1][:2], f"{rows[-1][2]} ({', '.join(notes + limits)})")
    widths = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
    return [f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in rows]


def _type(hint: Any) -> str:
    """Return a type in words, such as int; a component, which may be missing, by its form."""
    forms = [form for form in get_args(hint) or [hint] if form is not type(None)]
    return " or ".join(form.__name__.lower() for form in forms)
