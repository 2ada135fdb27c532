"""Whether an operator's adjoint is its adjoint."""

from __future__ import annotations

import torch
from torch import Tensor

from priorlab.forward.operators import LinearOperator, Shape


def check_adjoint(
    operator: LinearOperator,
    shape: Shape,
    *,
    dtype: torch.dtype = torch.float64,
    tolerance: float = 1e-10,
) -> None:
    """Check that ``operator.adjoint`` is the adjoint of ``operator.forward``.

    For a random image x and random data y, ``<A x, y>`` must equal ``<x, A^T y>``. Data may be
    complex: their inner product is then the real one, ``Re <a, b> = Re sum(a conj(b))``, since
    images are real.

    Parameters
    ----------
    operator : LinearOperator
        What to check.
    shape : tuple of int
        Shape (B, C, H, W) of the image.
    dtype : torch.dtype
        Type of the image: float32 or float64. That of the data follows from `forward`.
    tolerance : float
        Largest difference of the two products, relative to ``|A x| |y| + |x| |A^T y|``. For
        float32 choose about 1e-5.

    Raises
    ------
    AssertionError
        If the two products differ, with both of them, or if `adjoint` does not return an image
        of the shape and type of x.

    Examples
    --------
    >>> from priorlab import LinearOperator
    >>> class Derivative(LinearOperator):
    ...     def forward(self, x):
    ...         return x.diff(dim=-1)
    ...     def adjoint(self, y):
    ...         return -torch.nn.functional.pad(y, (1, 1)).diff(dim=-1)
    >>> check_adjoint(Derivative(), (1, 3, 16, 16))

    An operator with the wrong sign does not pass:

    >>> Derivative.adjoint = lambda self, y: torch.nn.functional.pad(y, (1, 1)).diff(dim=-1)
    >>> check_adjoint(Derivative(), (1, 3, 16, 16))
    Traceback (most recent call last):
    AssertionError: Derivative: <A x, y> = ..., but <x, A^T y> = ...
    """
    name = type(operator).__name__
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, dtype=dtype, generator=generator)
    predicted = operator.forward(x)
    y = torch.randn(predicted.shape, dtype=predicted.dtype, generator=generator)
    back = operator.adjoint(y)
    if back.shape != x.shape or back.dtype != x.dtype:
        raise AssertionError(f"{name}: adjoint returned {_kind(back)}, but the image is {_kind(x)}")
    ours, theirs = _inner(predicted, y), _inner(x, back)
    scale = _norm(predicted) * _norm(y) + _norm(x) * _norm(back)
    if not abs(ours - theirs) <= tolerance * scale:
        raise AssertionError(f"{name}: <A x, y> = {ours:.10g}, but <x, A^T y> = {theirs:.10g}")


def _inner(a: Tensor, b: Tensor) -> float:
    return float((a * b.conj()).real.double().sum())


def _norm(a: Tensor) -> float:
    return float(a.abs().double().norm())


def _kind(a: Tensor) -> str:
    return f"{a.dtype} of shape {tuple(a.shape)}"
