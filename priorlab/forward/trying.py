"""Try a plugin's operator and noise model before a prior works with them.

Solvers go on using what they gave and what they got: an operator that writes into its input,
returns the same tensor each time, or has a wrong adjoint, makes another image of it, and nothing
else would show that. The core's own are tested for all this.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from priorlab.components import is_of_core
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import LinearOperator
from priorlab.forward.returned import wrong_data, wrong_image

ROUNDING = 1e-4
"""Difference of inner products, relative to the norms, that single precision may make."""


@dataclasses.dataclass(frozen=True)
class Findings:
    """What is wrong with an operator and a noise model, in a sentence each; "" for nothing.

    Attributes
    ----------
    answer : str
        A function of the operator returned what is no data or no image.
    effect : str
        A function changed its input, or what it returned before.
    adjoint : str
        The operator has a wrong adjoint.
    """

    answer: str = ""
    effect: str = ""
    adjoint: str = ""

    @property
    def worst(self) -> str:
        """What to mend first."""
        return self.answer or self.effect or self.adjoint


def tried(measurement: Measurement) -> Findings:
    """Call what plugins wrote of a degradation, each function twice, and return what is wrong.

    Nothing is said of a function that fails: a prior that needs it says what is wrong.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Denoise
    >>> tried(Denoise().measure(torch.zeros(1, 1, 16, 16), seed=0)).worst
    ''
    """
    calls, y = _Calls(), measurement.y
    answer = adjoint = ""
    with torch.no_grad():
        if bool(y.isfinite().all()) and not is_of_core(type(measurement.noise)):
            _try_noise(calls, measurement.noise, y)
        if not all(is_of_core(type(part)) for part in measurement.operator.made_of()):
            answer, adjoint = _try_operator(calls, measurement)
    return Findings(answer, calls.effect(), adjoint)


class _Calls:
    """Calls functions of plugins, and keeps what shows that they change tensors of others."""

    def __init__(self) -> None:
        self._changed = ""
        self._returned: list[tuple[str, Tensor, Tensor]] = []

    def of(self, name: str, function: Callable[..., Any], *given: Tensor) -> Any:
        """Call a function with copies, then once more with others; return what it first did.

        Raises
        ------
        Exception
            Whatever the function raises at first.
        """
        copies = [one.clone() for one in given]
        try:
            answer = function(*copies)
            kept = answer.clone() if isinstance(answer, Tensor) else answer
            with contextlib.suppress(Exception):
                function(*(0.5 * one for one in given))
        finally:
            if not (self._changed or all(map(_equal, copies, given))):
                self._changed = (
                    f"{name} changed its input; it is to work on a copy (x.clone()), without"
                    " in-place functions such as x.mul_() or x[...] = ..."
                )
        if isinstance(answer, Tensor):
            self._returned.append((name, answer, kept))
        return kept

    def effect(self) -> str:
        """Return in a sentence what the functions changed, or ""."""
        if self._changed:
            return self._changed
        for name, answer, before in self._returned:
            if not _equal(answer, before):
                return (
                    f"{name} returned a tensor that a later call changed; it is to return a new"
                    " one each time"
                )
        return ""


def _try_noise(calls: _Calls, noise: Noise, y: Tensor) -> None:
    name, darker, stable = type(noise).__name__, 0.75 * y, None
    with contextlib.suppress(Exception):  # a plugin may raise anything
        stable = noise.stabiliser()
    functions: list[tuple[str, Callable[..., Tensor], tuple[Tensor, ...]]] = [
        ("nll", noise.nll, (darker, y)),
        ("prox", lambda v, data: noise.prox(v, data, noise.level**2), (darker, y)),
        ("variance", noise.variance, (darker,)),
        ("reliable_pixels", noise.reliable_pixels, (y,)),
    ]
    for function, called, given in functions:
        with contextlib.suppress(Exception):
            calls.of(f"{name}.{function}", called, *given)
    if stable is not None:
        with contextlib.suppress(Exception):
            white = calls.of(f"{name}.stabiliser().forward", stable.forward, y)
            calls.of(f"{name}.stabiliser().inverse", stable.inverse, white)


def _try_operator(calls: _Calls, measurement: Measurement) -> tuple[str, str]:
    """Return what is wrong with the answers of the operators, and with an adjoint."""
    operator, y, wrong = measurement.operator, measurement.y, ""
    generator = torch.Generator().manual_seed(0)
    x = image = torch.randn(measurement.shape, generator=generator).to(y.device)
    with contextlib.suppress(Exception):
        for part in reversed(operator.made_of()):
            if is_of_core(type(part)):
                x = part.forward(x.clone())
                continue
            name = type(part).__name__
            data = calls.of(f"{name}.forward", part.forward, x)
            if problem := wrong_data(name, data, x):
                return problem, ""
            with contextlib.suppress(Exception):
                back = calls.of(f"{name}.adjoint", part.adjoint, data)
                if problem := wrong_image(name, back, x):
                    return problem, ""
                if not wrong and not _agree(x, data, back):
                    wrong = (
                        f"{name}.adjoint is not the adjoint of {name}.forward, as"
                        " priorlab.testing.check_adjoint shows"
                    )
            x = data
    if not is_of_core(type(operator)) and bool(y.isfinite().all()):
        _try_for_solvers(calls, operator, y, image)
    return "", wrong


def _try_for_solvers(calls: _Calls, operator: LinearOperator, y: Tensor, image: Tensor) -> None:
    """Call what an operator has written itself, in place of what follows from the other two."""
    name, shape = type(operator).__name__, (*image.shape,)
    with contextlib.suppress(Exception):
        if operator.has_closed_form:
            calls.of(f"{name}.solve", lambda data, v: operator.solve(data, v, 1.0), y, image)
    with contextlib.suppress(Exception):
        if type(operator).initial_guess is not LinearOperator.initial_guess:
            calls.of(f"{name}.initial_guess", lambda data: operator.initial_guess(data, shape), y)


def _agree(x: Tensor, data: Tensor, back: Tensor) -> bool:
    """Return whether ``<A x, A x>`` and ``<x, A^T A x>`` agree, for a random x.

    Products with random data instead of ``A x`` are small whatever the adjoint is, so that a wrong
    factor would be found in small images only.
    """
    ours = float(data.abs().double().square().sum())
    if not math.isfinite(ours):
        return True
    theirs = float((x.conj() * back).real.double().sum())
    size = ours + float(x.abs().double().norm() * back.abs().double().norm())
    return abs(ours - theirs) <= ROUNDING * size


def _equal(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors hold the same values, or NaN at the same places."""
    return bool(((a == b) | ((a != a) & (b != b))).all())
