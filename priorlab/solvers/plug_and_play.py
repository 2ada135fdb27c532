"""Plug-and-play: any Gaussian denoiser solves any linear inverse problem.

Half-quadratic splitting alternates a data step, in closed form where the operator has one,
with a denoising step whose noise level falls from step to step (Zhang, Zuo, Gu, Zhang: Learning
Deep CNN Denoiser Prior for Image Restoration, CVPR 2017; the falling levels follow Zhang et al.:
Plug-and-Play Image Restoration with Deep Denoiser Prior, TPAMI 2021).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from priorlab.components import PER_GRAY_LEVEL, parameter
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.solvers import stabilised
from priorlab.trace import Trace, TraceOfOne

Denoise = Callable[[Tensor, float], Tensor]
"""Maps an image (B, C, H, W) and its noise level to the image without that noise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplittingSettings:
    """Settings of half-quadratic splitting; results/tuning-plug-and-play.md has the sweep."""

    steps: int = parameter(24, "splitting steps, for tasks other than denoising", low=1)
    first_level: float = parameter(
        50 * PER_GRAY_LEVEL,
        "noise level of the first denoising step, or that of the noisiest pixels if it is higher",
        unit="0-255",
        low=0.01 * PER_GRAY_LEVEL,
        high=1,
        scale=PER_GRAY_LEVEL,
    )
    last_level: float = parameter(
        1 * PER_GRAY_LEVEL,
        "noise level of the last denoising step, or that of the least noisy pixels if it is higher",
        unit="0-255",
        low=0.01 * PER_GRAY_LEVEL,
        high=1,
        scale=PER_GRAY_LEVEL,
    )
    data_weight: float = parameter(
        0.23, "weight of the data step relative to the denoiser's (lambda)", low=1e-6
    )


@torch.no_grad()
def restore(
    denoise: Denoise, measurement: Measurement, settings: SplittingSettings, trace: Trace
) -> Tensor:
    """Restore an image with a denoiser as the prior.

    Gaussian noise alone is denoised directly, other noise alone after a transform that stabilises
    its variance, where one is known (`priorlab.solvers.stabilised`); everything else goes through
    half-quadratic splitting. Outliers that can be detected, such as impulses, count as missing
    pixels.

    Parameters
    ----------
    denoise : callable
        The prior.
    measurement : Measurement
        The data, the operator and the noise model.
    settings : SplittingSettings
        The number of steps, and so on.
    trace : Trace
        Receives each iterate.

    Returns
    -------
    Tensor
        Image of shape ``measurement.shape``, not clipped.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Inpaint
    >>> from priorlab.trace import SILENT
    >>> def smooth(v, sigma):
    ...     return torch.nn.functional.avg_pool2d(v, 3, 1, 1, count_include_pad=False)
    >>> measurement = Inpaint(missing=0.5).measure(torch.full((1, 1, 16, 16), 0.5), seed=0)
    >>> restored = restore(smooth, measurement, SplittingSettings(), SILENT)
    >>> restored.allclose(torch.full((1, 1, 16, 16), 0.5), atol=1e-3)
    True
    """
    y, noise = measurement.y, measurement.noise
    if measurement.operator.is_identity:
        if noise.is_gaussian:
            return denoise(y, noise.level)
        if noise.stabiliser():
            return stabilised.denoise(denoise, y, noise)
    if measurement.has_outliers:
        result = measurement.initial_guess()
        for index in range(measurement.shape[0]):  # each has missing pixels of its own
            one = measurement.image(index).without_outliers()
            within = TraceOfOne(trace, result, index)
            result[index] = _split(denoise, one, settings, within)[0]
        return result
    return _split(denoise, measurement, settings, trace)


def falling_levels(noise: Noise, settings: SplittingSettings) -> list[float]:
    """Return noise levels that fall geometrically to that of the least noisy pixels.

    Examples
    --------
    >>> from priorlab.forward.noise import Gaussian
    >>> levels = falling_levels(Gaussian(2 / 255), SplittingSettings(steps=3))
    >>> [round(255 * level) for level in levels]
    [50, 10, 2]
    """
    least, greatest = noise.spread
    last = max(least, settings.last_level)
    first = max(greatest, settings.first_level, last)
    ratios = torch.linspace(0, 1, settings.steps, dtype=torch.float64)
    return [float(first * (last / first) ** ratio) for ratio in ratios]


def _split(
    denoise: Denoise, measurement: Measurement, settings: SplittingSettings, trace: Trace
) -> Tensor:
    """Half-quadratic splitting of ``nll(z; y) + R(v)`` with ``z = A x`` and ``x = v``."""
    y, operator, noise = measurement.y, measurement.operator, measurement.noise
    solve = operator.solver()
    v = measurement.initial_guess()
    levels = falling_levels(noise, settings)
    for iteration, level in enumerate(levels, start=1):
        # In units of 1 / noise.level^2: |A x - z|^2 has weight 1, |x - v|^2 has weight rho.
        rho = settings.data_weight * noise.level**2 / level**2
        z = y
        if not noise.is_gaussian:
            # With this step the L1 fidelity of impulse noise keeps a pixel as measured if it
            # is within `level` of the denoised one, and moves it by `level` if it is not.
            z = noise.prox(operator.forward(v), y, level * noise.level)
            rho = settings.data_weight
        x = z if operator.is_identity else solve(z, v, rho)
        v = denoise(x, level)
        trace.report(iteration, len(levels), v)
    return v
