"""DiffPIR: a denoiser samples images as a diffusion model does, drawn to the data in each step.

Y. Zhu, K. Zhang, J. Liang, J. Cao, B. Wen, R. Timofte, L. Van Gool: Denoising diffusion models for
plug-and-play image restoration, CVPR Workshops 2023 (arXiv 2305.08995). Different from theirs, the
images are not scaled down while noise is added ("variance exploding"), so that any denoiser of
images in [0, 1] serves.
"""

from __future__ import annotations

from priorlab.solvers.plug_and_play.algorithm import SAMPLED, Algorithm
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result

FRESH = 0.3
"""Share of the variance of each step's noise that is drawn anew (their zeta)."""


def sample(problem: Problem) -> Result:
    """Draw an image: denoise, draw it to the data, and add the noise of the next lower level."""
    clean = problem.measurement.initial_guess()
    noise = problem.draw()
    for step, level in problem.steps():
        x = clean + level * noise
        denoised = problem.denoise(x, level)
        clean = problem.fidelity.near(denoised, problem.rho(level))
        problem.report(step, clean)
        left = (x - clean) / level
        noise = (1 - FRESH) ** 0.5 * left + FRESH**0.5 * problem.draw()
    return Result(clean)


DIFFPIR = Algorithm("diffpir", sample, SAMPLED, samples=True)
