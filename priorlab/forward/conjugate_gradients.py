"""Conjugate gradients on a batch of images or data, each with its own steps and its own stop."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

MOST_STEPS = 1000


class ConvergenceWarning(UserWarning):
    """An iteration ended before it reached its tolerance.

    Attributes
    ----------
    residual : float
        What the tolerance was compared with.
    """

    def __init__(self, message: str, residual: float) -> None:
        super().__init__(message)
        self.residual = residual


def conjugate_gradients(
    apply: Callable[[Tensor], Tensor],
    b: Tensor,
    scale: Tensor,
    start: Tensor | None = None,
    precondition: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Solve ``M w = b`` for each member of a batch.

    M. R. Hestenes, E. Stiefel: Methods of conjugate gradients for solving linear systems, Journal
    of Research of the National Bureau of Standards 49, 1952.

    Parameters
    ----------
    apply : callable
        ``w -> M w`` on batches (B, ...), with M symmetric, positive definite and the same for
        each member. Complex values count as pairs of real ones.
    b : Tensor
        Shape (B, ...).
    scale : Tensor
        Shape (B,): the residual's norm is to be at most 1e-6 (float32) or 1e-10 (float64) of
        it in each member.
    start : Tensor, optional
        Where to begin, shape (B, ...); by default ``w = 0``.
    precondition : callable, optional
        About the inverse of M, symmetric and positive definite as well: the closer it is, the
        fewer steps it takes.

    Returns
    -------
    Tensor
        w. A member gets the same w, up to rounding, whatever the others in its batch are.

    Warns
    -----
    ConvergenceWarning
        If `MOST_STEPS` did not bring the residual down; the best w so far is returned.

    Examples
    --------
    >>> b = torch.tensor([[2.0, 8.0]])
    >>> w = conjugate_gradients(lambda w: w * torch.tensor([1.0, 4.0]), b, scale=norm(b))
    >>> w.round(decimals=3)
    tensor([[2., 2.]])
    """
    tolerance = 1e-10 if b.dtype in (torch.float64, torch.complex128) else 1e-6
    goal = tolerance * scale
    w = torch.zeros_like(b) if start is None else start
    residual = b if start is None else b - apply(start)
    direction = corrected = residual if precondition is None else precondition(residual)
    product, square = dot(residual, corrected), dot(residual, residual)
    best, least = w, square
    for _ in range(MOST_STEPS):
        active = square.sqrt() > goal
        if not bool(active.any()):
            return w
        image = apply(direction)
        step = torch.where(active, product / dot(direction, image), 0)
        w = w + _each(step, w) * direction
        residual = residual - _each(step, w) * image
        corrected = residual if precondition is None else precondition(residual)
        previous, product = product, dot(residual, corrected)
        square = product if precondition is None else dot(residual, residual)
        # A member that is done takes no more steps, and none of its 0/0 either.
        turn = torch.where(active, product / previous, 0)
        direction = corrected + _each(turn, w) * direction
        better = square < least
        least = torch.where(better, square, least)
        best = torch.where(_each(better, w), w, best)
    worst = float((least.sqrt() / scale).max())
    if worst > tolerance:
        message = (
            f"conjugate gradients stopped after {MOST_STEPS} steps with a relative residual of"
            f" {worst:.1e}, not {tolerance:.0e}: the system is ill-conditioned"
        )
        warnings.warn(ConvergenceWarning(message, worst), stacklevel=2)
    return best


def norm(x: Tensor) -> Tensor:
    """Return the Euclidean norm of each member of a batch, shape (B,).

    Examples
    --------
    >>> norm(torch.tensor([[3.0, 4.0], [0.0, 2.0]]))
    tensor([5., 2.])
    """
    return dot(x, x).sqrt()


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the real part of the inner product of each member, shape (B,).

    Examples
    --------
    >>> dot(torch.tensor([[1 + 1j]]), torch.tensor([[2.0 + 0j]]))
    tensor([2.])
    """
    product = (a.conj() * b).real if a.is_complex() or b.is_complex() else a * b
    return product.flatten(1).sum(1)


def _each(values: Tensor, like: Tensor) -> Tensor:
    """Return one value for each member (B,) in a shape that multiplies `like` (B, ...)."""
    return values.view(-1, *[1] * (like.ndim - 1))
