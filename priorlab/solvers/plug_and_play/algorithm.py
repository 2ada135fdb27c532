"""What an algorithm of plug-and-play is: a function, and its defaults for each degradation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

from priorlab.forward.measurement import Measurement
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result

NOISE = "noise"
MISSING = "missing pixels"
SUPERRES = "super-resolution"
BLUR = "blur"
OTHER_OPERATOR = "other operators"
OTHER_NOISE = "other noise"

KINDS = (NOISE, MISSING, SUPERRES, BLUR, OTHER_OPERATOR, OTHER_NOISE)
"""Kinds of degradation, by what defaults depend on."""


class Defaults(NamedTuple):
    """Tuned values of the settings for one kind of degradation; levels on the 0-255 scale."""

    steps: int
    first_level: float
    last_level: float
    data_weight: float = 1.0


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
        The settings for each of `KINDS`.
    samples : bool
        Whether it draws from the posterior, so that noise alone is a problem for it, too; for
        the others a denoiser has solved that already.
    least_level : float
        The least level that it tells the denoiser, relative to the noise level of the data.
    ignores : tuple of str
        Settings that have no meaning for it, and why.
    """

    name: str
    run: Callable[[Problem], Result]
    defaults: Mapping[str, Defaults]
    samples: bool = False
    least_level: float = 1.0
    ignores: Mapping[str, str] = dataclasses.field(default_factory=dict)


def kind_of(measurement: Measurement) -> str:
    """Return which of `KINDS` a measurement shows.

    Examples
    --------
    >>> import torch
    >>> from priorlab.tasks.builtin import Deblur, Inpaint
    >>> image = torch.zeros(1, 1, 32, 32)
    >>> [kind_of(task.measure(image, seed=0)) for task in (Deblur(), Inpaint())]
    ['blur', 'missing pixels']
    """
    operator = measurement.operator
    if not measurement.noise.is_gaussian:
        return OTHER_NOISE
    if operator.is_identity:
        return NOISE
    if operator.known_pixels is not None:
        return MISSING
    if operator.factor > 1:
        return SUPERRES
    return BLUR if operator.is_convolution else OTHER_OPERATOR
