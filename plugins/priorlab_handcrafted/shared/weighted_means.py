"""Weighted means of pixels; the weights fall with the difference of the pixels' surroundings."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab_handcrafted.shared.compiled import Threads, kernel

Array = NDArray[np.float32]

BAND = 64
"""Rows that one call of the kernel restores: few enough that its sums stay in the cache."""

CUT = 12.0
"""Weights below exp(-CUT) are zero."""


def gaussian(reach: int, deviation: float = math.inf) -> Array:
    """Return ``2 reach + 1`` weights, a sampled Gaussian; they sum to one."""
    steps = np.arange(-reach, reach + 1)
    weights = np.exp(-(steps**2) / (2 * max(deviation, 1e-3) ** 2))
    return (weights / weights.sum()).astype(np.float32)


def weighted_mean(
    y: Tensor,
    guide: Tensor,
    window: Array,
    distance: int,
    width: float,
    noise: float = 0.0,
    spread: float = math.inf,
    greatest: bool = False,
) -> Tensor:
    """Replace each pixel by a weighted mean of those around it.

    The weight of a pixel is ``exp(-max(d - noise, 0) / width^2 - r^2 / (2 spread^2))``: d is the
    squared difference of the patches of `guide` around both pixels, r their distance.

    Parameters
    ----------
    y : Tensor
        Images (B, C, H, W), float32 on the CPU.
    guide : Tensor
        Images (B, K, H, W), float32 on the CPU; all K channels add to the difference.
    window : array
        Weights of the rows and of the columns of a patch, of odd length and symmetric; they sum to
        one.
    distance : int
        Pixels up to this many rows and columns away take part.
    width : float
        Width of the weights in the root mean squared difference.
    noise : float
        The mean squared difference caused by noise alone.
    spread : float
        Standard deviation of the weights in space, in pixels.
    greatest : bool
        Give the pixel itself the greatest weight of the others rather than one.

    Returns
    -------
    Tensor
        Images like `y`. They do not depend on the number of threads.
    """
    reach = len(window) // 2
    taps = tuple(window[reach:])
    margins = ((0, 0), (0, 0), (reach, reach), (reach, reach))
    padded = np.pad(guide.numpy(), margins, mode="reflect")
    values = np.ascontiguousarray(y.numpy())
    out = np.zeros_like(values)
    scale = np.float32(1 / (math.log(2) * width**2))
    fall = np.float32(1 / (2 * math.log(2) * spread**2))
    height = y.shape[2]

    def work(item: tuple[int, int]) -> None:
        image, first = item
        average_band(
            values[image],
            padded[image],
            taps,
            distance,
            np.float32(noise),
            scale,
            fall,
            greatest,
            first,
            min(first + BAND, height),
            out[image],
        )

    with Threads() as threads:
        threads.map(work, [(i, r) for i in range(len(y)) for r in range(0, height, BAND)])
    return torch.from_numpy(out)


@kernel
def average_band(y, guide, taps, distance, noise, scale, fall, greatest, first, last, out):  # type: ignore[no-untyped-def]
    """Write the rows `first` to `last` of the mean of y (C, H, W) to `out`, which is zero there.

    `guide` (K, H + 2 reach, W + 2 reach) is padded. `taps` are the weights of the rows and columns
    of a patch, from its centre on: a tuple, so that the loops over it are unrolled. The weight of
    two pixels r apart with the difference d is ``2^(-max(d - noise, 0) scale - r^2 fall)``. Both
    pixels of a pair have the same weight, so one displacement also serves the opposite one.
    """
    channels, height, width = y.shape
    reach = len(taps) - 1
    squares = np.empty((last - first + distance + 2 * reach, width + 2 * reach), np.float32)
    column = np.empty(width + 2 * reach, np.float32)
    weights = np.empty(width, np.float32)
    bits = np.empty(width, np.int32)
    power = bits.view(np.float32)
    total = np.zeros((last - first, width), np.float32)
    peak = np.zeros((last - first, width), np.float32)
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    cut = np.float32(-CUT / math.log(2))
    for down in range(distance + 1):
        top, bottom = max(0, first - down), min(last, height - down)
        for right in range(-distance if down else 1, distance + 1):
            left, size = max(0, -right), width - abs(right)
            if size <= 0 or bottom <= top:
                continue
            # Unsigned indices need no test for counting from the end; nor are there views of
            # rows: making one takes as long as a hundred pixels.
            wide, count = np.uint64(size + 2 * reach), np.uint64(size)
            a, b, centre = np.uint64(left), np.uint64(left + right), np.uint64(reach)
            start = -fall * np.float32(down**2 + right**2)
            for row in range(top, bottom + 2 * reach):
                i, j, line = np.uint64(row), np.uint64(row + down), np.uint64(row - top)
                for x in range(wide):
                    squares[line, x] = (guide[0, i, x + a] - guide[0, j, x + b]) ** 2
                for k in range(1, guide.shape[0]):
                    for x in range(wide):
                        squares[line, x] += (guide[k, i, x + a] - guide[k, j, x + b]) ** 2
                if row < top + 2 * reach:
                    continue
                here = row - 2 * reach  # the row whose patches are now complete
                line -= centre
                for x in range(wide):
                    value = taps[0] * squares[line, x]
                    for k in range(1, len(taps)):
                        above, below = line - np.uint64(k), line + np.uint64(k)
                        value += taps[k] * (squares[above, x] + squares[below, x])
                    column[x] = value
                for x in range(count):
                    value = taps[0] * column[x + centre]
                    for k in range(1, len(taps)):
                        before, after = centre - np.uint64(k), centre + np.uint64(k)
                        value += taps[k] * (column[x + before] + column[x + after])
                    # 2^t: the exponent field of a float32 holds the rounded part of t, a Taylor
                    # series gives the rest.
                    t = start - max(value - noise, zero) * scale
                    keep = t >= cut
                    t = max(t, cut)
                    whole = np.int32(t - half)
                    f = t - np.float32(whole)
                    series = np.float32(0.05550411) + f * (
                        np.float32(0.00961813) + f * np.float32(0.00133336)
                    )
                    series = np.float32(0.69314718) + f * (np.float32(0.24022651) + f * series)
                    weights[x] = one + f * series
                    bits[x] = (whole + np.int32(127)) << np.int32(23) if keep else np.int32(0)
                for side in range(2):
                    # First the pixels of this row, then those that they were compared with.
                    mine, other = (here, here + down) if side == 0 else (here + down, here)
                    if mine < first or mine >= last:
                        continue
                    begin, across = (a, b) if side == 0 else (b, a)
                    i, j, line = np.uint64(mine), np.uint64(other), np.uint64(mine - first)
                    for x in range(count):
                        weight = weights[x] * power[x]
                        total[line, x + begin] += weight
                        peak[line, x + begin] = max(peak[line, x + begin], weight)
                        out[0, i, x + begin] += weight * y[0, j, x + across]
                    for c in range(1, channels):
                        for x in range(count):
                            weight = weights[x] * power[x]
                            out[c, i, x + begin] += weight * y[c, j, x + across]
    for row in range(first, last):
        for x in range(width):
            # A pixel unlike all others keeps its value.
            own = max(peak[row - first, x], np.float32(1e-6)) if greatest else one
            norm = one / (total[row - first, x] + own)
            for c in range(channels):
                out[c, row, x] = (out[c, row, x] + own * y[c, row, x]) * norm
