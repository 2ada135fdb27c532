"""The unadjusted Langevin algorithm: samples of the posterior, their mean and their spread.

R. Laumont, V. De Bortoli, A. Almansa, J. Delon, A. Durmus, M. Pereyra: Bayesian imaging using
plug & play priors: when Langevin meets Tweedie, SIAM Journal on Imaging Sciences 15(2), 2022 (arXiv
2103.04715). Different from theirs, Gaussian noise enters by the trapezoidal rule, which keeps its
variance whatever the step, so that the prior alone limits the step; with a gradient of exact data
it would be a million times smaller. And what is averaged are not the samples, which are images with
noise of the denoiser's level s, but what the denoiser makes of them: their expectation without that
noise. What this leaves out of the variance, the spread of images behind one sample, is
``s^2 - E (x - D(x))^2`` in each pixel, by Tweedie's formula of second order.
"""

from __future__ import annotations

from torch import Tensor

from priorlab.forward.degradation import BLUR, MISSING, NOISE, OTHER_NOISE, OTHER_OPERATOR, SUPERRES
from priorlab.solvers.plug_and_play.algorithm import Algorithm, Defaults
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result
from priorlab.solvers.running_moments import RunningMoments

STEP = 0.3
"""Time of a step, relative to the longest that follows the prior without overshooting."""

BURN_IN = 0.2
"""Share of the steps, with falling levels, that are not counted as samples. The last step always
is one."""


def sample(problem: Problem) -> Result:
    """Return the mean and the standard deviation of the images behind the samples."""
    x = problem.measurement.initial_guess()
    count, last = len(problem.levels), problem.levels[-1]
    falling = problem.levels[:: round(1 / BURN_IN)][: count - 1]
    means, residuals = RunningMoments(x), RunningMoments(x)
    for step, _ in problem.steps():
        settled = step > len(falling)
        level = last if settled else falling[step - 1]
        denoised = problem.denoise(x, level)
        if settled:
            residuals.add((x - denoised).square())
        problem.report(step, means.add(denoised) if settled else denoised)
        x = _move(problem, x, denoised, level, settled=settled)
    behind = (last**2 - residuals.mean).clamp_min(0)
    return Result(means.mean, (means.deviation().square() + behind).sqrt())


def _move(problem: Problem, x: Tensor, denoised: Tensor, level: float, *, settled: bool) -> Tensor:
    """Take a step of ``dx = (-nll'(x) + weight (D(x) - x) / level^2) dt + sqrt(2) dW``."""
    fidelity, noise = problem.fidelity, problem.measurement.noise
    steepness = problem.weight / level**2
    if not noise.is_gaussian:
        steepness += fidelity.lipschitz / noise.level**2
    time = STEP / steepness
    drift = problem.weight / level**2 * (denoised - x)
    moved: Tensor = x + time * drift + (2 * time) ** 0.5 * problem.draw()
    if not noise.is_gaussian:
        return moved - time / noise.level**2 * fidelity.gradient(x)
    # Until it has settled, the step is implicit: the trapezoidal rule keeps errors of the start
    # against precise data for long, with alternating signs.
    later = time / 2 if settled else time
    moved = moved - (time - later) / noise.level**2 * fidelity.gradient(x)
    return fidelity.near(moved, noise.level**2 / later)


ULA = Algorithm(
    "ula",
    sample,
    {
        NOISE: Defaults(500, 50, 3, 1),
        MISSING: Defaults(500, 50, 8, 1),
        SUPERRES: Defaults(500, 50, 8, 1),
        BLUR: Defaults(500, 50, 8, 1),
        OTHER_OPERATOR: Defaults(500, 50, 8, 1),
        OTHER_NOISE: Defaults(500, 50, 3, 1),
    },
    samples=True,
    least_level=0.5,
)
