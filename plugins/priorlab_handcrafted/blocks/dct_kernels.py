"""Shrinkage of the DCT of all 8 x 8 blocks of an image, in compiled loops.

Neighbouring blocks share the transforms of their columns, forward and inverse: of the 16
transforms of length 8 that a block takes in each direction, 9 remain. A strip of blocks is
processed `TILE` blocks at a time, one in each lane of the vector unit.
"""

import math

import numpy as np

from priorlab_handcrafted.shared.compiled import kernel

SIDE = 8
"""Side of a block, in pixels."""

TILE = 32
"""Blocks processed at once; their number in a strip must be a multiple of it."""

STEP = TILE + SIDE
"""Length of a row of shifted results of a tile."""

LEAST = np.float32(1e-30)

R = np.float32(1 / math.sqrt(8))
C1, C2, C3, C5, C6, C7 = (np.float32(math.cos(k * math.pi / 16) / 2) for k in (1, 2, 3, 5, 6, 7))


@kernel
def _forward(x0, x1, x2, x3, x4, x5, x6, x7):
    """Return the orthonormal DCT-II of eight numbers, by its even and odd halves."""
    a0, a1, a2, a3 = x0 + x7, x1 + x6, x2 + x5, x3 + x4
    b0, b1, b2, b3 = x0 - x7, x1 - x6, x2 - x5, x3 - x4
    e0, e1, e2, e3 = a0 + a3, a1 + a2, a0 - a3, a1 - a2
    return (
        R * (e0 + e1),
        C1 * b0 + C3 * b1 + C5 * b2 + C7 * b3,
        C2 * e2 + C6 * e3,
        C3 * b0 - C7 * b1 - C1 * b2 - C5 * b3,
        R * (e0 - e1),
        C5 * b0 - C1 * b1 + C7 * b2 + C3 * b3,
        C6 * e2 - C2 * e3,
        C7 * b0 - C5 * b1 + C3 * b2 - C1 * b3,
    )


@kernel
def _inverse(y0, y1, y2, y3, y4, y5, y6, y7):
    """Return the inverse of `_forward`."""
    e0, e1 = R * (y0 + y4), R * (y0 - y4)
    e2, e3 = C2 * y2 + C6 * y6, C6 * y2 - C2 * y6
    a0, a1, a2, a3 = e0 + e2, e1 + e3, e1 - e3, e0 - e2
    b0 = C1 * y1 + C3 * y3 + C5 * y5 + C7 * y7
    b1 = C3 * y1 - C7 * y3 - C1 * y5 - C5 * y7
    b2 = C5 * y1 - C1 * y3 + C7 * y5 + C3 * y7
    b3 = C7 * y1 - C5 * y3 + C3 * y5 - C1 * y7
    return a0 + b0, a1 + b1, a2 + b2, a3 + b3, a3 - b3, a2 - b2, a1 - b1, a0 - b0


@kernel
def shrink_strips(x, pilot, level, first, last, sums, weights):
    """Add up the shrunk blocks that begin in rows `first` to `last`.

    Parameters
    ----------
    x : array (H + 7, W + 7), float32
        The image; W is a multiple of `TILE`.
    pilot : array (H + 7, W + 7) or (0, 0), float32
        An image with less noise. With one, coefficients are multiplied by the Wiener gain
        ``p^2 / (p^2 + level^2)`` of its coefficients p; without, those below `level` are set
        to zero. The mean of a block is kept.
    level : float32
        The threshold or the noise level.
    first, last : int
        The rows to process.
    sums : array (last - first + 7, W + 7), float32
        The weighted sums of the blocks are added to it. A block's weight is one over the
        squared norm of its gains, which for thresholds is the number of coefficients left.
    weights : array (H, W + 7), float32
        Rows `first` to `last` receive the sums of the weights along the row; the weight of a
        pixel is the sum of these over 8 rows.
    """
    width = x.shape[1]
    strip, guide = np.empty(SIDE * width, x.dtype), np.empty(SIDE * width, x.dtype)
    mixed = np.empty(SIDE * width, x.dtype)
    block = np.empty(SIDE * SIDE * TILE, x.dtype)
    gain = np.empty(SIDE * SIDE * TILE if len(pilot) else 0, x.dtype)
    count = np.empty(TILE, x.dtype)
    # Result k of block c belongs to column c + k: it is written there, between zeros.
    shifted = np.zeros(SIDE * STEP, x.dtype)
    shares = np.zeros(SIDE * STEP, x.dtype)
    for r in range(first, last):
        _columns_forward(x[r : r + SIDE].reshape(-1), width, strip)
        if len(pilot):
            _columns_forward(pilot[r : r + SIDE].reshape(-1), width, guide)
        mixed[:] = 0
        weights[r] = 0
        for left in range(0, width - SIDE + 1, TILE):
            count[:] = 1
            for u in range(SIDE):
                start, at = u * width + left, u * SIDE * TILE
                if len(pilot):
                    _rows_forward(strip[start:], block[at:])
                    _rows_forward(guide[start:], gain[at:])
                    _multiply(block[at:], gain[at:], level, u == 0, count)
                else:
                    _rows_threshold(strip[start:], level, u == 0, block[at:], count)
            for c in range(TILE):
                count[c] = 1 / count[c]
            for u in range(SIDE):
                _rows_inverse(block[u * SIDE * TILE :], count, shifted)
                _add_shifted(shifted, mixed[u * width + left :])
            for k in range(SIDE):
                for c in range(TILE):
                    shares[k * STEP + k + c] = count[c]
            _add_shifted(shares, weights[r, left:])
        _columns_inverse(mixed, width, sums[r - first : r - first + SIDE].reshape(-1))


