"""Total variation: the length of the gradient."""

import dataclasses
import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from priorlab.priors import SILENT, Regularizer, Trace
from priorlab.specs import parameter

TOLERANCE = 1e-4
"""The prox stops at this duality gap, relative to the objective value."""

MAX_ITERATIONS = 3000
WARM_ITERATIONS = 10
CHECK_EVERY = 10
MOMENTUM = 0.96
STEP = 1 / 8  # one over the squared norm of the differences D


@dataclasses.dataclass(frozen=True, kw_only=True)
class TotalVariation(Regularizer):
    """Total variation, isotropic and colour-coupled: images are piecewise smooth with sharp edges.

    ``energy(x) = weight sqrt(C) sum over pixels of |grad x|``, with one Euclidean norm over
    both directions and all C channels, forward differences and a replicated border. The
    factor ``sqrt(C)`` makes a gray picture stored in three channels come out as it does in one.

    L. I. Rudin, S. Osher, E. Fatemi: Nonlinear total variation based noise removal algorithms,
    Physica D 60, 1992. Colour: X. Bresson, T. F. Chan: Fast dual minimization of the vectorial
    total variation norm and applications to color image processing, Inverse Problems and
    Imaging 2(4), 2008.
    """

    name: ClassVar[str] = "tv"
    weight: float = parameter(0.75, "strength of the smoothing", low=0)

    def energy(self, x: Tensor) -> Tensor:
        """Return the weighted total variation of each image (B, C, H, W): shape (B,)."""
        squares = torch.zeros_like(x[:, 0])
        squares[:, :-1] += x.diff(dim=2).square().sum(1)
        squares[:, :, :-1] += x.diff(dim=3).square().sum(1)
        return self._radius(x) * _root(squares).flatten(1).sum(1)

    def prox(self, v: Tensor, step: float) -> Tensor:
        """Return argmin over x of ``energy(x) + |x - v|^2 / (2 step)``.

        Its objective is within the relative duality gap `TOLERANCE` of the optimum.
        """
        return self.warm_prox()(v, step)

    def warm_prox(self, trace: Trace = SILENT) -> Callable[[Tensor, float], Tensor]:
        """Return a `prox` that begins each call with the dual solution of the one before.

        The first call is as exact as `prox`; each later one makes `WARM_ITERATIONS` at most,
        because a splitting calls it with ever closer arguments and so refines the dual anyway.
        """
        duals: dict[int, Tensor] = {}

        def prox(v: Tensor, step: float) -> Tensor:
            radius = step * self._radius(v)
            if radius == 0:
                return v.clone()
            out = torch.empty_like(v)
            for index, image in enumerate(v):
                dual, most = duals.get(index), WARM_ITERATIONS
                if dual is None:
                    dual, most = image.new_zeros((2, *image.shape)), MAX_ITERATIONS
                out[index], duals[index] = solve_rof(image, radius, dual, most, trace)
            return out

        return prox

    def _radius(self, x: Tensor) -> float:
        return self.weight * float(x.shape[1]) ** 0.5


def solve_rof(
    v: Tensor, radius: float, dual: Tensor, iterations: int, trace: Trace = SILENT
) -> tuple[Tensor, Tensor]:
    """Minimise ``1/2 |x - v|^2 + radius * sum |grad x|`` over images x of v's shape.

    Accelerated projected gradient descent on the dual, ``max -1/2 |v - radius D^T p|^2`` over
    ``|p| <= 1`` at each pixel, with ``x = v - radius D^T p`` (A. Beck, M. Teboulle: Fast
    gradient-based algorithms for constrained total variation image denoising and deblurring
    problems, IEEE Transactions on Image Processing 18(11), 2009). The momentum is capped and
    restarts when it points uphill (B. O'Donoghue, E. Candes: Adaptive restart for accelerated
    gradient schemes, Foundations of Computational Mathematics 15, 2015).

    Parameters
    ----------
    v : Tensor
        Image (C, H, W).
    radius : float
        Weight of the total variation, > 0.
    dual : Tensor
        Field (2, C, H, W) to start from; overwritten.
    iterations : int
        The most, a multiple of `CHECK_EVERY`.
    trace : Trace
        Is told of the relative duality gap.

    Returns
    -------
    x, dual : Tensor
        The image and its dual field.
    """
    p, q = dual, dual.clone()
    x, age, last = torch.empty_like(v), 0, math.inf
    for iteration in range(1, iterations + 1):
        stride = STEP / radius
        _primal(v, q, radius, out=x)
        q[0, :, :-1].add_(x[:, 1:], alpha=stride).sub_(x[:, :-1], alpha=stride)
        q[1, :, :, :-1].add_(x[:, :, 1:], alpha=stride).sub_(x[:, :, :-1], alpha=stride)
        q.div_(_length(q).clamp_min_(1))
        # q is the next dual point; extrapolate beyond it into the buffer of the last one.
        torch.lerp(p, q, 1 + min(age / (age + 3), MOMENTUM), out=p)
        p, q, age = q, p, age + 1
        if iteration % CHECK_EVERY == 0:
            gap = _relative_gap(_primal(v, p, radius, out=x), v, p, radius)
            trace.report(iteration, 0, x[None], gap=gap)
            if gap <= TOLERANCE:
                break
            if gap > last:
                age = 0
                q.copy_(p)
            last = gap
    return x, p


def _primal(v: Tensor, p: Tensor, radius: float, out: Tensor) -> Tensor:
    """Write ``v - radius D^T p`` into `out`; the last row and column of p are zero."""
    down, right = p
    torch.add(down, right, out=out)
    out[:, 1:].sub_(down[:, :-1])
    out[:, :, 1:].sub_(right[:, :, :-1])
    return out.mul_(radius).add_(v)


def _relative_gap(x: Tensor, v: Tensor, p: Tensor, radius: float) -> float:
    """Return (primal - dual objective) / primal for ``x = v - radius D^T p``.

    The difference is summed as ``|grad x| - <grad x, p>``, which is >= 0 at each pixel, so that
    float32 suffices.
    """
    gradient = torch.zeros_like(p)
    torch.sub(x[:, 1:], x[:, :-1], out=gradient[0, :, :-1])
    torch.sub(x[:, :, 1:], x[:, :, :-1], out=gradient[1, :, :, :-1])
    length = _length(gradient)
    gap = radius * (length - (gradient * p).sum((0, 1))).sum()
    primal = radius * length.sum() + (x - v).square_().sum() / 2
    return float(gap / primal.clamp_min(torch.finfo(v.dtype).tiny))


def _length(field: Tensor) -> Tensor:
    """Return the norm over the first two axes, accumulated row by row: torch is slow there."""
    rows = field.flatten(0, 1)
    squares = rows[0].square()
    for row in rows[1:]:
        squares.addcmul_(row, row)
    return squares.sqrt_()


def _root(squares: Tensor) -> Tensor:
    """Return the square root, with gradient zero at zero."""
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0)
