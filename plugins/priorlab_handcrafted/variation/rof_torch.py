"""The model of Rudin, Osher and Fatemi in torch, for devices other than the CPU.

The same algorithm as in `rof`, without its work for the cache.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from priorlab_handcrafted.variation.rof import MOMENTUM, STRETCH, SWEEP


def solve(
    v: Tensor,
    radius: float,
    dual: Tensor,
    *,
    huber: float,
    anisotropic: bool,
    tolerance: float,
    iterations: int,
    report: Callable[[int, Tensor, float], None],
) -> Tensor:
    """Minimise ``1/2 |x - v|^2 + radius * sum of h(|grad x|)``, as `rof.solve` does.

    `v` is an image (C, H, W) and `dual` a field (2, C, H, W) to start from, overwritten with that
    of the result.
    """
    p, q = dual.clone(), dual.clone()
    x, age, last, stretch = torch.empty_like(v), 0, math.inf, STRETCH
    for iteration in range(1, iterations + 1):
        stride = stretch / (8 * radius)
        _primal(v, q, radius, out=x)
        q[0, :, :-1].add_(x[:, 1:], alpha=stride).sub_(x[:, :-1], alpha=stride)
        q[1, :, :, :-1].add_(x[:, :, 1:], alpha=stride).sub_(x[:, :, :-1], alpha=stride)
        q.div_(1 + stride * huber)
        q.div_(_lengths(q, anisotropic).clamp_min_(1))
        # q is the next dual point; extrapolate beyond it into the buffer of the last one.
        torch.lerp(p, q, 1 + min(age / (age + 3), MOMENTUM), out=p)
        p, q, age = q, p, age + 1
        if iteration % SWEEP == 0:
            gap = _relative_gap(_primal(v, p, radius, out=x), v, p, radius, huber, anisotropic)
            report(iteration, x, gap)
            if gap <= tolerance:
                break
            if gap > last:
                age, stretch = 0, 1.0
                q.copy_(p)
            last = gap
    dual.copy_(p)
    return x


def _primal(v: Tensor, p: Tensor, radius: float, out: Tensor) -> Tensor:
    """Write ``v - radius D^T p`` into `out`; the last row and column of p are zero."""
    down, right = p
    torch.add(down, right, out=out)
    out[:, 1:].sub_(down[:, :-1])
    out[:, :, 1:].sub_(right[:, :, :-1])
    return out.mul_(radius).add_(v)


def _relative_gap(
    x: Tensor, v: Tensor, p: Tensor, radius: float, huber: float, anisotropic: bool
) -> float:
    """Return (primal - dual objective) / primal for ``x = v - radius D^T p``.

    The difference is summed as ``h(|grad x|) - <grad x, p> + huber/2 |p|^2``, which is >= 0 at
    each pixel, so that float32 suffices.
    """
    gradient = torch.zeros_like(p)
    torch.sub(x[:, 1:], x[:, :-1], out=gradient[0, :, :-1])
    torch.sub(x[:, :, 1:], x[:, :, :-1], out=gradient[1, :, :, :-1])
    lengths = _lengths(gradient, anisotropic)
    if huber:
        inner = lengths.clamp_max(huber)
        lengths = lengths - inner + inner.square() / (2 * huber)
    product = (gradient * p).sum() - huber / 2 * p.square().sum()
    gap = radius * (lengths.sum() - product)
    primal = radius * lengths.sum() + (x - v).square_().sum() / 2
    return float(gap / primal.clamp_min(torch.finfo(v.dtype).tiny))


def _lengths(field: Tensor, anisotropic: bool) -> Tensor:
    """Return the norm (1 or 2, 1, H, W) over channels and, unless anisotropic, directions.

    It is accumulated plane by plane, where torch is faster than along an outer axis.
    """
    squares = field[:, :1].square()
    for channel in range(1, field.shape[1]):
        squares.addcmul_(field[:, channel, None], field[:, channel, None])
    if not anisotropic:
        squares = squares[:1] + squares[1:]
    return squares.sqrt_()
