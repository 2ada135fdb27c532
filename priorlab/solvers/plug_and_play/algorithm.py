"""What an algorithm of plug-and-play is: a function, and its defaults for each degradation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

from priorlab.forward.degradation import BLUR, MISSING, NOISE, OTHER_NOISE, OTHER_OPERATOR, SUPERRES
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result


class Defaults(NamedTuple):
    """Tuned values of the settings for one kind of degradation; levels on the 0-255 scale."""

    steps: int
    first_level: float
    last_level: float
    data_weight: float = 1.0


SAMPLED = {
    NOISE: Defaults(24, 50, 1, 1),
    MISSING: Defaults(24, 50, 1, 1),
    SUPERRES: Defaults(24, 50, 1, 2),
    BLUR: Defaults(24, 50, 1, 4),
    OTHER_OPERATOR: Defaults(24, 50, 1, 4),
    OTHER_NOISE: Defaults(24, 50, 1, 2),
}
"""Defaults of the algorithms that add noise in each step, less and less: all have the same best."""


@dataclasses.dataclass(frozen=True)
class Algorithm:
    """One way of using a denoiser as a prior.

    Attributes
    ----------
    name : str
        What users type: ``unet:solver=NAME``.
    run : callable
        Solves a `Problem`.
    defaults : mapping
        The settings for each of `priorlab.forward.degradation.KINDS` but impulses, which count as
        missing pixels, and noisy missing pixels and super-resolution, which count as those without
        noise.
    samples : bool
        Whether it draws from the posterior. If so it is used for noise alone, too, which is
        otherwise left to the denoiser.
    least_level : float
        The least level that it tells the denoiser, relative to the noise level of the data.
    ignores : mapping of str to str
        Settings that have no meaning for it, and why.
    """

    name: str
    run: Callable[[Problem], Result]
    defaults: Mapping[str, Defaults]
    samples: bool = False
    least_level: float = 1.0
    ignores: Mapping[str, str] = dataclasses.field(default_factory=dict)
