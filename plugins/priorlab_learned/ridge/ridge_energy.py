"""The energy of a ridge regulariser at one noise level, with its gradient and curvature."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import conv2d

BAND = 16_384
"""Pixels of an image whose filtered values are computed at once: those of 48 filters take 3 MB and
stay in a cache. Those of a whole image take a kilobyte for each pixel, and longer."""

GRID = 64
"""Frequencies in each direction at which the norm of the filters is looked for."""


@dataclasses.dataclass(frozen=True)
class RidgeEnergy:
    """A sum of potentials of filtered images: ``R(x) = sum over i, k of psi_i((W_i x)[k])``.

    With the threshold ``t_i`` of a filter, ``psi_i(u) = t_i^2 psi(u / t_i)``, where psi is even and

        ``psi'(v) = slope clip(v, +-1 / slope) - concavity clip(v, +-reach)``:

    psi rises as ``slope v^2 / 2``, then like ``|v|``, and flattens out as far as it is concave.
    Images continue as their mirror image beyond the border, so that every filter sees every pixel.

    Attributes
    ----------
    filters : Tensor
        The filters ``W_i`` (N, 1, K, K), K odd, each of zero mean; together of the norm 1 on
        periodic images (`filters_norm`).
    thresholds : Tensor
        The greatest forces ``t_i`` (N,), on the scale of the image.
    slope : float, or Tensor while it is learned
        Curvature of the convex part of psi at 0, at least 1.
    reach : float, or Tensor while it is learned
        Where the concave part of psi' ends, at most 1.
    concavity : float
        R is convex if it is 0, and else convex up to this: ``R(x) + concavity/2 |x|^2`` is convex.

    Examples
    --------
    >>> differences = torch.zeros(2, 1, 3, 3)
    >>> differences[0, 0, 1, :2] = differences[1, 0, :2, 1] = torch.tensor([-1.0, 1.0]) / 8**0.5
    >>> energy = RidgeEnergy(differences, torch.full((2,), 0.1), 5.0, 1.0, 0.0)
    >>> step = torch.zeros(1, 1, 4, 5)
    >>> step[..., 3:] = 0.5
    >>> energy.value(step)  # four differences of 0.5 / 8**0.5, as far as they exceed 0.1 / (2 * 5)
    tensor([0.0667])
    """

    filters: Tensor
    thresholds: Tensor
    slope: Tensor | float
    reach: Tensor | float
    concavity: float

    def value(self, x: Tensor) -> Tensor:
        """Return the energy of each image (B, 1, H, W): shape (B,)."""
        squares = self.thresholds.square()
        bands = [torch.einsum("bihw,i->b", self.potential(v), squares) for v, _ in self._bands(x)]
        return torch.stack(bands).sum(0)

    @torch.no_grad()
    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient of `value`, in the shape of `x`, through which nothing is learned."""
        border = self._border
        gradient = x.new_zeros((*x.shape[:2], *(size + 2 * border for size in x.shape[2:])))
        for v, rows in self._bands(x):
            self._spread(self._force_in_place(v), gradient[:, :, rows])
        return _folded(gradient, border)

    def curvature(self, x: Tensor) -> Tensor:
        """Return the second derivatives of the potentials (B, N, H, W) at an image."""
        size = self.analyse(x).abs_()
        bent = self.slope * (size < 1 / self.slope).to(x.dtype)
        return bent - self.concavity * (size < self.reach).to(x.dtype)

    def along(self, curvature: Tensor, direction: Tensor) -> Tensor:
        """Return the Hessian at the image that has the `curvature`, times a direction."""
        return self._synthesise(curvature * self.analyse(direction))

    def directional(self, x: Tensor, direction: Tensor) -> Tensor:
        """Return the sum over the images of the derivative of `value` along a direction."""
        force = self.force(self.analyse(x)) * self.analyse(direction)
        return torch.einsum("bihw,i->", force, self.thresholds.square())

    def detached(self) -> RidgeEnergy:
        """Return the same energy, through which nothing is learned."""
        slope, reach = (float(torch.as_tensor(v).detach()) for v in (self.slope, self.reach))
        return RidgeEnergy(
            self.filters.detach(), self.thresholds.detach(), slope, reach, self.concavity
        )

    def analyse(self, x: Tensor) -> Tensor:
        """Return the filtered images (B, N, H, W), each relative to its threshold."""
        return conv2d(_mirrored(x, self._border), self._scaled)

    def potential(self, v: Tensor) -> Tensor:
        """Return psi(v)."""
        narrow = _clipped(v, 1 / self.slope)
        potential = self.slope * narrow * (v - narrow / 2)
        if not self.concavity:
            return potential
        wide = _clipped(v, self.reach)
        return potential - self.concavity * wide * (v - wide / 2)

    def force(self, v: Tensor) -> Tensor:
        """Return psi'(v)."""
        force = self.slope * _clipped(v, 1 / self.slope)
        if not self.concavity:
            return force
        return torch.sub(force, _clipped(v, self.reach), alpha=self.concavity)

    def _force_in_place(self, v: Tensor) -> Tensor:
        """Return `force`, and overwrite v: to take other memory takes longer than to compute."""
        force = _clipped(v, 1 / self.slope).mul_(self.slope)
        if not self.concavity:
            return force
        return force.sub_(torch.clamp_(v, -self.reach, self.reach), alpha=self.concavity)

    @property
    def lipschitz(self) -> float:
        """A Lipschitz constant of the gradient, for filters of the norm 1."""
        steepest = float(self.slope)
        if float(self.reach) * steepest >= 1:  # the concave part bends where the convex one does
            steepest -= self.concavity
        return max(steepest, self.concavity)

    def _bands(self, x: Tensor) -> Iterator[tuple[Tensor, slice]]:
        """Yield what `analyse` returns in bands, and which rows beyond the border they see."""
        mirrored, filters = _mirrored(x, self._border), self._scaled
        height = max(1, BAND // (x.shape[0] * x.shape[3]))
        for top in range(0, x.shape[2], height):
            rows = slice(top, min(top + height, x.shape[2]) + 2 * self._border)
            yield conv2d(mirrored[:, :, rows], filters), rows

    @property
    def _scaled(self) -> Tensor:
        return self.filters / _each(self.thresholds)

    @property
    def _border(self) -> int:
        return self.filters.shape[-1] // 2

    def _synthesise(self, v: Tensor) -> Tensor:
        """Return the adjoint of `analyse`, times the squared thresholds."""
        (batch, _, height, width), border = v.shape, self._border
        x = v.new_zeros((batch, 1, height + 2 * border, width + 2 * border))
        self._spread(v, x)
        return _folded(x, border)

    def _spread(self, v: Tensor, x: Tensor) -> None:
        """Add what `_synthesise` returns to an image that goes on beyond the border.

        As one product with all filters' values, whose planes are then shifted and added, along the
        rows first: several times as fast on a CPU as a convolution with a single output.
        """
        side = self.filters.shape[-1]
        weights = (self.filters * _each(self.thresholds)).flatten(1).T[..., None, None]
        (batch, _, height, width), wider = v.shape, v.shape[3] + side - 1
        planes = conv2d(v, weights).view(batch, side, side, height, width)
        rows = v.new_zeros((batch, side, height, wider))
        for place in range(side):
            rows[..., place : place + width] += planes[:, :, place]
        for place in range(side):
            x[:, 0, place : place + height] += rows[:, place]


def filters_norm(filters: Tensor) -> Tensor:
    """Return the norm of the convolution with filters (N, 1, K, K) together, on a periodic image.

    It is the largest modulus of their transfer function on a grid of `GRID` x `GRID` frequencies;
    between these it is at most ``1 / cos(pi (K - 1) / GRID)`` times as large (a trigonometric
    polynomial of degree K - 1 in each direction).
    """
    power = torch.fft.rfft2(filters, s=(GRID, GRID)).abs().square().sum((0, 1))
    norm: Tensor = power.amax().sqrt()
    return norm


def _clipped(v: Tensor, most: Tensor | float) -> Tensor:
    return torch.clamp(v, -most, most)  # type: ignore[arg-type]


def _each(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _mirror(size: int, border: int) -> Tensor:
    """Return the indices that continue `size` pixels by `border` ones on both sides, mirrored."""
    index = torch.arange(-border, size + border) % (2 * size)
    return torch.minimum(index, 2 * size - 1 - index)


def _mirrored(x: Tensor, border: int) -> Tensor:
    rows, columns = (_mirror(size, border).to(x.device) for size in x.shape[-2:])
    return x[:, :, rows][:, :, :, columns]


def _folded(x: Tensor, border: int) -> Tensor:
    """Return the adjoint of `_mirrored`."""
    for dim in (2, 3):
        size = x.shape[dim] - 2 * border
        shape = [*x.shape]
        shape[dim] = size
        x = x.new_zeros(shape).index_add_(dim, _mirror(size, border).to(x.device), x)
    return x
