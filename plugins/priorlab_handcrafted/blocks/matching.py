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

STRIP = 8
"""Most rows of reference blocks that are searched at once."""

NONE = np.int32(2**31 - 1)
"""The key of no match."""

LEAST = int(np.float32(2**-20).view(np.int32))
"""The bits of the least sum of squared differences that a key tells from zero."""


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
        axes.append(np.array_split(begin, -(-len(begin) // most)))
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
def matcher(block: int, step: int) -> Callable[..., None]:
    """Return the search for blocks of `block` times `block` pixels, compiled for these sizes.

    Most reference blocks should begin `step` pixels apart; those that do share work.

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

    The picture is laid out in cells `step` pixels wide, so that the loops run over the cells of
    many references at once: for one displacement after another, they add up squared differences
    over each cell, over the cells beside each other in a block, and over its rows. The sums of
    some displacements are sorted together, again for all references at once.
    """
    whole, rest = block // step, block % step

    # It may have no other variables of this function than numbers: numba would not find it on disk.
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
        width = guide.shape[1]
        across, size, span = len(columns), groups.shape[1], 2 * reach + 1
        length, digits = 1, 0  # of the lists of matches, and of the number of a displacement
        while length < size:
            length *= 2
        while 1 << digits < span**2:
            digits += 1
        begins, places = _cells(columns, step, whole + (rest > 0))
        lanes = len(begins)
        shifted = _shifted(guide, begins, reach, step)
        for first in range(0, len(rows), STRIP):
            strip = rows[first : first + STRIP]
            n = (strip[-1] + block - strip[0]) * lanes
            full, cut, wide = np.zeros((3, n + whole), np.float32)
            here = (strip[0] + reach) * lanes
            sums = np.empty(len(strip) * lanes, np.float32)
            nearest = np.full(length * len(sums), NONE)
            fresh = np.empty(length * len(sums), np.int32)
            for start in range(0, span**2, length):
                if start + length > span**2:
                    fresh[:] = NONE
                for index in range(start, min(start + length, span**2)):
                    down, right = _alternate(index // span), _alternate(index % span)
                    there = here + down * lanes
                    # Unsigned indices need no test for counting from the end, and loops up to
                    # `step`, `whole` and `block` are unrolled: both make those over i fast.
                    for i in range(np.uint64(n)):
                        total = np.float32(0)
                        for k in range(step):
                            if k == rest:
                                cut[i] = total
                            a = shifted[np.uint64(reach + k), i + np.uint64(here)]
                            b = shifted[np.uint64(reach + right + k), i + np.uint64(there)]
                            total += (a - b) ** 2
                        full[i] = total
                    for i in range(np.uint64(n)):
                        total = cut[i + np.uint64(whole)]
                        for k in range(whole):
                            total += full[i + np.uint64(k)]
                        wide[i] = total
                    for row, y in enumerate(strip):
                        begin, end = (y - strip[0]) * lanes, row * lanes
                        for i in range(np.uint64(lanes)):
                            total = np.float32(0)
                            for k in range(block):
                                total += wide[i + np.uint64(begin + k * lanes)]
                            sums[i + np.uint64(end)] = total
                    begin = (index - start) * len(sums)
                    _make_keys(sums, limit, index, digits, fresh[begin : begin + len(sums)])
                _sort(fresh, len(sums))
                _keep_least(nearest, fresh, len(sums))
            for row, y in enumerate(strip):
                for i, x in enumerate(columns):
                    reference = (first + row) * across + i
                    found = 0
                    while found < size:
                        key = nearest[found * len(sums) + row * lanes + places[i]]
                        if key == NONE:
                            break
                        index = key & ((1 << digits) - 1)
                        z, right = y + _alternate(index // span), x + _alternate(index % span)
                        groups[reference, found] = z * (width - block + 1) + right
                        found += 1
                    counts[reference] = found

    return match


@kernel
def _alternate(step: int) -> int:
    """Return 0, -1, 1, -2, ...: of blocks that differ as much, the nearest come first."""
    return (step + 1) // 2 * (1 - step % 2 * 2)


@kernel
def _cells(
    columns: NDArray[np.int64], step: int, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the cells begin into which blocks are cut, and the first cell of each block.

    They are `step` pixels wide, and a block has `count` of them, the last of which may be cut off.
    Blocks that begin `step` pixels apart share cells.
    """
    begins = np.empty(len(columns) * count, np.int64)
    first = np.empty(len(columns), np.int64)
    total = 0
    for i, x in enumerate(columns):
        shared = count - 1 if i > 0 and x - columns[i - 1] == step else 0
        first[i] = total - shared
        for k in range(shared, count):
            begins[total] = x + k * step
            total += 1
    return begins[:total], first


@kernel
def _shifted(guide: Array, begins: NDArray[np.int64], reach: int, step: int) -> Array:
    """Return the picture's columns at `begins`, shifted by ``-reach`` to ``reach + step - 1``.

    They are continued by `reach` rows up and down. What is not in the picture is infinite.
    """
    height, width = guide.shape
    lanes = len(begins)
    shifted = np.full((2 * reach + step, (height + 2 * reach) * lanes), np.float32(np.inf))
    for k in range(2 * reach + step):
        for y in range(height):
            for i, begin in enumerate(begins):
                x = begin + k - reach
                if 0 <= x < width:
                    shifted[k, (reach + y) * lanes + i] = guide[y, x]
    return shifted


@kernel
def _make_keys(sums: Array, limit: float, index: int, digits: int, keys: NDArray[np.int32]) -> None:
    """Set `keys` to numbers in the order of the sums, of which `index` is the end.

    The bits of floats >= 0 are in their order. The lowest `digits` of them make room for `index`,
    and sums below 2^-20 count as equal, as do those above 2^12, which makes room for three more.
    """
    bits, most = sums.view(np.int32), np.float32(limit)
    least, greatest = np.int32(LEAST), np.int32(LEAST + 2**28 - 1)
    mask, end = np.int32(-1 << digits), np.int32(index)
    for i in range(np.uint64(len(keys))):
        key = (min(max(bits[i], least), greatest) - least) << np.int32(3) & mask | end
        keys[i] = key if sums[i] < most else NONE


@kernel
def _order(a: NDArray[np.int32], b: NDArray[np.int32]) -> None:
    """Exchange elements of `a` for those of `b` that are less."""
    for i in range(np.uint64(len(a))):
        a[i], b[i] = min(a[i], b[i]), max(a[i], b[i])


@kernel
def _merge(keys: NDArray[np.int32], width: int) -> None:
    """Sort each column of a table whose rows are `width` long and a power of two in number.

    Each must ascend and then descend, or be so once rotated.
    """
    half = len(keys) // 2
    while half >= width:
        for i in range(0, len(keys), 2 * half):
            _order(keys[i : i + half], keys[i + half : i + 2 * half])
        half //= 2


@kernel
def _sort(keys: NDArray[np.int32], width: int) -> None:
    """Sort each column of such a table by a bitonic network."""
    half = width
    while half < len(keys):
        for begin in range(0, len(keys), 2 * half):
            part = keys[begin : begin + 2 * half]
            for i in range(0, half, width):
                end = len(part) - i
                _order(part[i : i + width], part[end - width : end])
            _merge(part[:half], width)
            _merge(part[half:], width)
        half *= 2


@kernel
def _keep_least(best: NDArray[np.int32], others: NDArray[np.int32], width: int) -> None:
    """Set each column of `best` to the least of it and of that of `others`; all are sorted."""
    for i in range(0, len(best), width):
        end = len(best) - i
        _order(best[i : i + width], others[end - width : end])
    _merge(best, width)
