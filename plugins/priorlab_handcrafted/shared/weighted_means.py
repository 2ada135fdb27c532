"""Weighted means of pixels; the weights fall with the difference of the pixels' surroundings."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab_handcrafted.shared.compiled import kernel
from priorlab_handcrafted.shared.threads import Threads

Array = NDArray[np.float32]

BAND = 64
"""Rows that one call of the kernel restores: few enough that its sums stay in the cache."""

BESIDE = 7
"""Displacements to the right whose weights are applied at once."""

AT_ONCE = 4
"""Rows whose patches are summed at once, along the columns: most of what that reads is the same."""

WIDE = 1040
"""Length of the kernel's rows. It is constant, so that the loops over a row need only one test of
whether what they write overlaps with what they read, however many rows that is."""

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
    reach, margin, columns = len(window) // 2, distance + BESIDE - 1, y.shape[3]
    edge, most = distance + reach, WIDE - 2 * max(margin, reach)
    if columns > most:
        inner = most - 2 * edge
        parts = []
        for first in range(0, columns, inner):
            left, right = max(0, first - edge), first + inner + edge
            part = y[..., left:right], guide[..., left:right]
            part = weighted_mean(*part, window, distance, width, noise, spread, greatest)
            parts.append(part[..., first - left : first - left + inner])
        return torch.cat(parts, 3)
    taps = tuple(window[reach:])
    margins = ((0, 0), (0, 0), (reach, reach), (reach, reach))
    padded = np.pad(guide.numpy(), margins, mode="reflect")
    values = np.pad(y.numpy(), ((0, 0), (0, 0), (0, 0), (margin, margin)))
    out = np.empty(y.shape, np.float32)
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
    """Write the rows `first` to `last` of the mean of y to `out` (C, H, W).

    Both y and `guide` (K, H + 2 reach, W + 2 reach) are padded, y only on the left and right, with
    any values. `taps` are the weights of the rows and columns of a patch, from its centre on: a
    tuple, so that the loops over it are unrolled. The weight of two pixels r apart with the
    difference d is ``2^(-max(d - noise, 0) scale - r^2 fall)``. Both pixels of a pair have the same
    weight, so one displacement also serves the opposite one. The weights of `BESIDE` displacements
    are kept, so that each sum is read and written once for all of them.
    """
    channels, height, width = out.shape
    reach, margin, rows = len(taps) - 1, distance + BESIDE - 1, last - first
    squares = np.empty((rows + distance + 2 * reach + AT_ONCE) * WIDE, np.float32)
    sweeps = np.empty(AT_ONCE * WIDE, np.float32)
    weights = np.zeros((rows + distance) * BESIDE * WIDE, np.float32)
    # For each row the sum of its weights, the greatest of them, and the sums of all channels.
    lines = 2 + channels
    sums = np.zeros(rows * lines * WIDE, np.float32)
    for down in range(distance + 1):
        top, bottom = max(0, first - down), min(last, height - down)
        for start in range(-distance if down else 1, distance + 1, BESIDE):
            for right in range(start, start + BESIDE):
                # Those too far away have the weight zero.
                count = max(0, width - abs(right)) if right <= distance else 0
                fade = -fall * np.float32(down**2 + right**2)
                part = top, bottom, width, count, (right - start) * WIDE + margin
                model = noise, scale, fade
                _weigh(guide, taps, model, down, right, part, squares, sweeps, weights)
            for here in range(top, bottom):
                line, there = (here - top) * BESIDE * WIDE + margin, here + down
                if here >= first:
                    end = (here - first) * lines * WIDE
                    _add_right(weights, line, y, there, margin + start, sums, end, width)
                if there < last:
                    end = (there - first) * lines * WIDE
                    _add_left(weights, line - start, y, here, margin - start, sums, end, width)
    for row in range(rows):
        for x in range(width):
            k = row * lines * WIDE + x
            # A pixel unlike all others keeps its value.
            own = max(sums[k + WIDE], np.float32(1e-6)) if greatest else np.float32(1)
            norm = np.float32(1) / (sums[k] + own)
            for c in range(channels):
                value = sums[k + (2 + c) * WIDE] + own * y[c, first + row, x + margin]
                out[c, first + row, x] = value * norm


@kernel
def _weigh(guide, taps, model, down, right, part, squares, sweeps, weights):  # type: ignore[no-untyped-def]
    """Write the weights of the pixels in some rows and of what is `down` and `right` of them.

    Each row has `width` of them, the first at `begin`, and follows `BESIDE` rows after the one
    before. All are zero but `size`, which are those of two pixels of the picture.
    """
    noise, scale, fade = model
    top, bottom, width, size, begin = part
    reach, left = len(taps) - 1, max(0, -right)
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    cut = np.float32(-CUT / math.log(2))
    # Unsigned indices need no test for counting from the end; nor are there views of rows: making
    # one takes as long as a hundred pixels.
    wide, count = np.uint64(size + 2 * reach if size else 0), np.uint64(size)
    a, b = np.uint64(left), np.uint64(left + right)
    for upper in range(top, bottom, AT_ONCE):
        for row in range(upper + 2 * reach if upper > top else top, upper + AT_ONCE + 2 * reach):
            line = np.uint64((row - top) * WIDE)
            i = np.uint64(min(row, guide.shape[1] - 1 - down))
            j = i + np.uint64(down)
            for x in range(wide):
                squares[line + x] = (guide[0, i, x + a] - guide[0, j, x + b]) ** 2
            for k in range(1, len(guide)):
                for x in range(wide):
                    squares[line + x] += (guide[k, i, x + a] - guide[k, j, x + b]) ** 2
        line = np.uint64((upper - top + reach) * WIDE)
        for x in range(wide):
            for n in range(AT_ONCE):
                middle = line + np.uint64(n * WIDE)
                value = taps[0] * squares[middle + x]
                for k in range(1, len(taps)):
                    above, below = middle - np.uint64(k * WIDE), middle + np.uint64(k * WIDE)
                    value += taps[k] * (squares[above + x] + squares[below + x])
                sweeps[np.uint64(n * WIDE) + x] = value
        for row in range(upper, min(upper + AT_ONCE, bottom)):
            end = begin + (row - top) * BESIDE * WIDE
            weights[end : end + left] = 0
            weights[end + left + size : end + width] = 0
            out, middle = np.uint64(end + left), np.uint64((row - upper) * WIDE + reach)
            for x in range(count):
                value = taps[0] * sweeps[x + middle]
                for k in range(1, len(taps)):
                    before, after = middle - np.uint64(k), middle + np.uint64(k)
                    value += taps[k] * (sweeps[x + before] + sweeps[x + after])
                # 2^t: the exponent field of a float32 holds the rounded part of t, a Taylor series
                # gives the rest.
                t = fade - max(value - noise, zero) * scale
                keep = t >= cut
                t = max(t, cut)
                whole = np.int32(t - half)
                f = t - np.float32(whole)
                series = np.float32(0.05550411) + f * (
                    np.float32(0.00961813) + f * np.float32(0.00133336)
                )
                series = np.float32(0.69314718) + f * (np.float32(0.24022651) + f * series)
                power = np.int32((whole + np.int32(127)) << np.int32(23)).view(np.float32)
                weights[out + x] = (one + f * series) * power if keep else zero


@kernel
def _add_right(weights, begin, y, row, column, sums, end, width):  # type: ignore[no-untyped-def]
    """Add to the sums of a row the pixels of `row`, from `column` on for the first weights."""
    wide, double, row = np.uint64(WIDE), np.uint64(2 * WIDE), np.uint64(row)
    for x in range(np.uint64(width)):
        k, p, q = np.uint64(end) + x, np.uint64(begin) + x, np.uint64(column) + x
        total, peak, value = sums[k], sums[k + wide], sums[k + double]
        for i in range(BESIDE):
            weight = weights[p + np.uint64(i * WIDE)]
            total += weight
            peak = max(peak, weight)
            value += weight * y[0, row, q + np.uint64(i)]
        sums[k], sums[k + wide], sums[k + double] = total, peak, value
    for c in range(1, len(y)):
        k, channel = np.uint64(end + (2 + c) * WIDE), np.uint64(c)
        for x in range(np.uint64(width)):
            p, q, value = np.uint64(begin) + x, np.uint64(column) + x, sums[k + x]
            for i in range(BESIDE):
                value += weights[p + np.uint64(i * WIDE)] * y[channel, row, q + np.uint64(i)]
            sums[k + x] = value


@kernel
def _add_left(weights, begin, y, row, column, sums, end, width):  # type: ignore[no-untyped-def]
    """Do so for the opposite displacements: further weights are of pixels further to the left."""
    wide, double, row = np.uint64(WIDE), np.uint64(2 * WIDE), np.uint64(row)
    for x in range(np.uint64(width)):
        k, p, q = np.uint64(end) + x, np.uint64(begin) + x, np.uint64(column) + x
        total, peak, value = sums[k], sums[k + wide], sums[k + double]
        for i in range(BESIDE):
            weight = weights[p + np.uint64(i * (WIDE - 1))]
            total += weight
            peak = max(peak, weight)
            value += weight * y[0, row, q - np.uint64(i)]
        sums[k], sums[k + wide], sums[k + double] = total, peak, value
    for c in range(1, len(y)):
        k, channel = np.uint64(end + (2 + c) * WIDE), np.uint64(c)
        for x in range(np.uint64(width)):
            p, q, value = np.uint64(begin) + x, np.uint64(column) + x, sums[k + x]
            for i in range(BESIDE):
                value += weights[p + np.uint64(i * (WIDE - 1))] * y[channel, row, q - np.uint64(i)]
            sums[k + x] = value
