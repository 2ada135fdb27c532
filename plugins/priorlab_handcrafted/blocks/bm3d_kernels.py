"""The loops of BM3D over one tile: the shrinkage of groups of similar blocks.

Groups hold the places of blocks; see `priorlab_handcrafted.blocks.matching`.
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
