"""Optimise over the image: minimise ``nll(A x; y) + energy(x) / level`` for an explicit energy.

Relative to the noise level one energy serves strong noise. The detail of photographs stands out of
weak noise, and that energy would take it away: so it may count less there.

An energy with a prox is solved by proximal splitting, so that neither it nor the likelihood need
be smooth; a smooth energy without a prox by L-BFGS on its gradient.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from priorlab.components import PER_GRAY_LEVEL, parameter
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.trace import SILENT, Trace, TraceOfOne

Energy = Callable[[Tensor], Tensor]
"""Maps images (B, C, H, W) to how unnatural each is, shape (B,)."""

Prox = Callable[[Tensor, float], Tensor]
"""Maps ``(v, step)`` to argmin over x of ``energy(x) + |x - v|^2 / (2 step)``."""

MakeProx = Callable[[Trace | None], Prox]
"""Given a trace, returns a prox that reports to it; given None, one for the calls of a splitting,
of which only the last must be exact."""

GRADIENT_TOLERANCE = 1e-4
"""Descent has converged when the gradient of the objective is this small, relative to the image."""

STALLED_TOLERANCE = 1e-2
"""The same where no step changes the image any more. With a smooth energy that is due to rounding:
``sqrt(d^2 + 1e-8)`` leaves a gradient up to 4e-3. At kinks, as of ``|d|``, it is 0.05 and more."""

RELAXATION = 1.6
STEP = 0.05
"""Noise level that the first prox of the splitting removes, on the [0, 1] scale. This and the next
two set the speed, not the solution."""
ROUNDING = 1e-6
"""Change of an image, relative to it, that is no step: of a picture of one colour all are."""
BALANCE_EVERY = 10
"""Iterations between two comparisons of the primal and the dual residual."""
BALANCE = 20.0
"""Ratio of the two from which the step is changed, by a factor of 2."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSpaceSettings:
    """How much of the energy counts, and when the minimisation over the image stops."""

    tolerance: float = parameter(
        5e-4,
        "splitting stops when its primal and dual residuals are this small, relative to the image",
        low=0,
    )
    iterations: int = parameter(300, "most iterations of splitting or descent", low=1)
    growth: float = parameter(
        0.0, "power of the noise level with which the energy grows up to the level `strong`", low=0
    )
    strong: float = parameter(
        15 / 255,
        "noise level from which on all of the energy counts, if it grows",
        scale=PER_GRAY_LEVEL,
        low=0.1 / 255,
    )

    def share_of_energy(self, noise: Noise) -> float:
        """Return how much of the energy counts.

        All of it where noise is coarse: of that, `Regularizer.share_of_grain` is removed.

        Examples
        --------
        >>> from priorlab.forward.noise import Gaussian
        >>> settings = ImageSpaceSettings(growth=2.0, strong=0.1)
        >>> settings.share_of_energy(Gaussian(0.05)), settings.share_of_energy(Gaussian(0.2))
        (0.25, 1.0)
        """
        return min(1.0, noise.level / self.strong) ** self.growth if noise.is_independent else 1.0


@torch.no_grad()
def minimise(
    measurement: Measurement,
    energy: Energy,
    make_prox: MakeProx | None,
    settings: ImageSpaceSettings,
    trace: Trace = SILENT,
) -> Tensor:
    """Return the image that minimises ``nll(A x; y) + share energy(x) / level``.

    The share is ``settings.share_of_energy(measurement.noise)``, by default 1. Each image of a
    batch is solved by itself, so that it does not depend on the others. Outliers that can be
    detected, such as impulses, count as missing pixels.

    Parameters
    ----------
    measurement : Measurement
        The data, the operator and the noise model.
    energy : callable
        The prior.
    make_prox : callable or None
        Returns the prox of the energy for the calls of one minimisation. With A the identity and
        Gaussian noise the solution is one call of it. Otherwise the alternating direction method
        of multipliers (ADMM) calls it until the relative residuals are below the tolerance.
        Without a prox, L-BFGS follows the gradient of the energy.
    settings : ImageSpaceSettings
        How much of the energy counts, and when to stop.
    trace : Trace
        Receives each iterate, and whether the last one reached the tolerance.

    Returns
    -------
    Tensor
        Image of shape ``measurement.shape``.

    Examples
    --------
    The energy 1/2 |x|^2 draws an image towards black, by its prox or by its gradient:

    >>> from priorlab.forward.noise import Gaussian
    >>> from priorlab.forward.operators import Identity
    >>> def energy(x):
    ...     return x.square().flatten(1).sum(1) / 2
    >>> def make_prox(trace):
    ...     return lambda v, step: v / (1 + step)
    >>> y = torch.full((1, 1, 2, 2), 0.6)
    >>> measurement = Measurement(y, Identity(), Gaussian(0.2), (1, 1, 2, 2))
    >>> for way in (make_prox, None):
    ...     minimise(measurement, energy, way, ImageSpaceSettings()).unique()
    tensor([0.5000])
    tensor([0.5000])
    """
    result = measurement.initial_guess()
    for index in range(measurement.shape[0]):
        one = measurement.image(index)
        if one.has_outliers:
            one = one.without_outliers()
            result[index] = one.initial_guess()[0]
        start = result[index : index + 1]
        within = TraceOfOne(trace, result, index)
        result[index] = _minimise_one(one, energy, make_prox, settings, start, within)[0]
    return result


