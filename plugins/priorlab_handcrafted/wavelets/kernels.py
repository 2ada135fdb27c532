"""Wavelet shrinkage without decimation in compiled loops, for the CPU.

The same numbers as `priorlab_handcrafted.wavelets.transform` and
`priorlab_handcrafted.wavelets.thresholds`, a row at a time. What is synthesised is not the image
but what the thresholds remove from it, which is then subtracted. No array wraps around: each
exceeds what is computed from it by the length of the filters (see `extents.py`). The filters
are tuples, so that the loops over their taps are unrolled and those over columns vectorised.
"""

import numpy as np

from priorlab_handcrafted.shared.compiled import kernel
from priorlab_handcrafted.wavelets.thresholds import TINY

LEAST = np.float32(TINY)


@kernel
def analyse_rows(x, low, high, spacing, first, last, top, left, coarse, details):
    """Write rows `first` to `last` of the coarse band and, where there are any, of the details.

    Parameters
    ----------
    x : array
        The image or the coarse band of the level before, contiguous. It exceeds `coarse` by the
        length of the filters, less one, on each axis.
    low, high : tuple of float32
        The filters.
    spacing : int
        Distance between their taps.
    first, last : int
        The rows to process.
    top, left : int
        The place in `coarse` of the first coefficient of the details.
    coarse : array (H, W)
        Is written to.
    details : array (3, h, w)
        Is written to.
    """
    height, width = details.shape[1:]
    row, step = x.reshape(-1), spacing * x.shape[1]
    smooth = np.empty(x.shape[1], x.dtype)
    rough = np.empty(width + (len(low) - 1) * spacing, x.dtype)
    for r in range(first, last):
        source, at = row[r * x.shape[1] :], r - top
        if 0 <= at < height:
            _split(source, step, low, high, left, smooth, rough)
            _split(smooth, spacing, low, high, left, coarse[r], details[1, at])
            _split(rough, spacing, low, high, 0, details[0, at], details[2, at])
        else:
            _filter(source, step, low, smooth)
            _filter(smooth, spacing, low, coarse[r])


@kernel
def shrink_rows(
    coarse, details, low, high, spacing, noise, reach, thresholds, hard, first, last, smooth, rough
):
    """Write what shrinkage removes from rows `first` to `last`, joined along the columns.

    Parameters
    ----------
    coarse : array (H, W)
        What is removed from the coarse band.
    details : array (3, H, W)
        The bands to shrink.
    low, high, spacing
        As in `analyse_rows`.
    noise : float32
        Variance of the noise in the bands.
    reach : int
        How far the window of `bayes_threshold` reaches, or -1 for fixed thresholds.
    thresholds : array (3,)
        The fixed thresholds.
    hard : bool
        Whether coefficients above the threshold are left as they are.
    first, last : int
        The rows to process.
    smooth, rough : array (H, w)
        Are written to, for `join_rows`.
    """
    height, width = coarse.shape
    limit, clipped = np.empty(width, coarse.dtype), np.empty((3, width), coarse.dtype)
    window = max(reach, 0)
    sums = np.zeros((3, width))
    buffers = np.zeros((2, width + 2 * window), coarse.dtype)
    share = np.empty(width, coarse.dtype)
    for c in range(width):
        share[c] = 1 / (min(c + window, width - 1) - max(c - window, 0) + 1)
    for band in range(3):
        if reach >= 0:
            for r in range(max(first - reach - 1, 0), min(first + reach, height)):
                _add_squares(details[band, r], 1, sums[band])
    for r in range(first, last):
        for band in range(3):
            row = details[band, r]
            if reach >= 0:
                if r + reach < height:
                    _add_squares(details[band, r + reach], 1, sums[band])
                if r - reach > 0:
                    _add_squares(details[band, r - reach - 1], -1, sums[band])
                _box(sums[band], reach, buffers[0], buffers[1], limit)
                count = min(r + reach, height - 1) - max(r - reach, 0) + 1
                _limits(noise, np.float32(1) / np.float32(count), share, limit)
            else:
                limit[:] = thresholds[band]
            if hard:
                _clip_hard(row, limit, clipped[band])
            else:
                _clip_soft(row, limit, clipped[band])
        _join(coarse[r], clipped[1], spacing, low, high, smooth[r])
        _join(clipped[0], clipped[2], spacing, low, high, rough[r])


