"""The noise of real pictures: it differs between channels, with brightness, and is blotchy.

A camera counts photons behind a mosaic of colour filters, fills in the missing colours, applies a
tone curve, smooths and compresses. What is left of the counting noise has a level of its own in
each channel, depends on brightness, and is correlated from pixel to pixel.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate
from typing_extensions import override

from priorlab.forward.noise import Noise, Stabiliser

Array = NDArray[np.float64]

APART = 4.0
"""Channels whose levels differ by more than this factor are denoised each by itself."""

WHITE = 0.9
"""Noise whose level at the pixels is at least this share of its level counts as white."""


@dataclasses.dataclass(frozen=True)
class RealNoise(Noise):
    """Zero-mean noise with a level for each channel, brightness and place, and a grain size.

    It is Gaussian white noise, made as strong as the curve says at each pixel's brightness and
    smoothed by a Gaussian. The data fidelity knows only the level of each channel; to use all of
    the model, a solver transforms the data by `stabiliser` and treats the result as white.

    Parameters
    ----------
    levels : tuple of float
        For each channel, or for all of them, the standard deviation on the [0, 1] scale of the
        white noise that is as strong as this noise at half the size. White noise loses half of
        its standard deviation when blocks of 2 x 2 pixels are averaged; noise of coarse grain
        loses less, and disturbs as white noise of a higher level does.
    fine : float
        Standard deviation of a pixel's error relative to that level, in (0, 1]: 1 is white.
    curve : tuple of float
        Standard deviation relative to the level, at equal distances of brightness from 0 to 1.
    places : tuple of tuples of float
        The same at equal distances along the columns and rows of the image, from edge to edge; its
        mean square is to be 1.

    Examples
    --------
    >>> noise = RealNoise((0.02, 0.01, 0.02), fine=0.6, curve=(1.0, 1.2, 0.8))
    >>> noise.variance(torch.full((1, 3, 1, 1), 0.5)).sqrt().flatten()
    tensor([0.0144, 0.0072, 0.0144])
    """

    levels: tuple[float, ...]
    fine: float = 1.0
    curve: tuple[float, ...] = (1.0,)
    places: tuple[tuple[float, ...], ...] = ((1.0,),)

    @property
    @override
    def level(self) -> float:
        return float(np.sqrt(np.mean(np.square(self.levels))))

    @property
    @override
    def spread(self) -> tuple[float, float]:
        factors = [self.levels, self.curve, sum(self.places, ())]
        return math.prod(map(min, factors)), math.prod(map(max, factors))

    @property
    @override
    def is_independent(self) -> bool:
        return self.fine >= WHITE

    def scaled(self, factor: float) -> RealNoise:
        """Return the same noise, `factor` times as strong."""
        return dataclasses.replace(self, levels=tuple(level * factor for level in self.levels))

    @override
    def parts(self, channels: int) -> list[tuple[slice, Noise]]:
        if max(self.levels) <= APART * min(self.levels):
            return [(slice(None), self)]
        levels = np.broadcast_to(self.levels, channels)
        return [
            (slice(c, c + 1), dataclasses.replace(self, levels=(float(level),)))
            for c, level in enumerate(levels)
        ]

    @override
    def variance(self, u: Tensor) -> Tensor:
        relative = torch.from_numpy(self._relative(u.detach().cpu().double().numpy())).to(u)
        return (self._levels(u) * self.fine * relative * self._at_places(u)).square()

    def stabiliser(self) -> Stabiliser:
        """Return the transform whose slope is one over the curve, scaled to keep 0 and 1.

        Where noise is stronger because of its place, the image becomes darker by as much.
        """
        knots = np.linspace(0, 1, 257)
        slope = 1 / self._relative(knots)
        rise = np.concatenate([[0], np.cumsum((slope[1:] + slope[:-1]) / 2)]) / 256
        values = rise / rise[-1]

        least = min(map(min, self.places))

        def forward(data: Tensor) -> Tensor:
            return _interpolated(data, knots, values) * (least / self._at_places(data))

        def inverse(data: Tensor) -> Tensor:
            return _interpolated(data * (self._at_places(data) / least), values, knots)

        return Stabiliser(forward, inverse, least * self.level / float(rise[-1]), self.fine)

    def sample(self, clean: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Add the noise; the last two axes are rows and columns, the one before is the channel."""
        noise = rng.standard_normal(clean.shape)
        if clean.ndim >= 2:
            width = grain(self.fine)
            noise = scipy.ndimage.gaussian_filter(noise, (*(0,) * (clean.ndim - 2), width, width))
        levels = np.array(self.levels).reshape(-1, *(1,) * min(2, clean.ndim))
        relative = self._relative(clean) * self._at_places(torch.from_numpy(noise)).numpy()
        noisy: NDArray[Any] = clean + levels * relative * noise
        return noisy.reshape(clean.shape)

    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``|u - y|^2 / (2 level^2)`` for each image, with the level of each channel."""
        return ((u - y) / self._levels(u)).square().flatten(1).sum(1) / 2

    def prox(self, v: Tensor, y: Tensor, step: float) -> Tensor:
        """Return the mean of `v` and `y`, weighted by their precisions."""
        square = self._levels(v).square()
        return (square * v + step * y) / (square + step)

    def _levels(self, like: Tensor) -> Tensor:
        """Return the levels, to be broadcast over data (B, C, ...)."""
        levels = torch.tensor(self.levels, dtype=like.dtype, device=like.device)
        return levels.view(-1, *(1,) * (like.ndim - 2))

    def _at_places(self, like: Tensor) -> Tensor:
        """Return the relative level at each pixel of data (..., H, W)."""
        grid = torch.tensor(self.places, dtype=like.dtype, device=like.device)
        if grid.numel() == 1:
            return grid.squeeze()
        size = (int(like.shape[-2]), int(like.shape[-1]))
        return interpolate(grid[None, None], size, mode="bilinear", align_corners=True)[0, 0]

    def _relative(self, brightness: NDArray[Any]) -> Array:
        knots = np.linspace(0, 1, len(self.curve))
        return np.asarray(np.interp(brightness, knots, self.curve), np.float64)


@functools.cache
def grain(fine: float) -> float:
    """Return the width of the Gaussian that leaves the share `fine` of white noise's deviation.

    Examples
    --------
    >>> round(grain(0.6), 2), grain(1.0)
    (0.52, 0.0)
    """

    def excess(width: float) -> float:
        pulse = np.zeros((1, 65))
        pulse[0, 32] = 1
        return float((scipy.ndimage.gaussian_filter1d(pulse, width) ** 2).sum()) - fine

    return float(scipy.optimize.brentq(excess, 0.05, 15.0)) if fine < 0.999 else 0.0


def _interpolated(data: Tensor, x: Array, y: Array) -> Tensor:
    """Return a rising piecewise linear function of the data, continued beyond its ends."""
    knots, values, slopes = (
        torch.from_numpy(numbers).to(data) for numbers in (x, y, np.diff(y) / np.diff(x))
    )
    piece = torch.searchsorted(knots[1:-1], data.contiguous(), out_int32=True)
    result = data - knots[piece]
    return result.mul_(slopes[piece]).add_(values[piece])
