"""What is asked of everything that has parameters: priors, tasks, metrics, engines, trainings."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from priorlab import specs
from priorlab.components import Component, given_kind
from priorlab.conformance.checks import Check, Failed
from priorlab.errors import UsageError


def parameters(component: Component) -> None:
    """Its spec, as tables print it, names it again, and each parameter is explained."""
    undocumented = [
        field.name for field in dataclasses.fields(component) if not field.metadata.get("doc")
    ]
    if undocumented:
        raise Failed(
            f"{', '.join(undocumented)}: declare a parameter as"
            ' `width: float = parameter(1.0, "what it means")`'
        )
    if not type(component).summary():
        raise Failed("the class has no docstring; its first line is what 'priorlab list' prints")
    for field in dataclasses.fields(component):
        _declared(component, field)
    spec = component.spec()
    (again,) = specs.build(spec, "priors", lambda kind, name: type(component))
    if again != component:
        raise Failed(f"{spec!r}, as tables print it, is read as {again!r}, not {component!r}")


def _declared(component: Component, field: dataclasses.Field[Any]) -> None:
    """Raise `Failed` if a parameter cannot be typed, or its limits hold nowhere."""
    kind = given_kind(typing.get_type_hints(type(component))[field.name])
    if kind not in (bool, int, float, str) and not field.metadata.get("component"):
        raise Failed(
            f"{field.name}: what users type is an int, a float, a str or a bool; declare it as one"
        )
    if (low := field.metadata.get("low")) is None or kind not in (int, float):
        return
    try:
        dataclasses.replace(component, **{field.name: kind(low - 1)})
    except UsageError:
        return
    raise Failed(
        f"{field.name}: a value below the least one was accepted; a `__post_init__` of your own"
        " begins with `super().__post_init__()`"
    )


PARAMETERS = Check("parameters", parameters, 20.0)
