"""The loops of WNNM over one tile: groups of similar patches become matrices of low rank."""

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.blocks.eigenvectors import leading
from priorlab_handcrafted.blocks.matching import Array
from priorlab_handcrafted.shared.compiled import kernel


@kernel
def add_estimates(
    current: Array,
    noisy: Array,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    groups: NDArray[np.int32],
    counts: NDArray[np.int32],
    block: int,
    variance: float,
    share: float,
    strength: float,
    total: Array,
    mass: Array,
) -> None:
    """Add to `total` the low-rank estimate of each group, and to `mass` the number of patches.

    Parameters
    ----------
    current, noisy : (channels, height, width)
        The image that is filtered, and the one with all its noise.
    rows, columns : int64
        Where reference patches begin.
    groups, counts : (references, most), (references,)
        Places and numbers of the patches like each reference; see `matching`.
    block : int
        Rows and columns of a patch.
    variance : float
        That of the noise in `noisy`.
    share : float
        Share of the noise not yet removed around a reference that counts; 0 if `current` has
        all of `variance`.
    strength : float
        See `shrink`.
    total, mass : (channels, height, width), (height, width)
        What is added to.
    """
    size = block * block
    patches = np.empty((groups.shape[1], size), np.float32)
    mean = np.empty(size, np.float32)
    for reference in range(len(counts)):
        y, x = rows[reference // len(columns)], columns[reference % len(columns)]
        places = groups[reference, : counts[reference]]
        group = patches[: len(places)]
        for c in range(len(current)):
            left = np.float32(variance)
            if share > 0:
                left = share * abs(left - _distance(current[c], noisy[c], y, x, block))
            _take(current[c], places, block, group, mean)
            shrink(group, strength * left * np.sqrt(np.float32(len(group))))
            _put(group, mean, places, block, total[c])
        _count(places, block, mass)


@kernel
def shrink(group: Array, constant: float) -> None:
    """Shrink each singular value s of a matrix (n, size) to the fixed point t of s - constant / t.

    Those below twice the root of `constant` have none and become zero. A fixed point minimises
    ``(t - s)^2 / 2 + w t`` for the weight ``w = constant / t`` that it implies itself.
    """
    n, size = group.shape
    bound = np.float32(4) * np.float32(constant)
    gram = np.empty((size, size), np.float32)
    values, result = np.empty((2, size), np.float32)
    vectors = np.empty((size, size), np.float32)
    _multiply(group, gram)
    rank = leading(gram, bound, values, vectors)
    for k in range(rank):
        values[k] = (np.float32(1) + np.sqrt(np.float32(1) - bound / values[k])) / np.float32(2)
    for i in range(n):
        row = group[i]
        result[:] = 0
        for k in range(rank):
            vector, dot = vectors[k], np.float32(0)
            for j in range(size):
                dot += row[j] * vector[j]
            dot *= values[k]
            for j in range(size):
                result[j] += dot * vector[j]
        row[:] = result


@kernel
def _multiply(group: Array, gram: Array) -> None:
    """Set `gram` to ``group.T @ group``, four rows at a time."""
    n, size = group.shape
    gram[:] = 0
    for i in range(0, n - 3, 4):
        p, q, r, s = group[i], group[i + 1], group[i + 2], group[i + 3]
        for a in range(size):
            row, w, x, y, z = gram[a], p[a], q[a], r[a], s[a]
            for b in range(size):
                row[b] += (w * p[b] + x * q[b]) + (y * r[b] + z * s[b])
    for i in range(n // 4 * 4, n):
        p = group[i]
        for a in range(size):
            row, w = gram[a], p[a]
            for b in range(size):
                row[b] += w * p[b]


@kernel
def _distance(first: Array, second: Array, y: int, x: int, block: int) -> float:
    """Return the mean squared difference of the patches at (y, x) of two planes."""
    total = np.float32(0)
    for a in range(y, y + block):
        for b in range(x, x + block):
            total += (first[a, b] - second[a, b]) ** 2
    return total / np.float32(block * block)


@kernel
def _take(plane: Array, places: NDArray[np.int32], block: int, group: Array, mean: Array) -> None:
    """Set `group` to the patches at `places`, less their `mean`."""
    n, size = group.shape
    across = plane.shape[1] - block + 1
    mean[:] = 0
    for i in range(n):
        row, y, x = group[i], places[i] // across, places[i] % across
        for a in range(block):
            for b in range(block):
                row[a * block + b] = plane[y + a, x + b]
        for k in range(size):
            mean[k] += row[k]
    for k in range(size):
        mean[k] /= np.float32(n)
    for i in range(n):
        row = group[i]
        for k in range(size):
            row[k] -= mean[k]


@kernel
def _put(group: Array, mean: Array, places: NDArray[np.int32], block: int, total: Array) -> None:
    """Add `mean` and the patches of `group` at `places`."""
    across = total.shape[1] - block + 1
    for i, place in enumerate(places):
        row, y, x = group[i], place // across, place % across
        for a in range(block):
            for b in range(block):
                total[y + a, x + b] += row[a * block + b] + mean[a * block + b]


@kernel
def _count(places: NDArray[np.int32], block: int, mass: Array) -> None:
    """Add one to each pixel of the patches at `places`."""
    across = mass.shape[1] - block + 1
    for place in places:
        y, x = place // across, place % across
        for a in range(y, y + block):
            for b in range(x, x + block):
                mass[a, b] += 1
