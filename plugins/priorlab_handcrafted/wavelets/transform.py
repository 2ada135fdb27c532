"""Orthogonal wavelet transforms of images that wrap around, with and without decimation."""

import torch
from torch import Tensor

from priorlab_handcrafted.wavelets.filters import scaling_filter

Pair = tuple[Tensor, Tensor]


class WaveletTransform:
    """A separable wavelet transform that preserves energy: its adjoint inverts it.

    With decimation it is the orthogonal transform (S. Mallat: A theory for multiresolution signal
    decomposition: the wavelet representation, IEEE Transactions on Pattern Analysis and Machine
    Intelligence 11(7), 1989). Without, it is that of all shifts of the image at once, a tight
    frame, and results do not depend on the position of the grid (G. P. Nason, B. W.
    Silverman: The stationary wavelet transform and some statistical applications, Wavelets and
    Statistics, 1995). Signs and positions are those of PyWavelets' ``wavedec2(...,
    mode="periodization")`` and ``swt2(..., norm=True)``.

    Parameters
    ----------
    name : str
        One of `priorlab_handcrafted.wavelets.filters.FILTERS`.
    levels : int
        Number of scales.
    decimated : bool
        Whether each level halves the size of the image, which must then be even.

    Attributes
    ----------
    pair : tuple of tuple of float
        The taps of the low-pass and of the high-pass filter.
    reach : tuple of int
        How many taps of a filter come before its middle, and how many after it.
    stride : int
        Distance between neighbouring coefficients, in those of the level before.
    """

    def __init__(self, name: str, levels: int, decimated: bool) -> None:
        low = scaling_filter(name)
        high = tuple(tap * (-1) ** k for k, tap in enumerate(reversed(low)))
        self.pair, self.levels, self.decimated = (low, high), levels, decimated
        self.reach = len(low) // 2 - 1, len(low) // 2
        self.stride = 2 if decimated else 1

    def noise_scale(self, level: int) -> float:
        """Return the standard deviation, at a level from 0, that white noise of 1 leaves."""
        return 1.0 if self.decimated else 0.5 ** (level + 1)

    def spacing(self, level: int) -> int:
        """Return the distance, in coefficients, of taps at a level from 0."""
        return 1 if self.decimated else 2**level

    def analyse(self, x: Tensor) -> tuple[Tensor, list[list[Tensor]]]:
        """Return the coarse band and, from fine to coarse, three detail bands for each level.

        They are those of horizontal edges, vertical edges and diagonals.
        """
        details = []
        for level in range(self.levels):
            smooth, rough = self._split(x, -2, level)
            x, vertical = self._split(smooth, -1, level)
            details.append([*self._split(rough, -1, level)])
            details[-1].insert(1, vertical)
        return x, details

    def synthesise(self, coarse: Tensor, details: list[list[Tensor]]) -> Tensor:
        """Return the image: the adjoint and inverse of `analyse`."""
        x = coarse
        for level in reversed(range(self.levels)):
            horizontal, vertical, diagonal = details[level]
            smooth = self._join((x, vertical), -1, level)
            x = self._join((smooth, self._join((horizontal, diagonal), -1, level)), -2, level)
        return x

    def _split(self, x: Tensor, axis: int, level: int) -> Pair:
        low, high = (_correlate(x, taps, axis, self.spacing(level)) for taps in self.pair)
        if self.decimated:
            even = torch.arange(0, x.shape[axis], 2, device=x.device)
            low, high = (2**0.5 * band.index_select(axis, even) for band in (low, high))
        return low, high

    def _join(self, bands: Pair, axis: int, level: int) -> Tensor:
        if self.decimated:
            bands = _upsample(bands[0], axis), _upsample(bands[1], axis)
        low, high = (
            _correlate(band, taps, axis, -self.spacing(level))
            for band, taps in zip(bands, self.pair, strict=True)
        )
        return low.add_(high)


def _upsample(band: Tensor, axis: int) -> Tensor:
    """Return ``sqrt(2) band`` with a zero after each coefficient."""
    stuffed = torch.stack([2**0.5 * band, torch.zeros_like(band)], axis if axis == -1 else -2)
    return stuffed.flatten(-2) if axis == -1 else stuffed.flatten(-3, -2)


def _correlate(x: Tensor, taps: tuple[float, ...], axis: int, spacing: int) -> Tensor:
    """Return ``sum over k of taps[k] x[n + (k - middle) spacing]`` along an axis that wraps."""
    size, middle = x.shape[axis], len(taps) // 2 - 1
    index = torch.arange(size, device=x.device)
    out = torch.zeros_like(x)
    for k, tap in enumerate(taps):
        out.add_(x.index_select(axis, (index + (k - middle) * spacing) % size), alpha=tap)
    return out
