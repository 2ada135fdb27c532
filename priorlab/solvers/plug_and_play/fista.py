"""FISTA: proximal gradient descent with momentum.

A. Beck, M. Teboulle: A fast iterative shrinkage-thresholding algorithm for linear inverse problems,
SIAM Journal on Imaging Sciences 2(1), 2009; with a denoiser: U. Kamilov, H. Mansour, B. Wohlberg:
A plug-and-play priors approach for solving nonlinear imaging inverse problems, IEEE Signal
Processing Letters 24(12), 2017.
"""

from __future__ import annotations

from priorlab.forward.degradation import BLUR, MISSING, NOISE, OTHER_NOISE, OTHER_OPERATOR, SUPERRES
from priorlab.solvers.plug_and_play.algorithm import Algorithm, Defaults
from priorlab.solvers.plug_and_play.momentum import Momentum
from priorlab.solvers.plug_and_play.pgd import WHY_NO_WEIGHT
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result


def descend(problem: Problem) -> Result:
    """Minimise what `priorlab.solvers.plug_and_play.pgd` does, in fewer steps."""
    x, momentum = problem.measurement.initial_guess(), Momentum()
    fidelity = problem.fidelity
    for step, level in problem.steps():
        ahead = momentum.ahead(x)
        x = problem.denoise(ahead - fidelity.gradient(ahead) / fidelity.lipschitz, level)
        problem.report(step, x)
    return Result(x)


FISTA = Algorithm(
    "fista",
    descend,
    {
        NOISE: Defaults(12, 50, 1),
        MISSING: Defaults(12, 50, 1),
        SUPERRES: Defaults(24, 50, 1),
        BLUR: Defaults(24, 50, 1),
        OTHER_OPERATOR: Defaults(24, 50, 1),
        OTHER_NOISE: Defaults(12, 50, 1),
    },
    ignores={"data_weight": WHY_NO_WEIGHT},
)
