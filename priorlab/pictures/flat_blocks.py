"""What the smoothest blocks of a picture say of its noise, at three scales."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import ndimage

Plane = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCK = 8
"""Rows and columns of a block, at each scale."""

STEPS = (8, 4, 2)
"""Distance of blocks at full, half and quarter size: all of them 8 pixels apart in the picture."""

MOST_BLOCKS = 40_000
FEWEST_BLOCKS = 32
"""In a picture with fewer at half the size, nothing can be said."""

QUANTILES = (0.01, 0.03, 0.1, 0.3, 0.6)
FLAT = 0.06
"""The share of blocks at half the size, the smoothest ones, that count as flat."""

TINY = 1e-9

_ROOT = 3**0.5
_HIGH_PASS = np.array([1 - _ROOT, _ROOT - 3, 3 + _ROOT, -1 - _ROOT]) / (4 * 2**0.5)
"""High-pass filter of the Daubechies wavelet with two vanishing moments."""


@dataclasses.dataclass(frozen=True, eq=False)
class Blocks:
    """The usable blocks of a plane, without those that are constant.

    Attributes
    ----------
    rows, columns : array of int
        Where each begins, in pixels of its scale.
    deviation : array
        Standard deviation of each around the plane that fits it best.
    mean : array
        The brightness of each.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    deviation: Plane
    mean: Plane


def find(plane: Plane, usable: Mask, step: int, quantum: float) -> Blocks:
    """Return the blocks of a plane (H, W), of whose pixels at least 95 % are usable.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (64, 64))
    >>> blocks = find(noise, noise < 2, step=8, quantum=1 / 255)
    >>> len(blocks.rows), bool(abs(blocks.deviation.mean() - 0.1) < 0.01)
    (64, True)
    """
    step *= max(1, round((plane.size / step**2 / MOST_BLOCKS) ** 0.5))
    windows = sliding_window_view(plane, (BLOCK, BLOCK))[::step, ::step]
    shares = sliding_window_view(usable, (BLOCK, BLOCK))[::step, ::step].mean((2, 3))
    flat = windows.reshape(*windows.shape[:2], -1)
    square = (flat**2).sum(-1) - ((flat @ _planes()) ** 2).sum(-1)
    deviation = np.sqrt(square.clip(0) / (BLOCK**2 - 3))
    rows, columns = np.nonzero((shares >= 0.95) & (deviation > 0.1 * quantum + TINY))
    mean = flat.mean(-1)
    return Blocks(rows * step, columns * step, deviation[rows, columns], mean[rows, columns])


def features(
    plane: Plane, usable: Mask, white: float, quantum: float
) -> NDArray[np.float64] | None:
    """Return 24 logarithms of deviations that tell noise from texture, and their reference.

    Parameters
    ----------
    plane : array of shape (H, W)
        One channel, in about [0, 1].
    usable : array of bool, shape (H, W)
        Where the noise is as it was: not clipped, not transparent.
    white : float
        The level of `priorlab.pictures.noise_level`.
    quantum : float
        The difference of neighbouring stored values.

    Returns
    -------
    array of shape (25,), or None
        All but the last relative to the last, the 10 % quantile of the blocks at half the size.
        None for a picture with too few blocks.
    """
    scales = [(plane, usable)]
    for _ in STEPS[1:]:
        scales.append((halved(scales[-1][0]), halved(scales[-1][1].astype(float)) > 0.99))
    if min(scales[-1][0].shape) < BLOCK:
        return None
    found = [find(*scale, step, quantum) for scale, step in zip(scales, STEPS, strict=True)]
    if min(len(blocks.deviation) for blocks in found) < FEWEST_BLOCKS:
        return None
    quantiles = [np.quantile(blocks.deviation, QUANTILES) for blocks in found]
    energies = [_high_pass(p) for p, _ in scales[:2]] + [_differences(p) for p, _ in scales[:2]]
    half = found[1]
    flat = np.argsort(half.deviation)[: max(FEWEST_BLOCKS // 4, int(FLAT * len(half.deviation)))]
    corners = list(zip(half.rows[flat], half.columns[flat], strict=True))[:400]
    inside = [
        np.mean([_at(energy, corner, 2 - k % 2) for corner in corners]) ** 0.5
        for k, energy in enumerate(energies)
    ]
    pixels = np.mean([_window(plane, corner, 2).var() for corner in corners]) ** 0.5
    medians = [np.median(energy) ** 0.5 / 0.6745 for energy in energies[:2]]
    values = np.log(np.array([*np.concatenate(quantiles), *inside, pixels, *medians, white]) + TINY)
    reference = values[len(QUANTILES) + 2]
    count = np.log(len(half.deviation)) / 4
    return np.array([*np.maximum(values - reference, -4), count, reference])


def flat_half(plane: Plane, usable: Mask, quantum: float) -> Blocks:
    """Return all usable blocks at half the size."""
    mask = halved(usable.astype(float)) > 0.99
    return find(halved(plane), mask, STEPS[1], quantum)


def halved(plane: Plane) -> Plane:
    """Return the means of 2 x 2 pixels; an odd last row or column is left out.

    Examples
    --------
    >>> halved(np.arange(6.0).reshape(2, 3))
    array([[2.]])
    """
    height, width = (length // 2 * 2 for length in plane.shape)
    return np.asarray(plane[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3)))


def _high_pass(plane: Plane) -> Plane:
    """Return the squares of the finest diagonal wavelet coefficients."""
    once = ndimage.convolve1d(plane, _HIGH_PASS, axis=0, mode="reflect")
    return np.asarray(ndimage.convolve1d(once, _HIGH_PASS, axis=1, mode="reflect") ** 2)


def _differences(plane: Plane) -> Plane:
    """Return the squares of the differences along rows."""
    return np.asarray(np.diff(plane, axis=1, append=plane[:, -1:]) ** 2)


def _window(plane: Plane, corner: tuple[int, int], zoom: int) -> Plane:
    """Return a block at half the size, in a plane that is `zoom` times as large as that."""
    row, column = corner[0] * zoom, corner[1] * zoom
    return plane[row : row + BLOCK * zoom, column : column + BLOCK * zoom]


def _at(energy: Plane, corner: tuple[int, int], zoom: int) -> float:
    return float(_window(energy, corner, zoom).mean())


@functools.cache
def _planes() -> Plane:
    """Return an orthonormal basis (pixels, 3) of the planes over a block."""
    position = np.arange(BLOCK) - (BLOCK - 1) / 2
    rows, columns = (axis.ravel() for axis in np.meshgrid(position, position, indexing="ij"))
    basis: Plane = np.linalg.qr(np.stack([np.ones(BLOCK**2), rows, columns], axis=1))[0]
    return basis
