"""The metrics of a run: those that its settings name, and where each comes from."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from priorlab import components
from priorlab.errors import UsageError
from priorlab.harness.results import schema
from priorlab.metrics import BUILTIN_METRICS, Metric
from priorlab.optional_metrics import OptionalMetric
from priorlab.registry import Registry
from priorlab.sources.digest import digest, modules_of


@dataclasses.dataclass(frozen=True)
class ChosenMetric:
    """A metric of a run.

    Attributes
    ----------
    metric : Metric
    module : str
        That of the plugin that provides it; empty for PSNR and SSIM.
    source : OptionalMetric or None
        What made it, if it has parameters.
    """

    metric: Metric
    module: str = ""
    source: OptionalMetric | None = None

    @functools.cached_property
    def modules(self) -> frozenset[str]:
        """The modules in which it is written, but for those of the core."""
        if self.source is not None:
            return frozenset(modules_of(type(self.source), self.module))
        return frozenset([self.module] if self.module else [])

    @functools.cached_property
    def digest(self) -> str:
        """The digest of its code, its parameters and the content of files that they name."""
        facts = self.source.fingerprint() if self.source else {}
        code = digest(self.modules) if self.modules else ""
        return hashlib.sha256(f"{code} {json.dumps(facts, sort_keys=True)}".encode()).hexdigest()

    @property
    def description(self) -> dict[str, Any]:
        """How the process that computes it finds it, as JSON can hold it."""
        parameters = components.description(self.source) if self.source else None
        return {"module": self.module, "parameters": parameters}


def choose(
    asked: Sequence[str | OptionalMetric] | None, registry: Registry
) -> dict[str, ChosenMetric]:
    """Return the metrics of a run by name: PSNR, SSIM, and those that are asked for.

    Parameters
    ----------
    asked : sequence of str or OptionalMetric, or None
        Specs, or metrics. None stands for every `Metric` that plugins provide.
    registry : Registry
        Where names are looked up.

    Raises
    ------
    UsageError
        For an unknown name, a metric that lacks a library or a file, two of one name, or one
        with the name of another column.

    Examples
    --------
    >>> from priorlab import plugins
    >>> list(choose(None, plugins.load()))
    ['psnr', 'ssim']
    """
    wanted: Iterable[Metric | OptionalMetric]
    if asked is None:
        wanted = [one for one in registry.metrics.values() if isinstance(one, Metric)]
    else:
        parts = (registry.build_metrics(a) if isinstance(a, str) else [a] for a in asked)
        wanted = dict.fromkeys(one for part in parts for one in part)
    found = {metric.name: ChosenMetric(metric) for metric in BUILTIN_METRICS}
    taken = {column.name for column in schema.columns()} - set(schema.METRICS)
    for one in wanted:
        if one in BUILTIN_METRICS:
            continue
        if one.name in found:
            raise UsageError(f"{one.name} is asked for twice; a table has one column of that name")
        if one.name in taken:
            raise UsageError(
                f"a metric cannot be called {one.name}: the results have such a column"
            )
        module = registry.owners["metrics", one.name].module
        if isinstance(one, Metric):
            found[one.name] = ChosenMetric(one, module)
        else:
            found[one.name] = ChosenMetric(one.metric(), module, one)
    return found
