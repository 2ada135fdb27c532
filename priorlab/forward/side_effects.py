"""Operators and noise models that change what they were given, or what they returned before.

Solvers go on using both: an operator that writes into its input, or returns the same tensor each
time, makes another image of it, and nothing else would show that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from priorlab.components import is_of_core
from priorlab.forward.measurement import Measurement
from priorlab.forward.operators import LinearOperator

Call = tuple[str, Callable[..., Tensor], tuple[Tensor, ...]]
"""What is called, for a sentence; the function; with which tensors."""


def side_effect(measurement: Measurement) -> str | None:
    """Return in a sentence what a plugin's operator or noise model changes, or None.

    Each function is called twice. The core's own are tested for that. Nothing is said of a function
    that fails: a prior that needs it says what is wrong.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Denoise
    >>> side_effect(Denoise().measure(torch.zeros(1, 1, 16, 16), seed=0)) is None
    True
    """
    if not bool(measurement.y.isfinite().all()):
        return None
    returned = []
    with torch.no_grad(), contextlib.suppress(Exception):  # a plugin may raise anything
        for name, function, given in _calls(measurement):
            copies = [one.clone() for one in given]
            with contextlib.suppress(Exception):
                answer = function(*copies)
                returned.append((name, answer, answer.clone()))
                function(*(0.5 * one for one in given))
            if not all(map(_equal, copies, given)):
                return (
                    f"{name} changed its input; it is to work on a copy (x.clone()), without"
                    " in-place functions such as x.mul_() or x[...] = ..."
                )
    for name, answer, before in returned:
        if not _equal(answer, before):
            return (
                f"{name} returned a tensor that a later call changed; it is to return a new one"
                " each time"
            )
    return None


def _calls(measurement: Measurement) -> Iterator[Call]:
    """Yield the functions of plugins, with tensors as solvers give them."""
    y, operator, noise = measurement.y, measurement.operator, measurement.noise
    if not is_of_core(type(noise)):
        name, stable = type(noise).__name__, noise.stabiliser()
        darker = 0.75 * y
        yield f"{name}.nll", noise.nll, (darker, y)
        yield f"{name}.prox", lambda v, data: noise.prox(v, data, noise.level**2), (darker, y)
        yield f"{name}.variance", noise.variance, (darker,)
        yield f"{name}.reliable_pixels", noise.reliable_pixels, (y,)
        if stable:
            stabilised = stable.forward(y.clone()).clone()
            yield f"{name}.stabiliser().forward", stable.forward, (y,)
            yield f"{name}.stabiliser().inverse", stable.inverse, (stabilised,)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(measurement.shape, generator=generator).to(y.device)
    x = image
    for part in reversed(operator.made_of()):
        data = part.forward(x.clone()).clone()
        if not is_of_core(type(part)):
            name = type(part).__name__
            yield f"{name}.forward", part.forward, (x,)
            yield f"{name}.adjoint", part.adjoint, (data,)
        x = data
    if not is_of_core(type(operator)):
        yield from _calls_of_solvers(operator, y, image)


def _calls_of_solvers(operator: LinearOperator, y: Tensor, image: Tensor) -> Iterator[Call]:
    """Yield what an operator has written itself, in place of what follows from the other two."""
    name, shape = type(operator).__name__, (*image.shape,)
    if operator.has_closed_form:
        yield f"{name}.solve", lambda data, v: operator.solve(data, v, 1.0), (y, image)
    if type(operator).initial_guess is not LinearOperator.initial_guess:
        yield f"{name}.initial_guess", lambda data: operator.initial_guess(data, shape), (y,)


def _equal(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors hold the same values, or NaN at the same places."""
    return bool(((a == b) | ((a != a) & (b != b))).all())