@kernel
def join_rows(smooth, rough, low, high, spacing, first, last, out):
    """Write rows `first` to `last` of a band (h, w), given what `shrink_rows` has written."""
    width = out.shape[1]
    for r in range(first, last):
        start = r * width
        a, b = smooth.reshape(-1)[start:], rough.reshape(-1)[start:]
        _join(a, b, spacing * width, low, high, out[r])


@kernel
def _split(source, step, low, high, left, smooth, rough):
    """Filter what lies `step` apart in a long row: `rough` begins at place `left` of `smooth`."""
    right = left + len(rough)
    _filter(source, step, low, smooth[:left])
    _filter(source[right:], step, low, smooth[right:])
    middle, both = source[left:], smooth[left:right]
    for c in range(len(rough)):
        a = b = np.float32(0)
        for k in range(len(low)):
            x = middle[np.uint64(c + k * step)]
            a += low[k] * x
            b += high[k] * x
        both[c] = a
        rough[c] = b


@kernel
def _filter(source, step, low, smooth):
    for c in range(len(smooth)):
        a = np.float32(0)
        for k in range(len(low)):
            a += low[k] * source[np.uint64(c + k * step)]
        smooth[c] = a


@kernel
def _join(smooth, rough, step, low, high, out):
    """Write the adjoint of `_split`."""
    last = len(low) - 1
    for c in range(len(out)):
        total = np.float32(0)
        for k in range(len(low)):
            at = np.uint64(c + k * step)
            total += low[last - k] * smooth[at] + high[last - k] * rough[at]
        out[c] = total


@kernel
def _copy(row, out):
    for c in range(len(row)):
        out[c] = row[c]


@kernel
def _add_squares(row, sign, sums):
    for c in range(len(sums)):
        sums[c] += sign * np.float64(row[c] * row[c])


@kernel
def _box(sums, reach, spans, spare, out):
    """Write the sums over ``2 reach + 1`` columns, of those that exist.

    Sums over 2, 4, 8, ... columns are made from each other, and the window from those: unlike
    in a running sum, nothing is subtracted and no column waits for the one before.
    """
    size, length = len(out), 2 * reach + 1
    spans[:reach] = 0
    spans[reach + size :] = 0
    _copy(sums, spans[reach : reach + size])
    _copy(spans[:size], out)
    done, span = 1, 1
    while 2 * span <= length:
        if 4 * span <= length and not length & (2 * span):
            _add_four(spans, span, spare[: len(spans) - 3 * span])
            span *= 4
        else:
            _add(spans, span, spare[: len(spans) - span])
            span *= 2
        spans, spare = spare, spans
        if length & span:
            _accumulate(spans[done : done + size], out)
            done += span


@kernel
def _add(spans, span, out):
    longer = spans[span:]
    for c in range(len(out)):
        out[c] = spans[c] + longer[c]


@kernel
def _add_four(spans, span, out):
    second, third, fourth = spans[span:], spans[2 * span :], spans[3 * span :]
    for c in range(len(out)):
        out[c] = (spans[c] + second[c]) + (third[c] + fourth[c])


@kernel
def _accumulate(a, out):
    for c in range(len(a)):
        out[c] += a[c]


@kernel
def _limits(noise, rows, columns, power):
    """Turn sums of squares into thresholds; `rows` and `columns` are one over the counts."""
    for c in range(len(power)):
        excess = power[c] * (rows * columns[c]) - noise
        power[c] = noise / np.sqrt(max(excess, LEAST))


@kernel
def _clip_soft(row, limit, out):
    for c in range(len(out)):
        out[c] = min(max(row[c], -limit[c]), limit[c])


@kernel
def _clip_hard(row, limit, out):
    for c in range(len(out)):
        out[c] = row[c] if abs(row[c]) <= limit[c] else np.float32(0)