def _minimise_one(
    measurement: Measurement,
    energy: Energy,
    make_prox: MakeProx | None,
    settings: ImageSpaceSettings,
    start: Tensor,
    trace: Trace,
) -> Tensor:
    noise, share = measurement.noise, settings.share_of_energy(measurement.noise)
    if make_prox is None:

        def counted(x: Tensor) -> Tensor:
            return share * energy(x)

        if noise.is_gaussian:
            return _descend(_objective(counted, measurement), start, settings.iterations, trace)
        return _split(_numeric_prox(counted, settings), measurement, settings, start, trace)
    if measurement.operator.is_identity and noise.is_gaussian:
        return make_prox(trace)(measurement.y, share * noise.level)
    prox = make_prox(None)
    return _split(lambda v, step: prox(v, share * step), measurement, settings, start, trace)


def _objective(energy: Energy, measurement: Measurement) -> Energy:
    """Return ``level^2 nll(A x; y) + level energy(x)`` as a function of x."""
    noise, level = measurement.noise, measurement.noise.error(measurement.shape[1])

    def objective(x: Tensor) -> Tensor:
        fidelity = noise.nll(measurement.operator.forward(x), measurement.y)
        return (level**2 * fidelity + level * energy(x)).sum()

    return objective


def _numeric_prox(energy: Energy, settings: ImageSpaceSettings) -> Prox:
    """Return the prox of a smooth energy, by descent that begins where the last one ended."""

    last: list[Tensor] = []

    def prox(v: Tensor, step: float) -> Tensor:
        def objective(x: Tensor) -> Tensor:
            return step * energy(x).sum() + (x - v).square().sum() / 2

        last[:] = [_descend(objective, last[0] if last else v, settings.iterations, SILENT)]
        return last[0]

    return prox


def _descend(objective: Energy, start: Tensor, iterations: int, trace: Trace) -> Tensor:
    """Minimise a smooth function by L-BFGS (D. Liu, J. Nocedal, Mathematical Programming 1989).

    It stops when the gradient is below `GRADIENT_TOLERANCE` times the norm of the image, or when a
    step changes nothing.
    """
    # L-BFGS takes image and gradient as vectors, which is what lies in memory in one piece.
    x = start.clone(memory_format=torch.contiguous_format).requires_grad_()
    optimiser = torch.optim.LBFGS(
        [x], max_iter=10, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        with torch.enable_grad():
            value = objective(x)
        value.backward()  # type: ignore[no-untyped-call]
        if x.grad is not None and bool(x.grad.isnan().any()):
            raise ValueError(
                "the gradient of the energy is NaN; it must be smooth, as sqrt(d^2 + eps) is and "
                "sqrt(d^2) is not, or come with a prox"
            )
        return value

    gradient, tolerance = float("inf"), GRADIENT_TOLERANCE
    for iteration in range(1, iterations + 1):
        before = x.detach().clone()
        optimiser.step(closure)  # type: ignore[no-untyped-call]
        gradient = _relative(x.grad, x) if x.grad is not None else 0.0
        trace.report(iteration, iterations, x.detach(), gradient=gradient)
        if torch.equal(before, x):
            tolerance = STALLED_TOLERANCE
            break
        if gradient <= tolerance:
            break
    trace.converged(gradient <= tolerance, gradient)
    return x.detach()


def _split(
    prox: Prox,
    measurement: Measurement,
    settings: ImageSpaceSettings,
    start: Tensor,
    trace: Trace,
) -> Tensor:
    """Minimise ``level^2 nll(A x) + level energy(x)`` by ADMM with the splits v = x, z = A x.

    S. Boyd, N. Parikh, E. Chu, B. Peleato, J. Eckstein: Distributed optimization and
    statistical learning via the alternating direction method of multipliers, Foundations and
    Trends in Machine Learning 3(1), 2011; section 3.4.1 for the change of the step.
    """
    y, operator, noise = measurement.y, measurement.operator, measurement.noise
    level, step, solve = noise.error(measurement.shape[1]), STEP, operator.solver()
    v = start
    v_dual = torch.zeros_like(v)
    z, z_dual = y, torch.zeros_like(y)
    primal = dual = float("inf")
    for iteration in range(1, settings.iterations + 1):
        x = solve(y if noise.is_gaussian else z - z_dual, v - v_dual, level / step)
        relaxed = RELAXATION * x + (1 - RELAXATION) * v
        v, v_before = prox(relaxed + v_dual, step), v
        v_dual = v_dual + relaxed - v
        primal, dual = _relative(x - v, x), _relative(v - v_before, v_dual, v)
        if not noise.is_gaussian:
            u = operator.forward(x)
            relaxed = RELAXATION * u + (1 - RELAXATION) * z
            z, z_before = noise.prox(relaxed + z_dual, y, level**2), z
            z_dual = z_dual + relaxed - z
            primal = max(primal, _relative(u - z, u))
            dual = max(dual, _relative(z - z_before, z_dual, z))
        trace.report(iteration, settings.iterations, v, primal=primal, dual=dual)
        if max(primal, dual) <= settings.tolerance:
            break
        if iteration % BALANCE_EVERY == 0 and max(primal, dual) > BALANCE * min(primal, dual):
            change = 2.0 if dual > primal else 0.5
            step, v_dual = step * change, v_dual * change
    trace.converged(max(primal, dual) <= settings.tolerance, max(primal, dual))
    return v


def _relative(residual: Tensor, scale: Tensor, changed: Tensor | None = None) -> float:
    """Return |residual| / |scale|, and 0 for 0 / 0 and for what rounding changes of `changed`."""
    size = float(residual.norm())
    if changed is not None and size <= ROUNDING * float(changed.norm()):
        return 0.0
    return size / max(float(scale.norm()), 1e-12) if size else 0.0
