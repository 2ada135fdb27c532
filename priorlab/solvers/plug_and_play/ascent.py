"""Stochastic ascent on the density of noisy images, constrained by the data.

Z. Kadkhodaie, E. Simoncelli: Solving linear inverse problems using the prior implicit in a
denoiser, 2020 (arXiv 2007.13640). Different from theirs, the denoiser is told the noise level that
the step before was to leave, instead of finding it itself, and data may be noisy.
"""

from __future__ import annotations

from priorlab.solvers.plug_and_play.algorithm import SAMPLED, Algorithm
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result

CALM = 0.5
"""Share of each step that lowers the noise level (their beta): 1 adds no noise."""


def sample(problem: Problem) -> Result:
    """Draw an image: go part of the way to the denoised one that agrees with the data."""
    x = problem.measurement.initial_guess() + problem.levels[0] * problem.draw()
    towards = x
    for step, level in problem.steps():
        towards = problem.fidelity.near(problem.denoise(x, level), problem.rho(level))
        problem.report(step, towards)
        if step < len(problem.levels):
            left = problem.levels[step] / level
            stride = min(1.0, (1 - left) / CALM)
            # The step leaves the share `1 - stride` of the noise; new noise fills it up to `left`.
            fresh = level * max(0.0, left**2 - (1 - stride) ** 2) ** 0.5
            x = x + stride * (towards - x) + fresh * problem.draw()
    return Result(towards)


ASCENT = Algorithm("ascent", sample, SAMPLED, samples=True)
