"""What a solver returns: an image and, where it draws samples, how uncertain each pixel is."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from torch import Tensor

from priorlab.errors import UsageError


class Result(NamedTuple):
    """What a solver returns: an image and, of a sampler, each pixel's standard deviation."""

    image: Tensor
    deviation: Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Posterior:
    """What the data and the prior together say of each pixel.

    Attributes
    ----------
    mean : Tensor
        Image (B, C, H, W): the estimate with the least mean square error.
    deviation : Tensor
        The standard deviation of each value of the mean, in the same shape.
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, result: Result, else_say: str) -> Posterior:
        """Return the posterior that samples tell of.

        Raises
        ------
        UsageError
            With `else_say`, if the solver drew none.
        """
        image, deviation = result
        if deviation is None:
            raise UsageError(else_say)
        return cls(image, deviation)
