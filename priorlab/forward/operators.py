"""Linear operators A: forward, adjoint, and the quadratic solve that the solvers need.

Blur and decimation are in `priorlab.forward.convolution`.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.forward.conjugate_gradients import conjugate_gradients, dot, norm
from priorlab.forward.interpolation import fill_missing

Shape = tuple[int, int, int, int]
"""Of an image: batch, channels, height, width."""

OnData = Callable[[Tensor], Tensor]
"""Maps data to data."""

Solver = Callable[[Tensor, Tensor, float], Tensor]
"""Maps ``(y, v, rho)`` to the minimiser that `LinearOperator.solve` describes."""

DAMPING = 0.01
"""Weight of the flat image in `LinearOperator.initial_guess`, relative to the operator's norm."""


class LinearOperator(ABC):
    """A linear map from real images (B, C, H, W) to data (B, ...), the same for each image.

    The data may have any shape and may be complex; the operator is then linear over the real
    numbers, and `adjoint` returns a real image. A subclass defines `forward` and `adjoint`; the
    rest works for any operator and is overridden where there is a faster way.

    Every operator passes the adjoint test ``<A x, y> = <x, A^T y>``, with the real part of the
    inner product for complex data (`priorlab.testing.check_adjoint`). It works in float32 and
    float64, on the device of the tensors it holds (see `to`). The solvers' defaults expect a
    norm of about one: scale an operator that has another, and its data with it.

    Attributes
    ----------
    factor : int
        How many times smaller than the image the data are along each side, where they are a
        smaller image; else 1.

    Examples
    --------
    >>> x = torch.rand(1, 3, 4, 5)
    >>> mask = (torch.arange(20).view(1, 1, 4, 5) % 3 > 0).float()
    >>> torch.equal(Mask(mask).forward(x), mask * x)
    True
    """

    factor: int = 1

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return ``A x``."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """Return ``A^T y``, a real image (B, C, H, W)."""

    @property
    def is_identity(self) -> bool:
        """Whether the data are the image itself."""
        return False

    @property
    def known_pixels(self) -> Tensor | None:
        """Where the data hold a pixel of the image by itself, or None if they hold none.

        Shape (1, 1 or C, H, W): 1 where a pixel is known, 0 where it is missing. An operator
        that returns a mask here returns data of the image's shape, 0 at the missing pixels.
        """
        return None

    @property
    def is_convolution(self) -> bool:
        """Whether the data are the image, convolved with a kernel."""
        return False

    @property
    def has_closed_form(self) -> bool:
        """Whether `solve` needs no iteration: by default, whether it is overridden."""
        return type(self).solve is not LinearOperator.solve

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return argmin over x of ``1/2 |A x - y|^2 + rho/2 |x - v|^2``, with ``rho > 0``.

        Operators with a closed form override this. Otherwise conjugate gradients find it, in each
        image to a residual of 1e-6 (float32) or 1e-10 (float64) of ``|y| + |A v|``, or warn. They
        update the residual from step to step; with a small `rho` rounding makes the true one larger
        (in float32 about 2e-5 for an ill-conditioned A of norm 1 with ``rho = 1e-4``).

        Examples
        --------
        >>> y, v = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
        >>> Identity().solve(y, v, rho=3.0).unique()
        tensor([0.2500])
        """
        return self._solve(y, v, rho, None)[0]

    def solver(self) -> Solver:
        """Return a `solve` for the calls of one minimisation.

        Each call starts where the one before ended, if it iterates at all. What it remembers
        lives and dies with the function that is returned.
        """
        if self.has_closed_form:
            return self.solve
        last: list[Tensor] = []

        def solve(y: Tensor, v: Tensor, rho: float) -> Tensor:
            x, dual = self._solve(y, v, rho, last[0] if last else None)
            last[:] = [dual]
            return x

        return solve

    def initial_guess(self, y: Tensor, shape: Shape) -> Tensor:
        """Return an image of `shape` made from `y` without any prior; it may leave [0, 1].

        By default the least-squares fit to `y`, damped towards the flat image that fits best; where
        the data hold pixels by themselves, `y` with the others interpolated from those around them.
        """
        if (known := self.known_pixels) is not None:
            return fill_missing(y, known)
        flat = torch.ones(shape, device=y.device, dtype=y.real.dtype)
        seen = self.forward(flat)
        gray = dot(seen, y) / dot(seen, seen).clamp_min(torch.finfo(flat.dtype).tiny)
        return self.solve(y, gray.view(-1, 1, 1, 1) * flat, DAMPING * self.squared_norm(flat))

    def frame(self, x: Tensor) -> Tensor:
        """Return the part of an image that the picture is to show: by default all of it.

        The image of an operator whose data depend on what lies beyond the picture's frame is
        larger than the picture, so that this too can be estimated.
        """
        return x

    def to(self, device: torch.device | str) -> LinearOperator:
        """Return the same operator with its tensors on `device`."""
        return self

    def made_of(self) -> tuple[LinearOperator, ...]:
        """Return the operators of which this one consists: itself, unless ``@`` made it."""
        return (self,)

    def __matmul__(self, inner: LinearOperator) -> LinearOperator:
        """Return the operator that applies `inner` first and then this one.

        Examples
        --------
        >>> left = Mask(torch.tensor([[[[1.0, 1.0, 0.0]]]]))
        >>> right = Mask(torch.tensor([[[[0.0, 1.0, 1.0]]]]))
        >>> (left @ right).forward(torch.ones(1, 1, 1, 3))
        tensor([[[[0., 1., 0.]]]])
        """
        return inner if self.is_identity else self if inner.is_identity else Composed(self, inner)

    def _solve(
        self, y: Tensor, v: Tensor, rho: float, start: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the minimiser ``v + A^T w`` and w, with ``(A A^T + rho) w = y - A v``."""
        predicted = self.forward(v)
        system, about_inverse = self._system(y, rho)
        w = conjugate_gradients(
            system,
            y - predicted,
            scale=norm(y) + norm(predicted),
            start=start,
            precondition=about_inverse,
        )
        return v + self.adjoint(w), w

    def _system(self, y: Tensor, rho: float) -> tuple[OnData, OnData | None]:
        """Return ``A A^T + rho`` on data like `y`, and about its inverse where one is known."""
        return lambda w: self.forward(self.adjoint(w)) + rho * w, None

    def squared_norm(self, like: Tensor) -> float:
        """Return about the greatest eigenvalue of ``A^T A``, for images `like` the given one."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(1, *like.shape[1:], generator=generator, dtype=like.dtype).to(like.device)
        size = 1.0
        for _ in range(10):
            x = self.adjoint(self.forward(x / x.norm()))
            size = float(x.norm())
            if not size:
                return 1.0
        return size


class Identity(LinearOperator):
    """A = I: denoising."""

    @property
    @override
    def is_identity(self) -> bool:
        return True

    @override
    def forward(self, x: Tensor) -> Tensor:
        return x

    @override
    def adjoint(self, y: Tensor) -> Tensor:
        return y

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return the weighted mean of `y` and `v`."""
        return (y + rho * v) / (1 + rho)

    @override
    def initial_guess(self, y: Tensor, shape: Shape) -> Tensor:
        return y


class Mask(LinearOperator):
    """A = diag(mask): inpainting. The data have the image's shape, 0 where pixels are missing.

    Parameters
    ----------
    mask : Tensor
        Shape (1, 1, H, W), or (1, C, H, W) for a mask that differs between channels: 1 where
        a pixel is known, 0 where it is missing.

    Examples
    --------
    >>> operator = Mask(torch.tensor([[[[1.0, 0.0]]]]))
    >>> operator.forward(torch.full((1, 3, 1, 2), 0.5))[0, 0]
    tensor([[0.5000, 0.0000]])
    """

    def __init__(self, mask: Tensor) -> None:
        if mask.ndim != 4 or mask.shape[0] != 1 or not bool(((mask == 0) | (mask == 1)).all()):
            raise ValueError(f"expected a mask (1, 1 or C, H, W) of 0 and 1, not {mask.shape}")
        self.mask = mask

    @property
    @override
    def known_pixels(self) -> Tensor:
        return self.mask

    @override
    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask.to(x.dtype)

    @override
    def adjoint(self, y: Tensor) -> Tensor:
        return y * self.mask.to(y.dtype)

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return the weighted mean of `y` and `v` at known pixels, `v` at missing ones."""
        mask = self.mask.to(y.dtype)
        return (mask * y + rho * v) / (mask + rho)

    @override
    def to(self, device: torch.device | str) -> Self:
        moved = copy.copy(self)
        moved.mask = self.mask.to(device)
        return moved


class Composed(LinearOperator):
    """One operator after another: ``outer @ inner`` applies `inner` to the image first.

    The data of `inner` must be real images, which `outer` takes.
    """

    def __init__(self, outer: LinearOperator, inner: LinearOperator) -> None:
        self.outer, self.inner = outer, inner
        self.factor = outer.factor * inner.factor

    @override
    def made_of(self) -> tuple[LinearOperator, ...]:
        return *self.outer.made_of(), *self.inner.made_of()

    @property
    @override
    def known_pixels(self) -> Tensor | None:
        """Return what both leave, if each of them only leaves pixels out."""
        outer, inner = self.outer.known_pixels, self.inner.known_pixels
        return None if outer is None or inner is None else outer * inner

    @override
    def forward(self, x: Tensor) -> Tensor:
        return self.outer.forward(self.inner.forward(x))

    @override
    def adjoint(self, y: Tensor) -> Tensor:
        return self.inner.adjoint(self.outer.adjoint(y))

    @override
    def frame(self, x: Tensor) -> Tensor:
        return self.inner.frame(x)

    @override
    def to(self, device: torch.device | str) -> Composed:
        return Composed(self.outer.to(device), self.inner.to(device))
