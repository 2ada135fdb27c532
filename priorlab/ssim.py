"""The structural similarity of two gray images, computed in tiles that stay in the cache.

What it means and how it is averaged over channels: see `priorlab.metrics.ssim`.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

WINDOW = 11
"""Rows and columns of the windows that SSIM compares."""
_SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2
_ROWS, _COLUMNS = 22, 32
"""Windows of a tile."""
_SPREAD = 0.05
_SMALL = 256 * 256
"""Most pixels of an image that is computed in float64."""


def ssim_of_channel(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """Return the mean SSIM of two gray images (H, W).

    With the sum ``s = x + y`` and the difference ``d = x - y`` SSIM is

        (E[s]^2 - E[d]^2 + 2 C1) (V[s] - V[d] + 2 C2)
        ---------------------------------------------
        (E[s]^2 + E[d]^2 + 2 C1) (V[s] + V[d] + 2 C2)

    where E and V are mean and variance over a window. A window's weights are separable, and
    filtering a tile along one axis is a product with a banded matrix: small tiles make for few
    zeros in the matrix, and stay in the cache.

    ``V[s] = E[s^2] - E[s]^2`` cancels in float32 where an image is flat and bright. Variances
    do not depend on a shift, so each tile is first shifted to a mean of about zero. The shifts
    are spread a little, because equal pixels make equal rounding errors: from tile to tile they
    then average out. Small images have too few tiles for that and are computed in float64.

    Examples
    --------
    >>> ramp = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    >>> round(ssim_of_channel(ramp, ramp), 6), ssim_of_channel(ramp, 1 - ramp) < 0
    (1.0, True)
    """
    dtype = np.float64 if x.size <= _SMALL else np.float32
    height: int = x.shape[0] - WINDOW + 1
    width: int = x.shape[1] - WINDOW + 1
    across = -(-width // _COLUMNS)
    size = _COLUMNS + WINDOW - 1
    along_columns, along_rows = (_banded_gaussian(n).astype(dtype) for n in (_ROWS, _COLUMNS))
    along_rows = np.ascontiguousarray(along_rows.T)
    strip = np.empty((2, _ROWS + WINDOW - 1, across * _COLUMNS + WINDOW - 1), dtype)  # s, d
    overlapping = sliding_window_view(strip, size, axis=2)[:, :, ::_COLUMNS]
    tiles = np.empty((4, _ROWS + WINDOW - 1, across, size), dtype)  # s, d, s^2, d^2
    half = np.empty((4, _ROWS, across * size), dtype)  # filtered along the columns
    whole = np.empty((4 * _ROWS * across, _COLUMNS), dtype)  # and along the rows
    squares = np.empty((2, _ROWS, across, _COLUMNS), dtype)
    tops = range(0, height, _ROWS)
    spread = _SPREAD * (np.arange(len(tops) + across) * 0.618 % 1 - 0.5)
    total = 0.0
    for number, top in enumerate(tops):
        rows = min(_ROWS, height - top)
        below = rows + WINDOW - 1
        x_rows, y_rows = x[top : top + below], y[top : top + below]
        np.add(x_rows, y_rows, out=strip[0, :below, : x.shape[1]], dtype=dtype)
        np.subtract(x_rows, y_rows, out=strip[1, :below, : x.shape[1]], dtype=dtype)
        strip[:, :, x.shape[1] :] = strip[:, :, x.shape[1] - 1, None]  # fills tiles, not counted

        tile, unshifted = tiles[:, :below], overlapping[:, :below]
        shift = unshifted[:, ::5, :, ::5].mean(axis=(1, 3), keepdims=True)
        shift += spread[number : number + across, None].astype(dtype)
        np.subtract(unshifted, shift, out=tile[:2])
        np.multiply(tile[:2], tile[:2], out=tile[2:])

        filtered = half[:, :rows]
        flat = tile.reshape(4, below, across * size)
        np.matmul(along_columns[:rows, :below], flat, out=filtered)
        averages = whole[: 4 * rows * across]
        np.matmul(filtered.reshape(-1, size), along_rows, out=averages)

        mean, variance = averages.reshape(2, 2, rows, across, _COLUMNS)
        square = squares[:, :rows]
        np.multiply(mean, mean, out=square)
        variance -= square
        mean += shift
        np.multiply(mean, mean, out=square)
        square[0] += dtype(2 * _C1)
        variance[0] += dtype(2 * _C2)
        above = (square[0] - square[1]) * (variance[0] - variance[1])
        above /= (square[0] + square[1]) * (variance[0] + variance[1])
        total += float(above.reshape(rows, -1)[:, :width].sum(dtype=np.float64))
    return total / (height * width)


@functools.cache
def _banded_gaussian(count: int) -> NDArray[np.float64]:
    """Return the matrix that filters `count` + 10 values to `count`, where windows lie inside."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / _SIGMA) ** 2)
    weights /= weights.sum()
    band = np.zeros((count, count + WINDOW - 1))
    for row in range(count):
        band[row, row : row + WINDOW] = weights
    band.flags.writeable = False
    return band
