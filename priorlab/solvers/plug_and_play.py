"""Plug-and-play: any Gaussian denoiser solves any linear inverse problem.

Half-quadratic splitting alternates a data step, in closed form where the operator has one,
with a denoising step whose noise level falls from iteration to iteration (Zhang, Zuo, Gu,
Zhang: Learning Deep CNN Denoiser Prior for Image Restoration, CVPR 2017; the annealed levels
follow Zhang et al.: Plug-and-Play Image Restoration with Deep Denoiser Prior, TPAMI 2021).
"""

from __future__ import annotations

import torch
from torch import Tensor

from priorlab.forward import impulses
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, Noise, Poisson
from priorlab.forward.operators import Identity
from priorlab.priors import Denoiser
from priorlab.trace import Trace, TraceOfOne

ITERATIONS = 24
"""Splitting steps. The sweep of these constants is in results/tuning-plug-and-play.md."""
FIRST_LEVEL = 50 / 255
"""Noise level of the first denoising step."""
LAST_LEVEL = 1 / 255
"""Least noise level of the last denoising step, for data with less noise than that."""
DATA_WEIGHT = 0.23
"""lambda in ``rho_k = lambda level^2 / sigma_k^2``: how much the denoiser is trusted."""


@torch.no_grad()
def restore(denoiser: Denoiser, measurement: Measurement, trace: Trace) -> Tensor:
    """Restore an image with a denoiser as the prior.

    Gaussian noise alone is denoised directly, Poisson noise alone after a variance-stabilising
    transform; everything else goes through half-quadratic splitting. Impulses that stand out
    count as missing pixels.

    Parameters
    ----------
    denoiser : Denoiser
        The prior.
    measurement : Measurement
        The data, the operator and the noise model.
    trace : Trace
        Is told of each iterate.

    Returns
    -------
    Tensor
        Image of shape ``measurement.shape``, not clipped.
    """
    if isinstance(measurement.operator, Identity):
        if isinstance(measurement.noise, Gaussian):
            return denoiser.denoise(measurement.y, measurement.noise.sigma)
        if isinstance(measurement.noise, Poisson):
            return _denoise_counts(denoiser, measurement.y, measurement.noise.peak)
    if impulses.detectable(measurement):
        result = measurement.initial()
        for index in range(measurement.shape[0]):  # each has a mask of its own
            one = impulses.as_missing(measurement.image(index))
            result[index] = _split(denoiser, one, TraceOfOne(trace, result, index))[0]
        return result
    return _split(denoiser, measurement, trace)


def annealed_levels(noise: Noise, count: int) -> list[float]:
    """Return `count` noise levels that fall geometrically to that of the least noisy pixels."""
    least, greatest = noise.spread
    last = max(least, LAST_LEVEL)
    first = max(greatest, FIRST_LEVEL, last)
    ratios = torch.linspace(0, 1, count, dtype=torch.float64)
    return [float(first * (last / first) ** ratio) for ratio in ratios]


def _split(denoiser: Denoiser, measurement: Measurement, trace: Trace) -> Tensor:
    """Half-quadratic splitting of ``nll(z; y) + R(v)`` with ``z = A x`` and ``x = v``."""
    y, operator, noise = measurement.y, measurement.operator, measurement.noise
    v = measurement.initial()
    levels = annealed_levels(noise, ITERATIONS)
    for iteration, level in enumerate(levels, start=1):
        # In units of 1 / noise.level^2: |A x - z|^2 has weight 1, |x - v|^2 has weight rho.
        rho = DATA_WEIGHT * noise.level**2 / level**2
        z = y
        if not isinstance(noise, Gaussian):
            # With this step the L1 closeness of impulse noise keeps a pixel as measured if it
            # is within `level` of the denoised one, and moves it by `level` if it is not.
            z = noise.prox(operator.forward(v), y, level * noise.level)
            rho = DATA_WEIGHT
        x = operator.solve(z, v, rho) if not isinstance(operator, Identity) else z
        v = denoiser.denoise(x, level)
        trace.report(iteration, len(levels), v)
    return v


def _denoise_counts(denoiser: Denoiser, y: Tensor, peak: float) -> Tensor:
    """Denoise Poisson data through the Anscombe transform, which makes the variance one.

    The inverse is the closed-form approximation of the exact unbiased one (Makitalo, Foi: A
    closed-form approximation of the exact unbiased inverse of the Anscombe variance-stabilizing
    transformation, TIP 2011).
    """
    top = 2 * (peak + 3 / 8) ** 0.5
    least = 2 * (3 / 8) ** 0.5
    stable = 2 * (peak * y.clamp_min(0) + 3 / 8).sqrt() / top
    d = (denoiser.denoise(stable, 1 / top) * top).clamp_min(least)
    half = (3 / 2) ** 0.5
    counts = d**2 / 4 + half / (4 * d) - 11 / (8 * d**2) + 5 * half / (8 * d**3) - 1 / 8
    restored: Tensor = counts.clamp_min(0) / peak
    return restored
