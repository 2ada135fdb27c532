"""Regularisation by denoising: the prior is ``1/2 x^T (x - D(x))``, with the gradient x - D(x).

Y. Romano, M. Elad, P. Milanfar: The little engine that could: Regularization by denoising (RED),
SIAM Journal on Imaging Sciences 10(4), 2017: their fixed-point strategy, here with the momentum of
E. Reehorst, P. Schniter: Regularization by denoising: clarifications and new interpretations, IEEE
Transactions on Computational Imaging 5(1), 2019.
"""

from __future__ import annotations

from priorlab.forward.degradation import BLUR, MISSING, NOISE, OTHER_NOISE, OTHER_OPERATOR, SUPERRES
from priorlab.solvers.plug_and_play.algorithm import Algorithm, Defaults
from priorlab.solvers.plug_and_play.momentum import Momentum
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result


def iterate(problem: Problem) -> Result:
    """Solve ``nll'(x) + weight (x - D(x)) / level^2 = 0`` with the denoiser of the last step."""
    x, momentum = problem.measurement.initial_guess(), Momentum()
    for step, level in problem.steps():
        denoised = problem.denoise(momentum.ahead(x), level)
        x = problem.fidelity.near(denoised, problem.rho(level))
        problem.report(step, x)
    return Result(x)


RED = Algorithm(
    "red",
    iterate,
    {
        NOISE: Defaults(8, 50, 1, 0.5),
        MISSING: Defaults(12, 50, 1, 0.5),
        SUPERRES: Defaults(8, 50, 1, 0.5),
        BLUR: Defaults(16, 50, 1, 0.5),
        OTHER_OPERATOR: Defaults(24, 50, 1, 0.5),
        OTHER_NOISE: Defaults(8, 50, 1, 1),
    },
)
