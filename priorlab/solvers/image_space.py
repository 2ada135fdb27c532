"""Optimise over the image: minimise ``nll(A x; y) + energy(x) / level`` for a `Regularizer`.

A prior with a prox is solved by proximal splitting, so that neither its energy nor the
likelihood need be smooth; a smooth energy without a prox by L-BFGS on its gradient.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from priorlab.forward import impulses
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.priors import Regularizer
from priorlab.trace import SILENT, Trace, TraceOfOne

TOLERANCE = 5e-4
"""Splitting stops when its primal and dual residuals are this small, relative to the iterates."""

MAX_ITERATIONS = 300
GRADIENT_TOLERANCE = 1e-4
"""Descent stops when the gradient of the objective is this small, relative to the image, or when
the precision of its numbers lets it go no further."""

RELAXATION = 1.6
STEP = 0.05
"""Noise level that the first prox of the splitting removes, on the [0, 1] scale. This and the next
two set the speed, not the solution."""
BALANCE_EVERY = 10
"""Iterations after which the step is changed by a factor of 2, if the residuals are ..."""
BALANCE = 20.0
"""... this many times apart."""


@torch.no_grad()
def minimise(regularizer: Regularizer, measurement: Measurement, trace: Trace = SILENT) -> Tensor:
    """Return the image that minimises ``nll(A x; y) + energy(x) / level``.

    Each image of a batch is solved by itself, so that it does not depend on the others. Impulses
    that stand out count as missing pixels.

    Parameters
    ----------
    regularizer : Regularizer
        The prior. With `prox`, and `A` the identity under Gaussian noise, the solution is one
        call of it. Otherwise the alternating direction method of multipliers (ADMM) calls it
        until the relative residuals are below `TOLERANCE`, at most `MAX_ITERATIONS` times; hard
        cases, such as few photons, can end there with larger residuals, which `trace` is told.
        Without `prox`, L-BFGS follows the gradient.
    measurement : Measurement
        The data, the operator and the noise model.
    trace : Trace
        Is told of each iteration.

    Returns
    -------
    Tensor
        Image of shape ``measurement.shape``.
    """
    result = measurement.initial()
    for index in range(measurement.shape[0]):
        one = measurement.image(index)
        if impulses.detectable(one):
            one = impulses.as_missing(one)
            result[index] = one.initial()[0]
        start = result[index : index + 1].clone()
        within = TraceOfOne(trace, result, index)
        result[index] = _minimise_one(regularizer, one, start, within)[0]
    return result


def _minimise_one(
    regularizer: Regularizer, measurement: Measurement, start: Tensor, trace: Trace
) -> Tensor:
    operator, noise = measurement.operator, measurement.noise
    gaussian = isinstance(noise, Gaussian)
    if not regularizer.has_prox:
        if gaussian:
            return _descend(_objective(regularizer, measurement), start, trace)
        return _split(_numeric_prox(regularizer), measurement, start, trace)
    if isinstance(operator, Identity) and gaussian:
        return regularizer.warm_prox(trace)(measurement.y, noise.level)
    return _split(regularizer.warm_prox(), measurement, start, trace)


def _objective(regularizer: Regularizer, measurement: Measurement) -> Callable[[Tensor], Tensor]:
    """Return ``level^2 nll(A x; y) + level energy(x)`` as a function of x."""
    noise, level = measurement.noise, measurement.noise.level

    def objective(x: Tensor) -> Tensor:
        closeness = noise.nll(measurement.operator.forward(x), measurement.y)
        return (level**2 * closeness + level * regularizer.energy(x)).sum()

    return objective


def _numeric_prox(regularizer: Regularizer) -> Callable[[Tensor, float], Tensor]:
    """Return the prox of a smooth energy, by descent that begins where the last one ended."""

    last: list[Tensor] = []

    def prox(v: Tensor, step: float) -> Tensor:
        def objective(x: Tensor) -> Tensor:
            return step * regularizer.energy(x).sum() + (x - v).square().sum() / 2

        last[:] = [_descend(objective, last[0] if last else v, SILENT)]
        return last[0]

    return prox


def _descend(objective: Callable[[Tensor], Tensor], start: Tensor, trace: Trace) -> Tensor:
    """Minimise a smooth function by L-BFGS (D. Liu, J. Nocedal, Mathematical Programming 1989).

    It stops when the gradient is below `GRADIENT_TOLERANCE` times the norm of the image.
    """
    x = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [x], max_iter=10, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        with torch.enable_grad():
            value = objective(x)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    for iteration in range(1, MAX_ITERATIONS + 1):
        before = x.detach().clone()
        optimiser.step(closure)  # type: ignore[no-untyped-call]
        gradient = _relative(x.grad, x) if x.grad is not None else 0.0
        trace.report(iteration, MAX_ITERATIONS, x.detach(), gradient=gradient)
        if gradient <= GRADIENT_TOLERANCE or torch.equal(before, x):
            break
    return x.detach()


def _split(
    prox: Callable[[Tensor, float], Tensor], measurement: Measurement, start: Tensor, trace: Trace
) -> Tensor:
    """Minimise ``level^2 nll(A x) + level energy(x)`` by ADMM with the splits v = x, z = A x.

    S. Boyd, N. Parikh, E. Chu, B. Peleato, J. Eckstein: Distributed optimization and
    statistical learning via the alternating direction method of multipliers, Foundations and
    Trends in Machine Learning 3(1), 2011; section 3.4.1 for the change of the step.
    """
    y, operator, noise = measurement.y, measurement.operator, measurement.noise
    level = noise.level
    step = STEP
    gaussian = isinstance(noise, Gaussian)
    v = start
    v_dual = torch.zeros_like(v)
    z, z_dual = y, torch.zeros_like(y)
    for iteration in range(1, MAX_ITERATIONS + 1):
        x = operator.solve(y if gaussian else z - z_dual, v - v_dual, level / step)
        relaxed = RELAXATION * x + (1 - RELAXATION) * v
        v, v_before = prox(relaxed + v_dual, step), v
        v_dual = v_dual + relaxed - v
        primal, dual = _relative(x - v, x), _relative(v - v_before, v_dual)
        if not gaussian:
            u = operator.forward(x)
            relaxed = RELAXATION * u + (1 - RELAXATION) * z
            z, z_before = noise.prox(relaxed + z_dual, y, level**2), z
            z_dual = z_dual + relaxed - z
            primal = max(primal, _relative(u - z, u))
            dual = max(dual, _relative(z - z_before, z_dual))
        trace.report(iteration, MAX_ITERATIONS, v, primal=primal, dual=dual)
        if max(primal, dual) <= TOLERANCE:
            break
        if iteration % BALANCE_EVERY == 0 and max(primal, dual) > BALANCE * min(primal, dual):
            change = 2.0 if dual > primal else 0.5
            step, v_dual = step * change, v_dual * change
    return v


def _relative(residual: Tensor, scale: Tensor) -> float:
    """Return |residual| / |scale|, and 0 for 0 / 0."""
    size = float(residual.norm())
    return size / max(float(scale.norm()), 1e-12) if size else 0.0
