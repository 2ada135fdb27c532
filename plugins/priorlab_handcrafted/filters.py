"""Orthogonal wavelet filters and the transform without decimation that they make."""

import itertools
import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

FILTERS = {"haar": 1, "sym2": 2, "sym3": 3, "sym4": 4, "sym5": 5, "sym6": 6, "sym8": 8}
"""Wavelets by name, with their number of vanishing moments; 2 and 3 are also Daubechies'."""


@cache
def scaling_filter(name: str) -> tuple[float, ...]:
    """Return the low-pass filter, 2 N taps with sum 1, of the wavelet with N vanishing moments.

    Its squared response has the factor ``((1 + cos w) / 2)^N`` and, in
    ``y = (1 - cos w) / 2``, the polynomial ``sum of binom(N - 1 + k, k) y^k``, which is split by
    its roots. Of the possible splits this takes the least asymmetric filter (I. Daubechies:
    Ten Lectures on Wavelets, SIAM, 1992, chapters 6 and 8).
    """
    moments = FILTERS[name]
    # y = (2 - z - 1/z) / 4, so each root y gives a pair of roots z and 1/z.
    polynomial = [math.comb(moments - 1 + k, k) for k in reversed(range(moments))]
    pairs = [np.roots([1, 4 * y - 2, 1]) for y in np.roots(polynomial) if y.imag >= -1e-9]
    best, best_symmetry = np.ones(1), -1.0
    for choice in itertools.product((0, 1), repeat=len(pairs)):
        taps = np.ones(1)
        for pair, pick in zip(pairs, choice, strict=True):
            root = pair[pick]
            factor = (
                [1, -root.real] if abs(root.imag) < 1e-9 else [1, -2 * root.real, abs(root) ** 2]
            )
            taps = np.convolve(taps, factor)
        for _ in range(moments):
            taps = np.convolve(taps, [1, 1])
        taps = taps / taps.sum()
        # The self-convolution peaks at |taps|^2 where a filter is its own mirror image.
        symmetry = float(np.convolve(taps, taps).max() / (taps @ taps))
        if symmetry > best_symmetry + 1e-9:
            best, best_symmetry = taps, symmetry
    return tuple(best.tolist())


class TightFrame:
    """The undecimated wavelet transform of images that wrap around: a tight frame of bound 1.

    It has the energy of the image, and its adjoint is its inverse. It is the orthogonal
    transform of all shifts at once (G. P. Nason, B. W. Silverman: The stationary wavelet
    transform and some statistical applications, Wavelets and Statistics, 1995).

    Parameters
    ----------
    name : str
        One of `FILTERS`.
    levels : int
        Number of scales.
    """

    def __init__(self, name: str, levels: int) -> None:
        low = scaling_filter(name)
        high = [tap * (-1) ** k for k, tap in enumerate(reversed(low))]
        self.pair, self.levels = (low, high), levels

    @staticmethod
    def noise_scale(level: int) -> float:
        """Return the standard deviation, at a level from 0, that white noise of 1 leaves."""
        return 0.5 ** (level + 1)

    def analyse(self, x: Tensor) -> tuple[Tensor, list[list[Tensor]]]:
        """Return the coarse band and, from fine to coarse, three detail bands for each level."""
        details = []
        for level in range(self.levels):
            rows = self._split(x, -2, 2**level)
            (x, *detail), more = (self._split(row, -1, 2**level) for row in rows)
            details.append([*detail, *more])
        return x, details

    def synthesise(self, coarse: Tensor, details: list[list[Tensor]]) -> Tensor:
        """Return the image: the adjoint and inverse of `analyse`."""
        x = coarse
        for level in reversed(range(self.levels)):
            first, second, third = details[level]
            rows = [self._join(pair, -1, 2**level) for pair in ((x, first), (second, third))]
            x = self._join(rows, -2, 2**level)
        return x

    def _split(self, x: Tensor, axis: int, spacing: int) -> list[Tensor]:
        return [_correlate(x, taps, axis, spacing) for taps in self.pair]

    def _join(self, bands: tuple[Tensor, Tensor] | list[Tensor], axis: int, spacing: int) -> Tensor:
        low, high = (
            _correlate(band, taps, axis, -spacing)
            for band, taps in zip(bands, self.pair, strict=True)
        )
        return low.add_(high)


def _correlate(x: Tensor, taps: tuple[float, ...] | list[float], axis: int, spacing: int) -> Tensor:
    """Return ``sum over k of taps[k] x[n + k spacing]`` along an axis that wraps around."""
    size = x.shape[axis]
    reach = (len(taps) - 1) * abs(spacing)
    first = 0 if spacing > 0 else -reach
    wrapped = x.index_select(
        axis, torch.arange(first, first + size + reach, device=x.device) % size
    )
    out = torch.zeros_like(x)
    for k, tap in enumerate(taps):
        out.add_(wrapped.narrow(axis, k * spacing - first, size), alpha=tap)
    return out
