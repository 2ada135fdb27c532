"""Half-quadratic splitting: a data step and a denoising step in turn.

K. Zhang, W. Zuo, S. Gu, L. Zhang: Learning deep CNN denoiser prior for image restoration, CVPR
2017; the falling levels follow K. Zhang, Y. Li, W. Zuo, L. Zhang, L. Van Gool, R. Timofte:
Plug-and-play image restoration with deep denoiser prior, IEEE TPAMI 2021.
"""

from __future__ import annotations

from priorlab.forward.degradation import BLUR, MISSING, NOISE, OTHER_NOISE, OTHER_OPERATOR, SUPERRES
from priorlab.solvers.plug_and_play.algorithm import Algorithm, Defaults
from priorlab.solvers.plug_and_play.problem import Problem
from priorlab.solvers.posterior import Result


def split(problem: Problem) -> Result:
    """Minimise ``nll(A x; y) + weight (R(v) + |x - v|^2 / (2 level^2))`` over x and v in turn."""
    v = problem.measurement.initial_guess()
    for step, level in problem.steps():
        x = problem.fidelity.near(v, problem.rho(level))
        v = problem.denoise(x, level)
        problem.report(step, v)
    return Result(v)


HQS = Algorithm(
    "hqs",
    split,
    {
        NOISE: Defaults(8, 50, 1, 0.23),
        MISSING: Defaults(24, 50, 2, 0.23),
        SUPERRES: Defaults(24, 50, 1, 0.23),
        BLUR: Defaults(12, 50, 1, 0.23),
        OTHER_OPERATOR: Defaults(24, 50, 1, 0.23),
        OTHER_NOISE: Defaults(8, 50, 1, 0.5),
    },
)
