"""Proximal gradient descent: a gradient step on the data, then a denoising step.

K. Wei, A. Aviles-Rivero, J. Liang, Y. Fu, C. Schoenlieb, H. Huang: Tuning-free plug-and-play
proximal algorithm, ICML 2020, and others; convergence: S. Hurault, A. Leclaire, N. Papadakis:
Proximal denoiser for convergent plug-and-play optimization, ICML 2022.
"""

from __future__ import annotations

from priorlab.forward.degradation import BLUR, MISSING, NOISE, OTHER_NOISE, OTHER_OPERATOR, SUPERRES
from priorlab.solvers.plug_and_play.algorithm import Algorithm, Defaults
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result

WHY_NO_WEIGHT = "its step is that of the data's gradient, and the levels weigh the prior"


def descend(problem: Problem) -> Result:
    """Minimise ``f(x) + level^2 L R(x)``, f being the data's fidelity with a gradient L-Lipschitz.

    An operator is inverted by no more than its adjoint, which takes many steps.
    """
    x, fidelity = problem.measurement.initial_guess(), problem.fidelity
    for step, level in problem.steps():
        x = problem.denoise(x - fidelity.gradient(x) / fidelity.lipschitz, level)
        problem.report(step, x)
    return Result(x)


PGD = Algorithm(
    "pgd",
    descend,
    {
        NOISE: Defaults(24, 50, 1),
        MISSING: Defaults(24, 25, 1),
        SUPERRES: Defaults(40, 50, 1),
        BLUR: Defaults(40, 50, 1),
        OTHER_OPERATOR: Defaults(40, 50, 1),
        OTHER_NOISE: Defaults(24, 50, 1),
    },
    ignores={"data_weight": WHY_NO_WEIGHT},
)
