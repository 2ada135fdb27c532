"""Metrics that are computed only where they are asked for, and that have parameters."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import ClassVar

from priorlab.components import Component
from priorlab.metrics import Metric


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptionalMetric(Component, ABC):
    """A metric that `bench --metrics` names: one that is slow, or needs a library or a file.

    A subclass is a frozen dataclass like a prior, with a `name` and a default for every field.
    A `Metric` that a plugin returns as it is has no parameters and stands in every table.

    Examples
    --------
    >>> from priorlab.components import parameter
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Error(OptionalMetric):
    ...     name = "error"
    ...     power: int = parameter(1, "exponent", low=1)
    ...
    ...     def metric(self):
    ...         return Metric(
    ...             name=self.name,
    ...             doc="Mean of a power of the error.",
    ...             spec=f"mean of |a - b|^{self.power} over pixels and channels",
    ...             function=lambda a, b: float((abs(a - b) ** self.power).mean()),
    ...             higher_is_better=False,
    ...         )
    >>> Error(power=2).metric().spec
    'mean of |a - b|^2 over pixels and channels'
    """

    by_default: ClassVar[bool] = False

    @abstractmethod
    def metric(self) -> Metric:
        """Return the metric with these parameters, under the name of this class.

        It is asked for before a run begins, and again in the process that computes it.

        Raises
        ------
        UsageError
            If what it needs, a library or a file, is not there.
        """
