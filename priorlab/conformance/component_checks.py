"""What is asked of everything that has parameters: priors, tasks, metrics, engines, trainings."""

from __future__ import annotations

import dataclasses

from priorlab import specs
from priorlab.components import Component
from priorlab.conformance.checks import Check, Failed


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
    spec = component.spec()
    (again,) = specs.build(spec, "priors", lambda kind, name: type(component))
    if again != component:
        raise Failed(f"{spec!r}, as tables print it, is read as {again!r}, not {component!r}")


PARAMETERS = Check("parameters", (parameters.__doc__ or "").rstrip("."), parameters, 20.0)
