"""Transforms of all blocks of a picture at once, and the average of overlapping blocks.

The spectra of 8x8 blocks are kept in a table; that of the block whose top left pixel is (y, x) is
in row ``(y * columns + x) % len(table)``. Results are added up in such a table too, so that each
place is transformed back once, however many groups its block belongs to. A table has room for some
rows of blocks; the next ones take the place of those that are no longer needed.
"""

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.blocks.matching import Array
from priorlab_handcrafted.shared.compiled import kernel

BLOCK = 8
"""Width and height of a block."""

LANES = 128
"""Numbers that are transformed together: eight of each of 16 places. A compiled constant, so that
the loop over them needs no more than one test of whether its arrays overlap."""

SPLINE = (3, -3, -22, 22, 128, 128, 22, -22, -3, 3)
"""Low-pass taps, times 128 sqrt(2), of the spline wavelet with 1 and 5 vanishing moments."""


def cosine_matrix() -> NDArray[np.float64]:
    """Return the orthonormal discrete cosine transform (type II) of eight numbers."""
    index = np.arange(BLOCK)
    matrix = np.cos(np.pi / BLOCK * (index + 0.5) * index[:, None]) / 2
    matrix[0] *= 0.5**0.5
    return matrix


def spline_matrix() -> NDArray[np.float64]:
    """Return the biorthogonal wavelet transform of eight numbers that wrap around.

    Three levels; the synthesis filter averages pairs (A. Cohen,
    I. Daubechies, J.-C. Feauveau: Biorthogonal bases of compactly supported wavelets,
    Communications on Pure and Applied Mathematics 45, 1992). The rows have length one, so that
    white noise keeps its level in each coefficient.
    """
    matrix = np.eye(BLOCK)
    size = BLOCK
    while size > 1:
        step = np.zeros((size, size))
        for i in range(size // 2):
            for k, tap in enumerate(SPLINE):
                step[i, (2 * i + k - 4) % size] += tap
            step[size // 2 + i, [2 * i, 2 * i + 1]] = 1, -1
        matrix[:size] = step @ matrix[:size]
        size //= 2
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


@kernel
def _combine(
    weights: Array,
    a: Array,
    b: Array,
    c: Array,
    d: Array,
    e: Array,
    f: Array,
    g: Array,
    h: Array,
    out: Array,
) -> None:
    """Set `out` to the weighted sum of eight arrays."""
    for x in range(len(out)):
        out[x] = (
            weights[0] * a[x]
            + weights[1] * b[x]
            + weights[2] * c[x]
            + weights[3] * d[x]
            + weights[4] * e[x]
            + weights[5] * f[x]
            + weights[6] * g[x]
            + weights[7] * h[x]
        )


@kernel
def _add(scale: float, values: Array, out: Array) -> None:
    """Add `values` times `scale` to `out`."""
    for x in range(len(out)):
        out[x] += scale * values[x]


@kernel
def _multiply(matrix: Array, source: Array, begin: int, target: Array, end: int, add: bool) -> None:
    """Set or add to eight rows of `target` an 8x8 matrix times eight rows of `source`.

    All are flat; the rows are `LANES` long and one after the other, from `begin` and from `end` on.
    """
    lanes, one = np.uint64(LANES), np.uint64(1)
    start, stop = np.uint64(begin), np.uint64(end)
    for x in range(lanes):
        p = start + x
        a, b = source[p], source[p + lanes]
        c, d = source[p + lanes * np.uint64(2)], source[p + lanes * np.uint64(3)]
        e, f = source[p + lanes * np.uint64(4)], source[p + lanes * np.uint64(5)]
        g, h = source[p + lanes * np.uint64(6)], source[p + lanes * np.uint64(7)]
        for i in range(np.uint64(8)):
            k, out = np.uint64(8) * i, stop + lanes * i + x
            value = matrix[k] * a + matrix[k + one] * b
            value += matrix[k + np.uint64(2)] * c + matrix[k + np.uint64(3)] * d
            value += matrix[k + np.uint64(4)] * e + matrix[k + np.uint64(5)] * f
            value += matrix[k + np.uint64(6)] * g + matrix[k + np.uint64(7)] * h
            target[out] = target[out] + value if add else value


@kernel
def _take(table: Array, first: int, count: int, rows: Array) -> None:
    """Copy the spectra of `count` places of `table`, from `first` on, to eight rows, one for each.

    Eight numbers at once, by names of their own: a loop as short as that is slow.
    """
    for x in range(np.uint64(count)):
        for i in range(np.uint64(8)):
            place, k = np.uint64(first) + x, np.uint64(8) * i
            p, q = np.uint64(LANES) * i + np.uint64(8) * x, k + np.uint64(4)
            a, b = table[place, k], table[place, k + np.uint64(1)]
            c, d = table[place, k + np.uint64(2)], table[place, k + np.uint64(3)]
            e, f = table[place, q], table[place, q + np.uint64(1)]
            g, h = table[place, q + np.uint64(2)], table[place, q + np.uint64(3)]
            rows[p], rows[p + np.uint64(1)] = a, b
            rows[p + np.uint64(2)], rows[p + np.uint64(3)] = c, d
            rows[p + np.uint64(4)], rows[p + np.uint64(5)] = e, f
            rows[p + np.uint64(6)], rows[p + np.uint64(7)] = g, h


@kernel
def _put(rows: Array, table: Array, first: int, count: int) -> None:
    """Copy what `_take` has left in `rows` back."""
    for x in range(np.uint64(count)):
        for i in range(np.uint64(8)):
            place, k = np.uint64(first) + x, np.uint64(8) * i
            p, q = np.uint64(LANES) * i + np.uint64(8) * x, k + np.uint64(4)
            a, b = rows[p], rows[p + np.uint64(1)]
            c, d = rows[p + np.uint64(2)], rows[p + np.uint64(3)]
            e, f = rows[p + np.uint64(4)], rows[p + np.uint64(5)]
            g, h = rows[p + np.uint64(6)], rows[p + np.uint64(7)]
            table[place, k], table[place, k + np.uint64(1)] = a, b
            table[place, k + np.uint64(2)], table[place, k + np.uint64(3)] = c, d
            table[place, q], table[place, q + np.uint64(1)] = e, f
            table[place, q + np.uint64(2)], table[place, q + np.uint64(3)] = g, h


def rows_for(plane: Array) -> Array:
    """Return room for eight rows of a plane (height, width) on their way; see `analyse`."""
    return np.zeros(-(-(plane.shape[1] - 7) * 8 // LANES) * 8 * LANES, np.float32)


@kernel
def analyse(
    plane: Array, matrix: Array, ring: Array, spectra: Array, begin_row: int, end_row: int
) -> None:
    """Set the spectra of the next blocks of `plane` to ``matrix @ block @ matrix.T``.

    Those that end in a row of pixels from `begin_row` on and before `end_row`. `ring` is `rows_for`
    the plane before its first row, and then what was left in it; `spectra` is a table (places, 64).
    """
    n, most = plane.shape[1] - 7, LANES // 8
    parts = -(-n // most)
    row = np.empty((8, n), np.float32)
    # The ring holds the last eight rows of the plane, transformed along the row, in parts of
    # `LANES`. The eight numbers of a place lie together, as in the table: copying single ones takes
    # longer.
    full = np.empty(8 * LANES, np.float32)
    turned = np.empty(64, np.float32)
    for last in range(begin_row, end_row):
        pixels = plane[last]
        for j in range(8):
            _combine(
                matrix[j],
                pixels[0:n],
                pixels[1 : n + 1],
                pixels[2 : n + 2],
                pixels[3 : n + 3],
                pixels[4 : n + 4],
                pixels[5 : n + 5],
                pixels[6 : n + 6],
                pixels[7 : n + 7],
                row[j],
            )
        for x in range(n):
            begin = (8 * (x // most) + last % 8) * LANES + x % most * 8
            for j in range(8):
                ring[begin + j] = row[j, x]
        y = last - 7
        if y < 0:
            continue
        for i in range(8):
            for k in range(8):
                turned[8 * i + (y + k) % 8] = matrix[i, k]
        begin = y * n % len(spectra)
        for part in range(parts):
            _multiply(turned, ring, part * 8 * LANES, full, 0, False)
            first = part * most
            _put(full, spectra, begin + first, min(most, n - first))


@kernel
def synthesise(
    spectra: Array,
    weights: Array,
    inverse: Array,
    taper: Array,
    ring: Array,
    shares: Array,
    image: Array,
    mass: Array,
    begin_row: int,
    end_row: int,
) -> None:
    """Overlap all blocks, row by row: set `image` to their windowed sum, `mass` to their weights'.

    Parameters
    ----------
    spectra : (places, 64)
        Weighted sums of the spectra estimated for each block; those that are used become zero.
    weights : (places,)
        The sums of their weights; likewise.
    inverse : (8, 8)
        The inverse of the matrix of `analyse`.
    taper : (8,)
        Weight of a pixel within its block, in either direction.
    ring : (numbers,)
        `rows_for` the image before its first row, and then what was left in it.
    shares : (8, columns of blocks)
        Likewise, zeros at first.
    image, mass : (height, width)
        Their quotient is the estimate.
    begin_row, end_row : int
        The rows of `image` that are set. No block that begins below them is needed.
    """
    height, width = image.shape
    n = width - 7
    most = LANES // 8
    parts = -(-n // most)
    full = np.zeros(8 * LANES, np.float32)
    # The columns of the blocks are transformed back first, and added up in the ring, which is laid
    # out as in `analyse`.
    turned = np.empty(64, np.float32)
    row, pixels = np.empty((8, n), np.float32), np.empty(n, np.float32)
    for y in range(begin_row, end_row):
        image[y], mass[y] = 0, 0
        if y < height - 7:
            start = y * n % len(spectra)
            for i in range(8):
                for k in range(8):
                    turned[(y + i) % 8 * 8 + k] = taper[i] * inverse[i, k]
                _add(taper[i], weights[start : start + n], shares[(y + i) % 8])
            for part in range(parts):
                first = part * most
                _take(spectra, start + first, min(most, n - first), full)
                _multiply(turned, full, 0, ring, part * 8 * LANES, True)
            spectra[start : start + n] = 0
            weights[start : start + n] = 0
        for x in range(n):
            begin = (8 * (x // most) + y % 8) * LANES + x % most * 8
            for j in range(8):
                row[j, x] = ring[begin + j]
                ring[begin + j] = 0
        for j in range(8):
            _combine(
                taper[j] * inverse[j],
                row[0],
                row[1],
                row[2],
                row[3],
                row[4],
                row[5],
                row[6],
                row[7],
                pixels,
            )
            _add(np.float32(1), pixels, image[y, j : j + n])
            _add(taper[j], shares[y % 8], mass[y, j : j + n])
        shares[y % 8] = 0