@kernel
def _columns_forward(rows, width, out):
    for c in range(width):
        y = _forward(
            rows[c],
            rows[width + c],
            rows[2 * width + c],
            rows[3 * width + c],
            rows[4 * width + c],
            rows[5 * width + c],
            rows[6 * width + c],
            rows[7 * width + c],
        )
        for k in range(SIDE):
            out[k * width + c] = y[k]


@kernel
def _rows_threshold(row, level, has_mean, out, count):
    """Write the DCT of all rows of 8, zero below the level, and count the other values."""
    # The mean stays; it has been counted.
    least = np.float32(-1) if has_mean else level
    for c in range(TILE):
        y = _forward(
            row[c],
            row[c + 1],
            row[c + 2],
            row[c + 3],
            row[c + 4],
            row[c + 5],
            row[c + 6],
            row[c + 7],
        )
        kept = np.float32(0)
        for k in range(SIDE):
            keep = abs(y[k]) > (least if k == 0 else level)
            out[k * TILE + c] = y[k] if keep else np.float32(0)
            kept += np.float32(1) if keep else np.float32(0)
        count[c] += kept - (np.float32(1) if has_mean else np.float32(0))


@kernel
def _rows_forward(row, out):
    for c in range(TILE):
        y = _forward(
            row[c],
            row[c + 1],
            row[c + 2],
            row[c + 3],
            row[c + 4],
            row[c + 5],
            row[c + 6],
            row[c + 7],
        )
        for k in range(SIDE):
            out[k * TILE + c] = y[k]


@kernel
def _multiply(block, pilot, level, has_mean, count):
    """Multiply coefficients by their Wiener gains and add up the squares of the gains."""
    noise = level * level + LEAST
    for k in range(SIDE):
        extra = np.float32(1) if has_mean and k == 0 else np.float32(0)
        for c in range(TILE):
            power = pilot[k * TILE + c] * pilot[k * TILE + c]
            gain = max(power / (power + noise), extra)
            block[k * TILE + c] *= gain
            count[c] += gain * gain - extra


@kernel
def _rows_inverse(block, weight, shifted):
    for c in range(TILE):
        y = _inverse(
            block[c],
            block[TILE + c],
            block[2 * TILE + c],
            block[3 * TILE + c],
            block[4 * TILE + c],
            block[5 * TILE + c],
            block[6 * TILE + c],
            block[7 * TILE + c],
        )
        for k in range(SIDE):
            shifted[k * (STEP + 1) + c] = weight[c] * y[k]


@kernel
def _add_shifted(shifted, out):
    for c in range(TILE + SIDE - 1):
        total = np.float32(0)
        for k in range(SIDE):
            total += shifted[k * STEP + c]
        out[c] += total


@kernel
def _columns_inverse(rows, width, out):
    for c in range(width):
        y = _inverse(
            rows[c],
            rows[width + c],
            rows[2 * width + c],
            rows[3 * width + c],
            rows[4 * width + c],
            rows[5 * width + c],
            rows[6 * width + c],
            rows[7 * width + c],
        )
        for k in range(SIDE):
            out[k * width + c] += y[k]
