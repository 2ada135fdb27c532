"""Douglas-Rachford splitting: reflect on the data's prox, then denoise.

J. Eckstein, D. Bertsekas: On the Douglas-Rachford splitting method and the proximal point algorithm
for maximal monotone operators, Mathematical Programming 55, 1992; with a denoiser: S. Hurault, A.
Leclaire, N. Papadakis: Proximal denoiser for convergent plug-and-play optimization with nonconvex
regularization, ICML 2022.
"""

from __future__ import annotations

from priorlab.forward.degradation import BLUR, MISSING, NOISE, OTHER_NOISE, OTHER_OPERATOR, SUPERRES
from priorlab.solvers.plug_and_play.algorithm import Algorithm, Defaults
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result

RELAXATION = 1.2
"""How far a step goes: 1 as far as the fixed-point map, 2 the source's limit, which is not reached.

The farther, the farther spreads what is known; from results/tuning-plug-and-play.md.
"""


def reflect(problem: Problem) -> Result:
    """Minimise ``nll(A x; y) + weight R(x)`` by the fixed point of two reflections."""
    v = denoised = problem.measurement.initial_guess()
    apart = 0 * v  # of the point that is reflected from v, in units of the level's square
    before = problem.levels[0]
    for step, level in problem.steps():
        point = v + apart * (level / before) ** 2
        x = problem.fidelity.near(point, problem.rho(level))
        denoised = problem.denoise(2 * x - point, level)
        v = x + RELAXATION * (denoised - x)
        apart, before = point - x, level
        problem.report(step, denoised)
    return Result(denoised)


DRS = Algorithm(
    "drs",
    reflect,
    {
        NOISE: Defaults(8, 50, 1, 1),
        MISSING: Defaults(12, 25, 2, 1),
        SUPERRES: Defaults(24, 50, 2, 1),
        BLUR: Defaults(16, 50, 1, 1),
        OTHER_OPERATOR: Defaults(24, 50, 1, 1),
        OTHER_NOISE: Defaults(8, 50, 1, 1),
    },
)
