"""The search for similar blocks, and the tiles in which an image is searched.

A block is identified by its place ``y * columns + x``, where (y, x) is its top left pixel and
`columns` the number of blocks in a row.
"""

import functools
import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.shared.compiled import kernel

Array = NDArray[np.float32]
References = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Where reference blocks begin, in ascending order: rows and columns."""


def tiles(
    shape: tuple[int, ...], block: int, step: int, most: int, first: tuple[int, int] = (0, 0)
) -> list[References]:
    """Return the reference blocks of an image (height, width), at most `most` squared in a tile.

    They are `step` apart and cover every pixel; those inside begin at `first` plus multiples of it.
    """
    axes = []
    for extent, start in zip(shape, first, strict=True):
        inside = np.arange(start, extent - block, step)
        begin = np.unique(np.concatenate([[0], inside, [extent - block]]))
        axes.append(np.split(begin, range(most, len(begin), most)))
    return list(itertools.product(*axes))


def area(
    references: References, block: int, reach: int, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Return the part of the image that the groups of a tile may touch."""
    rows, columns = (
        slice(max(0, begin[0] - reach), min(extent, begin[-1] + block + reach))
        for begin, extent in zip(references, shape, strict=True)
    )
    return rows, columns


@functools.cache
def matcher(block: int) -> Callable[..., None]:
    """Return the search for blocks of `block` times `block` pixels, compiled for this size.

    It is called as ``match(guide, rows, columns, reach, limit, groups, counts)``.

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
        Is set to the number of matches.
    """

    # It may have no other variable of this function than `block`: numba would not find it on disk.
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
        height, width = guide.shape
        across, size = len(columns), groups.shape[1]
        first, last = columns[0], columns[-1] + block
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
                if z < 0 or z > height - block:
                    continue
                for other in range(2 * reach + 1):
                    right = _alternate(other)
                    begin, end = max(first, -right), min(last, width - right)
                    if end - begin < block:
                        continue
                    # Unsigned indices need no test for counting from the end, and the loops over
                    # `block` are unrolled: both make those over x fast.
                    offset, shift = np.uint64(begin), np.uint64(begin + right)
                    for x in range(np.uint64(end - begin)):
                        total = np.float32(0)
                        for k in range(block):
                            here, there = np.uint64(y + k), np.uint64(z + k)
                            total += (guide[here, x + offset] - guide[there, x + shift]) ** 2
                        squares[x] = total
                    for x in range(np.uint64(end - begin - block + 1)):
                        total = np.float32(0)
                        for k in range(block):
                            total += squares[x + np.uint64(k)]
                        sums[x] = total
                    low, high = 0, across
                    while columns[low] < begin:
                        low += 1
                    while columns[high - 1] + block > end:
                        high -= 1
                    for column in range(low, high):
                        i = columns[column] - begin
                        if sums[i] < worst[column]:
                            place = z * (width - block + 1) + columns[column] + right
                            _insert(nearest[column], np.int64(bits[i]) << 32 | place, spare)
                            bits[i] = nearest[column, size - 1] >> 32
                            worst[column] = sums[i]
            for column in range(across):
                reference, found = row * across + column, 0
                while found < size and nearest[column, found] < none:
                    groups[reference, found] = nearest[column, found] & 0x7FFFFFFF
                    found += 1
                counts[reference] = found

    return match


@kernel
def _alternate(step: int) -> int:
    """Return 0, -1, 1, -2, ...: nearby blocks are likely to match and let others fail early."""
    return (step + 1) // 2 * (1 - step % 2 * 2)


@kernel
def _insert(nearest: NDArray[np.int64], key: int, spare: NDArray[np.int64]) -> None:
    """Insert `key` into an ascending list, dropping the greatest, without any branch."""
    spare[0] = min(nearest[0], key)
    for n in range(1, len(nearest)):
        spare[n] = max(nearest[n - 1], min(nearest[n], key))
    nearest[:] = spare
