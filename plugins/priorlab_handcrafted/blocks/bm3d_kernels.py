"""The loops of BM3D over one tile: the search for similar blocks and the shrinkage of groups.

A block is identified by its place ``y * columns + x``, where (y, x) is its top left pixel and
`columns` the number of blocks in a row; see `priorlab_handcrafted.blocks.transforms`.
"""

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.blocks.transforms import BLOCK, Array
from priorlab_handcrafted.shared.compiled import kernel


@kernel
def match(
    guide: Array,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    reach: int,
    limit: float,
    groups: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> None:
    """Find for each reference block the most similar blocks around it.

    Parameters
    ----------
    guide : (height, width)
        The picture in which blocks are compared.
    rows, columns : int64
        Where reference blocks begin, in ascending order.
    reach : int
        Blocks up to this far up, down, left and right are candidates.
    limit : float
        Blocks whose sum of squared differences is this or more do not match.
    groups : (references, size)
        Is set to the places of the matches, best first.
    counts : (references,)
        Is set to the number of matches, rounded down to a power of two.
    """
    height, width = guide.shape
    across, size = len(columns), groups.shape[1]
    first, last = columns[0], columns[-1] + BLOCK
    squares = np.empty(last - first, np.float32)
    sums = np.empty(last - first, np.float32)
    worst = np.empty(across, np.float32)
    spare = np.empty(size, np.int64)
    nearest = np.empty((across, size), np.int64)
    # A match is one number: the bits of its distance, which order floats >= 0, then its place.
    bits = sums.view(np.int32)
    sums[0] = limit
    none = np.int64(bits[0]) << 32
    for row, y in enumerate(rows):
        worst[:] = limit
        nearest[:] = none
        for step in range(2 * reach + 1):
            z = y + _alternate(step)
            if z < 0 or z > height - BLOCK:
                continue
            for other in range(2 * reach + 1):
                right = _alternate(other)
                begin, end = max(first, -right), min(last, width - right)
                if end - begin < BLOCK:
                    continue
                _column_distances(guide, y, z, begin, end, right, squares)
                for x in range(end - begin - BLOCK + 1):
                    sums[x] = (
                        (squares[x] + squares[x + 1])
                        + (squares[x + 2] + squares[x + 3])
                        + (squares[x + 4] + squares[x + 5])
                        + (squares[x + 6] + squares[x + 7])
                    )
                low, high = 0, across
                while columns[low] < begin:
                    low += 1
                while columns[high - 1] + BLOCK > end:
                    high -= 1
                for column in range(low, high):
                    x = columns[column] - begin
                    if sums[x] < worst[column]:
                        place = z * (width - BLOCK + 1) + columns[column] + right
                        _insert(nearest[column], np.int64(bits[x]) << 32 | place, spare)
                        bits[x] = nearest[column, size - 1] >> 32
                        worst[column] = sums[x]
        for column in range(across):
            reference, found = row * across + column, 0
            while found < size and nearest[column, found] < none:
                groups[reference, found] = nearest[column, found] & 0x7FFFFFFF
                found += 1
            counts[reference] = 1
            while 2 * counts[reference] <= found:
                counts[reference] *= 2


@kernel
def _alternate(step: int) -> int:
    """Return 0, -1, 1, -2, ...: nearby blocks are likely to match and let others fail early."""
    return (step + 1) // 2 * (1 - step % 2 * 2)


@kernel
def _column_distances(
    guide: Array, y: int, z: int, begin: int, end: int, right: int, out: Array
) -> None:
    """Set `out` to the squared differences of columns, 8 high, from rows y and z."""
    a0, a1, a2, a3 = guide[y], guide[y + 1], guide[y + 2], guide[y + 3]
    a4, a5, a6, a7 = guide[y + 4], guide[y + 5], guide[y + 6], guide[y + 7]
    b0, b1, b2, b3 = guide[z], guide[z + 1], guide[z + 2], guide[z + 3]
    b4, b5, b6, b7 = guide[z + 4], guide[z + 5], guide[z + 6], guide[z + 7]
    # Unsigned indices need no test for counting from the end, which makes the loop fast.
    offset, shift = np.uint64(begin), np.uint64(begin + right)
    for x in range(np.uint64(end - begin)):
        i, j = x + offset, x + shift
        upper = ((a0[i] - b0[j]) ** 2 + (a1[i] - b1[j]) ** 2) + (
            (a2[i] - b2[j]) ** 2 + (a3[i] - b3[j]) ** 2
        )
        lower = ((a4[i] - b4[j]) ** 2 + (a5[i] - b5[j]) ** 2) + (
            (a6[i] - b6[j]) ** 2 + (a7[i] - b7[j]) ** 2
        )
        out[x] = upper + lower


@kernel
def _insert(nearest: NDArray[np.int64], key: int, spare: NDArray[np.int64]) -> None:
    """Insert `key` into an ascending list, dropping the greatest, without any branch."""
    spare[0] = min(nearest[0], key)
    for n in range(1, len(nearest)):
        spare[n] = max(nearest[n - 1], min(nearest[n], key))
    nearest[:] = spare


@kernel
def _haar(group: Array, n: int, inverse: bool) -> None:
    """Transform the first `n` rows, a power of two, by orthonormal Haar wavelets, or back.

    Row 0 becomes their sum over ``sqrt(n)``; the order of the others does not matter here.
    """
    root = np.float32(0.5**0.5)
    stride = n // 2 if inverse else 1
    while 0 < stride < n:
        for i in range(0, n, 2 * stride):
            a, b = group[i], group[i + stride]
            for k in range(64):
                total, difference = a[k] + b[k], a[k] - b[k]
                a[k], b[k] = root * total, root * difference
        stride = stride // 2 if inverse else stride * 2


@kernel
def _add(
    group: Array, places: NDArray[np.int32], weight: float, total: Array, weights: Array
) -> None:
    """Add the blocks of `group`, times `weight`, at their places, and `weight` itself."""
    for i, place in enumerate(places):
        row, out = group[i], total[place]
        for k in range(64):
            out[k] += weight * row[k]
        weights[place] += weight


@kernel
def shrink(
    noisy: Array,
    groups: NDArray[np.int32],
    counts: NDArray[np.int32],
    threshold: float,
    total: Array,
    weights: Array,
) -> None:
    """Add to `total` and `weights` each group with its small coefficients set to zero.

    The weight of a group is one over the number of coefficients kept.
    """
    level = np.float32(threshold)
    group = np.empty((groups.shape[1], 64), np.float32)
    for reference in range(len(counts)):
        n, places = counts[reference], groups[reference]
        for i in range(n):
            group[i] = noisy[places[i]]
        _haar(group, n, False)
        kept = np.float32(0)
        for i in range(n):
            row = group[i]
            for k in range(64):
                keep = abs(row[k]) > level
                kept += np.float32(1) if keep else np.float32(0)
                row[k] = row[k] if keep else np.float32(0)
        _haar(group, n, True)
        weight = np.float32(1) / max(kept, np.float32(1))
        _add(group, places[:n], weight, total, weights)


@kernel
def wiener(
    noisy: Array,
    basic: Array,
    groups: NDArray[np.int32],
    counts: NDArray[np.int32],
    variance: float,
    total: Array,
    weights: Array,
) -> None:
    """Add to `total` and `weights` each group after the Wiener filter that `basic` suggests.

    The weight of a group is one over the energy of its filter.
    """
    noise = np.float32(variance)
    group = np.empty((groups.shape[1], 64), np.float32)
    pilot = np.empty((groups.shape[1], 64), np.float32)
    for reference in range(len(counts)):
        n, places = counts[reference], groups[reference]
        for i in range(n):
            group[i] = noisy[places[i]]
            pilot[i] = basic[places[i]]
        _haar(group, n, False)
        _haar(pilot, n, False)
        energy = np.float32(0)
        for i in range(n):
            row, model = group[i], pilot[i]
            for k in range(64):
                power = model[k] * model[k]
                gain = power / (power + noise)
                energy += gain * gain
                row[k] *= gain
        _haar(group, n, True)
        weight = np.float32(1) / max(energy, np.float32(1e-3))
        _add(group, places[:n], weight, total, weights)
