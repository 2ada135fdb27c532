"""Transforms of all blocks of a picture at once, and the average of overlapping blocks.

The spectra of all 8x8 blocks are kept in one table; that of the block whose top left pixel is
(y, x) is in row ``y * columns + x``. Results are added up in such a table too, so that each place
is transformed back once, however many groups its block belongs to.
"""

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.blocks.matching import Array
from priorlab_handcrafted.shared.compiled import kernel

BLOCK = 8
"""Width and height of a block."""

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


def table_shape(plane: Array) -> tuple[int, int]:
    """Return the shape (places, 64) of the table of all spectra of a plane."""
    height, width = plane.shape
    return (height - BLOCK + 1) * (width - BLOCK + 1), BLOCK**2


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
def analyse(plane: Array, matrix: Array, spectra: Array) -> None:
    """Set `spectra` (places, 64) to ``matrix @ block @ matrix.T`` of every block of `plane`."""
    height, width = plane.shape
    n = width - 7
    columns = np.empty((8, width), np.float32)
    # The eight rows lie one after the other; what is computed across their ends is not used.
    flat = columns.ravel()
    end = len(flat) - 7
    full = np.empty((8, end), np.float32)
    for y in range(height - 7):
        for i in range(8):
            _combine(
                matrix[i],
                plane[y],
                plane[y + 1],
                plane[y + 2],
                plane[y + 3],
                plane[y + 4],
                plane[y + 5],
                plane[y + 6],
                plane[y + 7],
                columns[i],
            )
        for j in range(8):
            _combine(
                matrix[j],
                flat[0:end],
                flat[1 : end + 1],
                flat[2 : end + 2],
                flat[3 : end + 3],
                flat[4 : end + 4],
                flat[5 : end + 5],
                flat[6 : end + 6],
                flat[7 : end + 7],
                full[j],
            )
        for x in range(n):
            out = spectra[y * n + x]
            for i in range(8):
                for j in range(8):
                    out[8 * i + j] = full[j, i * width + x]


@kernel
def synthesise(
    spectra: Array, weights: Array, inverse: Array, taper: Array, image: Array, mass: Array
) -> None:
    """Overlap all blocks: set `image` to their windowed sum and `mass` to that of `weights`.

    Parameters
    ----------
    spectra : (places, 64)
        Weighted sums of the spectra estimated for each block.
    weights : (places,)
        The sums of their weights.
    inverse : (8, 8)
        The inverse of the matrix of `analyse`.
    taper : (8,)
        Weight of a pixel within its block, in either direction.
    image, mass : (height, width)
        Their quotient is the estimate.
    """
    height, width = image.shape
    n = width - 7
    full = np.empty((8, 8 * n), np.float32)
    pixels = np.empty(8 * n, np.float32)
    # The columns of the blocks are transformed back first, and added up in a ring of eight rows.
    ring = np.zeros((8, 8 * n), np.float32)
    shares = np.zeros((8, n), np.float32)
    image[:] = 0
    mass[:] = 0
    for y in range(height):
        if y < height - 7:
            for x in range(n):
                spectrum = spectra[y * n + x]
                for i in range(8):
                    for j in range(8):
                        full[i, j * n + x] = spectrum[8 * i + j]
            for i in range(8):
                _combine(
                    taper[i] * inverse[i],
                    full[0],
                    full[1],
                    full[2],
                    full[3],
                    full[4],
                    full[5],
                    full[6],
                    full[7],
                    pixels,
                )
                _add(np.float32(1), pixels, ring[(y + i) % 8])
                _add(taper[i], weights[y * n : y * n + n], shares[(y + i) % 8])
        row, share = ring[y % 8].reshape((8, n)), shares[y % 8]
        for j in range(8):
            _combine(
                inverse[j],
                row[0],
                row[1],
                row[2],
                row[3],
                row[4],
                row[5],
                row[6],
                row[7],
                pixels[:n],
            )
            _add(taper[j], pixels[:n], image[y, j : j + n])
            _add(taper[j], share, mass[y, j : j + n])
        row[:] = 0
        share[:] = 0
