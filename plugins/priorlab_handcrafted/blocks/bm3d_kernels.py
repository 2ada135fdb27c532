"""The loops of BM3D over one tile: the shrinkage of groups of similar blocks.

Groups hold the places of blocks; see `priorlab_handcrafted.blocks.matching`. No views of rows in
the kernels: making one costs as much as processing 100 numbers.
"""

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.blocks.matching import Array
from priorlab_handcrafted.shared.compiled import kernel


@kernel
def round_down(counts: NDArray[np.int32]) -> None:
    """Round each of the numbers, which are at least one, down to a power of two."""
    for i, count in enumerate(counts):
        counts[i] = 1
        while 2 * counts[i] <= count:
            counts[i] *= 2


@kernel
def _reversed_bits(size: int) -> NDArray[np.int64]:
    """Return the numbers below `size`, a power of two, each with its bits in reverse order."""
    order = np.zeros(size, np.int64)
    half, known = size // 2, 1
    while known < size:
        for i in range(known):
            order[known + i] = order[i] + half
        half, known = half // 2, 2 * known
    return order


@kernel
def _analyse(
    table: Array, places: NDArray[np.int32], n: int, order: NDArray[np.int64], group: Array
) -> None:
    """Set `group` to the orthonormal Haar transform of `n` rows, a power of two, of `table`.

    Row 0 becomes their sum over ``sqrt(n)``. The order of the rows is such that each level is one
    loop: those that are paired stand half of the level apart.
    """
    root = np.float32(0.5**0.5)
    half, apart = np.uint64(32 * n), len(order) // n
    if n == 1:
        for k in range(np.uint64(64)):
            group[k] = table[places[0], k]
    for i in range(0, n - 1, 2):
        even, odd, begin = places[i], places[i + 1], np.uint64(64 * order[i * apart])
        for k in range(np.uint64(64)):
            a, b = table[even, k], table[odd, k]
            group[begin + k], group[begin + half + k] = root * (a + b), root * (a - b)
    half //= np.uint64(2)
    while half >= 64:
        for k in range(half):
            a, b = group[k], group[half + k]
            group[k], group[half + k] = root * (a + b), root * (a - b)
        half //= np.uint64(2)


@kernel
def _synthesise(
    group: Array,
    places: NDArray[np.int32],
    n: int,
    order: NDArray[np.int64],
    weight: float,
    total: Array,
    weights: Array,
) -> None:
    """Add to `total` at `places` what `_analyse` transformed, times `weight`, and `weight` itself.

    `group` is overwritten.
    """
    root = np.float32(0.5**0.5)
    half, apart = np.uint64(64), len(order) // n
    while half < 32 * n:
        for k in range(half):
            a, b = group[k], group[half + k]
            group[k], group[half + k] = root * (a + b), root * (a - b)
        half *= np.uint64(2)
    if n == 1:
        for k in range(np.uint64(64)):
            total[places[0], k] += weight * group[k]
        weights[places[0]] += weight
    scale = weight * root
    for i in range(0, n - 1, 2):
        even, odd, begin = places[i], places[i + 1], np.uint64(64 * order[i * apart])
        for k in range(np.uint64(64)):
            total[even, k] += scale * (group[begin + k] + group[begin + half + k])
        for k in range(np.uint64(64)):
            total[odd, k] += scale * (group[begin + k] - group[begin + half + k])
        weights[even] += weight
        weights[odd] += weight


@kernel
def shrink(
    threshold: float,
    noisy: Array,
    groups: NDArray[np.int32],
    counts: NDArray[np.int32],
    total: Array,
    weights: Array,
) -> None:
    """Add to `total` and `weights` each group with its small coefficients set to zero.

    The weight of a group is one over the number of coefficients kept.
    """
    level, one, zero = np.float32(threshold), np.float32(1), np.float32(0)
    order = _reversed_bits(groups.shape[1])
    group = np.empty(groups.shape[1] * 64, np.float32)
    for reference in range(len(counts)):
        n, places = counts[reference], groups[reference]
        _analyse(noisy, places, n, order, group)
        kept = np.int32(0)  # a sum of floats that are one or zero would not be vectorised
        for k in range(np.uint64(64 * n)):
            value = group[k]
            keep = abs(value) > level
            kept += np.int32(keep)
            group[k] = value if keep else zero
        _synthesise(group, places, n, order, one / np.float32(max(kept, 1)), total, weights)


@kernel
def wiener(
    variance: float,
    noisy: Array,
    basic: Array,
    groups: NDArray[np.int32],
    counts: NDArray[np.int32],
    total: Array,
    weights: Array,
) -> None:
    """Add to `total` and `weights` each group after the Wiener filter that `basic` suggests.

    The weight of a group is one over the energy of its filter.
    """
    noise, one = np.float32(variance), np.float32(1)
    order = _reversed_bits(groups.shape[1])
    # Two arrays: a loop over the halves of one would not be vectorised.
    group = np.empty(groups.shape[1] * 64, np.float32)
    pilot = np.empty(groups.shape[1] * 64, np.float32)
    for reference in range(len(counts)):
        n, places = counts[reference], groups[reference]
        _analyse(noisy, places, n, order, group)
        _analyse(basic, places, n, order, pilot)
        energy = np.float32(0)
        for k in range(np.uint64(64 * n)):
            power = pilot[k] * pilot[k]
            gain = power / (power + noise)
            energy += gain * gain
            group[k] *= gain
        _synthesise(group, places, n, order, one / max(energy, np.float32(1e-3)), total, weights)
