"""The choice between a prior as it is best here and as its paper has it."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from typing_extensions import override

from priorlab.components import Component, Nested, parameter
from priorlab.errors import UsageError


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithRecipe(Component):
    """Base of the priors whose defaults are not those of their paper.

    Attributes
    ----------
    published : dict
        The parameters that the paper decides: with ``recipe=paper`` they have these values. None
        stands for a value that follows from the measurement, or for one that the paper has no
        use for.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Blur(WithRecipe):
    ...     name = "blur"
    ...     published = {"width": 2.0}
    ...     width: float = parameter(1.6, "standard deviation", unit="pixels", low=0.1)
    >>> Blur(recipe="paper").as_published().width
    2.0
    >>> Blur(recipe="paper", width=3.0)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: blur: width= has no meaning with recipe=paper, which decides it
    """

    published: ClassVar[Mapping[str, Any]] = {}
    recipe: str = parameter(
        "ours",
        "paper: the published method to the letter, as far as a paper says; the differences are"
        " listed above",
        choices=("ours", "paper"),
    )

    def __post_init__(self) -> None:
        """Check the parameters, and that none is given which the paper decides."""
        super().__post_init__()
        self._refuse(
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        )

    @classmethod
    @override
    def parse(cls, given: Mapping[str, str], nested: Nested | None = None) -> Self:
        """Build an instance from typed texts; a default that is typed counts as given."""
        result = super().parse(given, nested)
        result._refuse(given)
        return result

    @property
    def as_in_paper(self) -> bool:
        """Whether the method is the published one."""
        return self.recipe == "paper"

    def as_published(self, **values: Any) -> Self:
        """Return the prior of our recipe whose parameters make it the published one.

        `values` are those that follow from the measurement.
        """
        fixed = {name: value for name, value in self.published.items() if value is not None}
        return dataclasses.replace(self, recipe="ours", **fixed, **values)

    def _refuse(self, given: Iterable[str]) -> None:
        for field in given if self.as_in_paper else ():
            if field in self.published and getattr(self, field) != self.published[field]:
                raise UsageError(
                    f"{self.name}: {field}= has no meaning with recipe=paper, which decides it"
                )
