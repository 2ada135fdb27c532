"""The alternating direction method of multipliers, with a denoiser as one of its proxes.

S. Venkatakrishnan, C. Bouman, B. Wohlberg: Plug-and-play priors for model based reconstruction,
GlobalSIP 2013; falling levels as in S. Chan, X. Wang, O. Elgendy: Plug-and-play ADMM for image
restoration, IEEE Transactions on Computational Imaging 3(1), 2017.
"""

from __future__ import annotations

import torch

from priorlab.forward.degradation import BLUR, MISSING, NOISE, OTHER_NOISE, OTHER_OPERATOR, SUPERRES
from priorlab.solvers.plug_and_play.algorithm import Algorithm, Defaults
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result


def alternate(problem: Problem) -> Result:
    """Minimise ``nll(A x; y) + weight R(x)``, with the multipliers of ``x = v``."""
    v = problem.measurement.initial_guess()
    multiplier = torch.zeros_like(v)
    before = problem.levels[0]
    for step, level in problem.steps():
        # The multipliers themselves, rho times what is stored, stay as they are.
        multiplier = multiplier * (level / before) ** 2
        x = problem.fidelity.near(v - multiplier, problem.rho(level))
        v = problem.denoise(x + multiplier, level)
        multiplier = multiplier + x - v
        before = level
        problem.report(step, v)
    return Result(v)


ADMM = Algorithm(
    "admm",
    alternate,
    {
        NOISE: Defaults(8, 50, 1, 0.4),
        MISSING: Defaults(16, 50, 1, 0.4),
        SUPERRES: Defaults(8, 50, 2, 0.4),
        BLUR: Defaults(8, 50, 1, 0.4),
        OTHER_OPERATOR: Defaults(24, 50, 1, 0.4),
        OTHER_NOISE: Defaults(8, 50, 1, 1),
    },
)
