"""From a denoiser and a measurement to an image."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from priorlab.forward.degradation import (
    MISSING,
    NOISY_MISSING,
    NOISY_SUPERRES,
    SUPERRES,
    kind_of,
)
from priorlab.forward.measurement import Measurement
from priorlab.solvers import exact_data, stabilised
from priorlab.solvers.noise_limit import limited
from priorlab.solvers.plug_and_play.levels import falling_levels, where_sparse
from priorlab.solvers.plug_and_play.problem import Denoise, Problem
from priorlab.solvers.plug_and_play.settings import SolverSettings, algorithm_for, values_for
from priorlab.solvers.posterior import Result
from priorlab.trace import Trace, TraceOfOne


@torch.no_grad()
def restore(
    denoise: Denoise,
    measurement: Measurement,
    settings: SolverSettings,
    trace: Trace,
    seed: int = 0,
    in_steps: Callable[[], Denoise] | None = None,
    to_noise: bool = False,
) -> Result:
    """Restore an image with a denoiser as the prior.

    But for solvers that draw samples, Gaussian noise alone is denoised directly, other noise alone
    after a transform that stabilises its variance, where one is known
    (`priorlab.solvers.stabilised`). Outliers that can be detected, such as impulses, count as
    missing pixels. What was measured without noise is returned as it was measured.

    Parameters
    ----------
    denoise : callable
        The prior.
    measurement : Measurement
        The data, the operator and the noise model.
    settings : SolverSettings
        The solver, the number of steps, and so on.
    trace : Trace
        Receives each iterate, and the deviation, if there is one, as the picture "uncertainty".
    seed : int
        What samplers draw from. Each image of a batch is restored as it would be alone.
    in_steps : callable, optional
        Returns the denoiser that the steps of one solver call, in order, unless it draws samples;
        None: `denoise`.
    to_noise : bool, optional
        Whether noise alone, of a level that was told, is removed by `denoise` no further than it is
        strong; see `priorlab.solvers.noise_limit`.

    Returns
    -------
    Result
        The image, of shape ``measurement.shape``, not clipped but where data are exact; and the
        standard deviation of its pixels from a solver that finds it out.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Inpaint
    >>> from priorlab.trace import SILENT
    >>> def smooth(v, sigma):
    ...     return torch.nn.functional.avg_pool2d(v, 3, 1, 1, count_include_pad=False)
    >>> measurement = Inpaint(missing=0.5).measure(torch.full((1, 1, 16, 16), 0.5), seed=0)
    >>> restored = restore(smooth, measurement, SolverSettings(), SILENT).image
    >>> restored.allclose(torch.full((1, 1, 16, 16), 0.5), atol=1e-3)
    True
    """
    kind = _kind(measurement)
    samples = algorithm_for(settings, kind).samples

    def prepare() -> Denoise:
        return denoise if samples or in_steps is None else in_steps()

    if not samples and (image := _denoised(denoise, measurement, to_noise)) is not None:
        return Result(image)
    if measurement.has_outliers:
        result = _one_by_one(prepare, measurement, settings, trace, seed)
    else:
        result = _solved(prepare(), measurement, settings, trace, seed)
    if result.deviation is not None:
        trace.picture("uncertainty", result.deviation)
    return result


def _kind(measurement: Measurement) -> str:
    """Return the kind of degradation whose settings an algorithm takes."""
    kind = MISSING if measurement.has_outliers else kind_of(measurement)
    return {NOISY_MISSING: MISSING, NOISY_SUPERRES: SUPERRES}.get(kind, kind)


def _denoised(denoise: Denoise, measurement: Measurement, to_noise: bool) -> Tensor | None:
    """Return what the denoiser makes of noise alone; None if there is more to it."""
    noise = measurement.noise
    if not measurement.operator.is_identity:
        return None
    if noise.is_exact:
        return measurement.y
    if to_noise and (noise.is_gaussian or noise.counts_light):
        denoise = limited(denoise)
    if noise.is_gaussian:
        return denoise(measurement.y, noise.level)
    return stabilised.denoise(denoise, measurement.y, noise) if noise.stabiliser() else None


def _one_by_one(
    prepare: Callable[[], Denoise],
    measurement: Measurement,
    settings: SolverSettings,
    trace: Trace,
    seed: int,
) -> Result:
    """Solve for each image by itself: each has missing pixels of its own."""
    image, deviations = measurement.initial_guess(), []
    for index in range(measurement.shape[0]):
        one = measurement.image(index).without_outliers()
        within = TraceOfOne(trace, image, index)
        result = _solved(prepare(), one, settings, within, seed)
        image[index] = result.image[0]
        if result.deviation is not None:
            deviations.append(result.deviation)
    return Result(image, torch.cat(deviations) if deviations else None)


def _solved(
    denoise: Denoise,
    measurement: Measurement,
    settings: SolverSettings,
    trace: Trace,
    seed: int,
) -> Result:
    noise, kind = measurement.noise, _kind(measurement)
    values = values_for(settings, kind)
    algorithm = algorithm_for(settings, kind)
    last = values.last_level
    if settings.last_level is None:
        if measurement.operator.is_identity:
            last = min(last, noise.spread[0])  # no more can be removed than what is there
        elif kind == MISSING and not algorithm.samples:
            last = max(last, where_sparse(noise, measurement.operator.known_pixels))
    levels = falling_levels(noise, values.steps, values.first_level, last, algorithm.least_level)
    problem = Problem(denoise, measurement, levels, values.data_weight, trace, seed)
    result = algorithm.run(problem)
    if noise.is_exact:
        result = result._replace(image=exact_data.agreeing(result.image, measurement))
    trace.report(len(levels), len(levels), result.image)
    return result
