"""Wavelet shrinkage without decimation in compiled loops, for the CPU.

The same numbers as `priorlab_handcrafted.wavelets.transform` and
`priorlab_handcrafted.wavelets.thresholds`, a row at a time. The image is not put together again:
what the thresholds remove is, and is then subtracted. The filters are tuples, so that the loops
over their taps are unrolled and those over columns vectorised.
"""

import numpy as np

from priorlab_handcrafted.shared.compiled import kernel
from priorlab_handcrafted.wavelets.thresholds import TINY

LEAST = np.float32(TINY)


@kernel
def analyse_rows(x, low, high, spacing, first, last, coarse, details):
    """Write rows `first` to `last` of the coarse band (H, W) and of the three details (3, H, W).

    `x` is the image or the coarse band of the level before, `low` and `high` are the filters,
    and `spacing` is that of their taps. All arrays are float32.
    """
    width, taps = x.shape[1], len(low)
    middle = taps // 2 - 1
    gathered = np.empty((taps, width), x.dtype)
    smooth, rough = np.empty(width, x.dtype), np.empty(width, x.dtype)
    longer = np.empty(width + (taps - 1) * spacing, x.dtype)
    for r in range(first, last):
        rows, step = _stack(x, r - middle * spacing, spacing, gathered)
        _split(rows, step, low, high, smooth, rough)
        _wrap(smooth, middle * spacing, longer)
        _split(longer, spacing, low, high, coarse[r], details[1, r])
        _wrap(rough, middle * spacing, longer)
        _split(longer, spacing, low, high, details[0, r], details[2, r])


@kernel
def shrink_rows(
    coarse, details, low, high, spacing, noise, reach, thresholds, hard, first, last, joined
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
        That of the window of `bayes_threshold`, or -1 for fixed thresholds.
    thresholds : array (3,)
        The fixed thresholds.
    hard : bool
        Whether to set to zero what is below the threshold and to leave all else.
    first, last : int
        The rows to treat.
    joined : array (2, H, W)
        Is written to: the smooth and the rough rows, for `join_rows`.
    """
    height, width = coarse.shape
    before = len(low) // 2 * spacing
    longer = np.empty((4, width + (len(low) - 1) * spacing), coarse.dtype)
    limit, clipped = np.empty(width, coarse.dtype), np.empty(width, coarse.dtype)
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
                _clip_hard(row, limit, clipped)
            else:
                _clip_soft(row, limit, clipped)
            _wrap(clipped, before, longer[band])
        _wrap(coarse[r], before, longer[3])
        _join(longer[3], longer[1], spacing, low, high, joined[0, r])
        _join(longer[0], longer[2], spacing, low, high, joined[1, r])


@kernel
def join_rows(joined, low, high, spacing, first, last, out):
    """Write rows `first` to `last` of the band (H, W) that `joined` (2, H, W) was split from."""
    taps, before = len(low), len(low) // 2 * spacing
    gathered = np.empty((2, taps, out.shape[1]), out.dtype)
    for r in range(first, last):
        smooth, step = _stack(joined[0], r - before, spacing, gathered[0])
        rough, _ = _stack(joined[1], r - before, spacing, gathered[1])
        _join(smooth, rough, step, low, high, out[r])


@kernel
def _stack(x, first, spacing, gathered):
    """Return rows `first`, `first + spacing`, ... of an image that repeats, and their distance.

    The rows are in one long row: where they can be, in that of the image itself.
    """
    height, width = x.shape
    taps = len(gathered)
    if first >= 0 and first + (taps - 1) * spacing < height:
        return x.reshape(-1)[first * width :], spacing * width
    for k in range(taps):
        _copy(x[(first + k * spacing) % height], gathered[k])
    return gathered.reshape(-1), width


@kernel
def _split(source, step, low, high, smooth, rough):
    """Write both filterings of what lies `step` apart in a long row."""
    for c in range(len(smooth)):
        a = b = np.float32(0)
        for k in range(len(low)):
            x = source[np.uint64(c + k * step)]
            a += low[k] * x
            b += high[k] * x
        smooth[c] = a
        rough[c] = b


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
def _wrap(row, before, longer):
    """Write a row with what comes before and after it when it repeats."""
    size = len(row)
    _copy(row, longer[before : before + size])
    for c in range(before - 1, -1, -1):
        longer[c] = longer[c + size]
    for c in range(before + size, len(longer)):
        longer[c] = longer[c - size]


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
        _add(spans[: len(spans) - span], spans[span:], spare)
        spans, spare = spare, spans
        span *= 2
        if length & span:
            _accumulate(spans[done : done + size], out)
            done += span


@kernel
def _add(a, b, out):
    for c in range(len(a)):
        out[c] = a[c] + b[c]


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
