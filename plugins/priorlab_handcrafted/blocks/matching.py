"""The search for similar blocks, and the tiles in which an image is searched.

A block is identified by its place ``y * columns + x``, where (y, x) is its top left pixel and
`columns` the number of blocks in a row.
"""

import functools
import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.blocks.sorting import LANES, RUN, keep_least, sort
from priorlab_handcrafted.shared.compiled import kernel

Array = NDArray[np.float32]
Size = tuple[int, ...]
"""A number that loops are compiled for: that of the elements."""

References = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Where reference blocks begin, in ascending order: rows and columns."""

STRIP = 8
"""Most rows of reference blocks that are searched at once."""

BESIDE = 3
"""Displacements to the right that are compared at once, with pixels that are read once."""

UNROLLED = 3
"""Most pixels across a cell that the compiler unrolls loops over."""

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

    The picture is laid out in cells `step` pixels wide and high, so that the loops run over the
    cells of many references at once: for one displacement after another, they add up squared
    differences over each cell, over the cells beside each other in a block, and over those below
    each other. The sums of some displacements are sorted together, again for all references.
    """
    cell = min(step, block)
    # The compiler knows how long a tuple is: loops up to these numbers are unrolled.
    sizes = [(0,) * number for number in (cell, block // cell, block % cell)]
    return functools.partial(_match, block, *sizes)


@kernel
def _add_cells(
    step: Size, rest: Size, shifted: Array, here: int, there: int, row: int, cells: Array
) -> None:
    """Set four rows of `cells` for each of `BESIDE` displacements, for all cells in a row.

    They are the sums of squared differences over whole cells, over their left columns, over
    their upper rows, and over both: what is in a block of the cells that it cuts off.
    """
    for i in range(np.uint64(LANES)):
        for beside in range(BESIDE):
            out = np.uint64(4 * LANES * beside) + i
            whole_sum, left_sum = np.float32(0), np.float32(0)
            upper_sum, corner = np.float32(0), np.float32(0)
            for j in range(len(step)):
                if j == len(rest):
                    upper_sum, corner = whole_sum, left_sum
                total = np.float32(0)
                for k in range(len(step)):
                    if k == len(rest):
                        left_sum += total
                    a = shifted[np.uint64(here + row * j + LANES * k) + i]
                    b = shifted[np.uint64(there + row * j + LANES * (k + beside)) + i]
                    total += (a - b) ** 2
                whole_sum += total
            cells[out], cells[out + np.uint64(LANES)] = whole_sum, left_sum
            cells[out + np.uint64(2 * LANES)] = upper_sum
            cells[out + np.uint64(3 * LANES)] = corner


@kernel
def _add_wide_cells(
    step: Size, rest: Size, shifted: Array, here: int, there: int, row: int, cells: Array
) -> None:
    """Do what `_add_cells` does, for cells of so many pixels that loops over them stay loops."""
    for beside in range(BESIDE):
        out = np.uint64(4 * LANES * beside)
        left_sum, upper_sum = out + np.uint64(LANES), out + np.uint64(2 * LANES)
        corner = out + np.uint64(3 * LANES)
        cells[4 * LANES * beside : 4 * LANES * (beside + 1)] = 0
        for j in range(len(step)):
            a, b = np.uint64(here + row * j), np.uint64(there + row * j + LANES * beside)
            for i in range(np.uint64(LANES)):
                total, left = np.float32(0), np.float32(0)
                for k in range(len(step)):
                    if k == len(rest):
                        left = total
                    apart = np.uint64(LANES * k) + i
                    total += (shifted[a + apart] - shifted[b + apart]) ** 2
                cells[out + i] += total
                cells[left_sum + i] += left
                if j < len(rest):
                    cells[upper_sum + i] += total
                    cells[corner + i] += left


@kernel
def _add_across(whole: Size, cells: Array, begin: int, sums: Array, end: int) -> None:
    """Set two rows of `sums`: over the cells beside each other, and over their upper rows."""
    for i in range(np.uint64(LANES)):
        k, out = np.uint64(begin) + i, np.uint64(end) + i
        total = cells[k + np.uint64(LANES + len(whole))]
        upper = cells[k + np.uint64(3 * LANES + len(whole))]
        for x in range(len(whole)):
            total += cells[k + np.uint64(x)]
            upper += cells[k + np.uint64(2 * LANES + x)]
        sums[out], sums[out + np.uint64(LANES)] = total, upper


@kernel
def _add_down(whole: Size, sums: Array, begin: int, blocks: Array) -> None:
    """Set `blocks` to the sums over those below each other."""
    apart = 2 * BESIDE * LANES
    for i in range(np.uint64(LANES)):
        k = np.uint64(begin) + i
        total = sums[k + np.uint64(len(whole) * apart + LANES)]
        for y in range(len(whole)):
            total += sums[k + np.uint64(y * apart)]
        blocks[i] = total


@kernel
def _match(
    block: int,
    step: Size,
    whole: Size,
    rest: Size,
    guide: Array,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    reach: int,
    limit: float,
    groups: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> None:
    parts = len(whole) + (len(rest) > 0)
    size, span, digits = groups.shape[1], 2 * reach + 1, 0
    while 1 << digits < span**2:
        digits += 1
    length = RUN  # of the lists of matches
    while length < size:
        length *= 2
    turns = -(-span // BESIDE)
    shifts = span + len(step) + BESIDE
    blocks = np.empty(LANES, np.float32)
    bits = blocks.view(np.int32)
    nearest = np.empty(STRIP * length * LANES, np.int32)
    fresh = np.empty(STRIP * length * LANES, np.int32)
    first_column = 0
    while first_column < len(columns):
        begins, lanes = _cells(columns[first_column:], len(step), parts, LANES)
        shifted = _shifted(guide, begins, reach, len(step), shifts)
        for first in range(0, len(rows), STRIP):
            strip = rows[first : first + STRIP]
            heights, levels = _cells(strip, len(step), parts, STRIP * parts)
            cells = np.zeros((4 * BESIDE + 1) * LANES, np.float32)
            sums = np.zeros((len(heights) + 1) * 2 * BESIDE * LANES, np.float32)
            nearest[:] = NONE
            filled = 0
            for turn in range(span * turns):
                down, right = turn // turns - reach, turn % turns * BESIDE - reach
                for cell, y in enumerate(heights):
                    here = ((y + reach) * shifts + reach) * LANES
                    there = ((y + reach + down) * shifts + reach + right) * LANES
                    if len(step) <= UNROLLED:
                        _add_cells(step, rest, shifted, here, there, shifts * LANES, cells)
                    else:
                        _add_wide_cells(step, rest, shifted, here, there, shifts * LANES, cells)
                    for beside in range(BESIDE):
                        end = (cell * BESIDE + beside) * 2 * LANES
                        _add_across(whole, cells, 4 * LANES * beside, sums, end)
                for beside in range(min(BESIDE, reach - right + 1)):
                    name = _step(down) * span + _step(right + beside)
                    for row, level in enumerate(levels):
                        _add_down(whole, sums, (level * BESIDE + beside) * 2 * LANES, blocks)
                        end = (row * length + filled) * LANES
                        _make_keys(blocks, bits, limit, name, digits, fresh, end)
                    filled += 1
                    if filled == length:
                        _keep(nearest, fresh, filled, length, len(strip))
                        filled = 0
            if filled:
                _keep(nearest, fresh, filled, length, len(strip))
            for row, y in enumerate(strip):
                for i, lane in enumerate(lanes):
                    x = columns[first_column + i]
                    reference = (first + row) * len(columns) + first_column + i
                    found = 0
                    while found < size:
                        key = nearest[(row * length + found) * LANES + lane]
                        if key == NONE:
                            break
                        index = key & ((1 << digits) - 1)
                        z, right = y + _alternate(index // span), x + _alternate(index % span)
                        groups[reference, found] = z * (guide.shape[1] - block + 1) + right
                        found += 1
                    counts[reference] = found
        first_column += len(lanes)


@kernel
def _keep(
    nearest: NDArray[np.int32], fresh: NDArray[np.int32], filled: int, length: int, rows: int
) -> None:
    """Keep the least of the keys of each row of references, of which `filled` are fresh."""
    for row in range(rows):
        begin, end = row * length * LANES, (row + 1) * length * LANES
        fresh[begin + filled * LANES : end] = NONE
        sort(fresh[begin:end])
        keep_least(nearest[begin:end], fresh[begin:end])


@kernel
def _alternate(step: int) -> int:
    """Return 0, -1, 1, -2, ...: of blocks that differ as much, the nearest come first."""
    return (step + 1) // 2 * (1 - step % 2 * 2)


@kernel
def _step(distance: int) -> int:
    """Return the number of the step at which `_alternate` comes there."""
    return 2 * distance if distance >= 0 else -2 * distance - 1


@kernel
def _cells(
    columns: NDArray[np.int64], step: int, count: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the cells begin into which blocks are cut, and the first cell of each block.

    They are `step` pixels wide, and a block has `count` of them, the last of which may be cut off.
    Blocks that begin `step` pixels apart share cells. The first blocks are cut, as many as have no
    more than `most` cells.
    """
    begins = np.empty(most, np.int64)
    first = np.empty(len(columns), np.int64)
    total = 0
    for i, x in enumerate(columns):
        shared = count - 1 if i > 0 and x - columns[i - 1] == step else 0
        if total + count - shared > most:
            return begins[:total], first[:i]
        first[i] = total - shared
        for k in range(shared, count):
            begins[total] = x + k * step
            total += 1
    return begins[:total], first


@kernel
def _shifted(guide: Array, begins: NDArray[np.int64], reach: int, step: int, shifts: int) -> Array:
    """Return, for each row, the pixels at `begins`, shifted by ``-reach`` and on, as flat rows.

    A row has `shifts` times `LANES` numbers. There are `reach` rows more above the picture, and
    those of a cell more below. What is not in the picture is infinite.
    """
    height, width = guide.shape
    shifted = np.full((height + 2 * reach + step) * shifts * LANES, np.float32(np.inf))
    for y in range(height):
        for k in range(shifts):
            for i, begin in enumerate(begins):
                x = begin + k - reach
                if 0 <= x < width:
                    shifted[((reach + y) * shifts + k) * LANES + i] = guide[y, x]
    return shifted


@kernel
def _make_keys(
    sums: Array,
    bits: NDArray[np.int32],
    limit: float,
    name: int,
    digits: int,
    keys: NDArray[np.int32],
    begin: int,
) -> None:
    """Set `keys`, from `begin` on, to numbers in the order of the sums, of which `name` is the end.

    The `bits` of floats >= 0 are in their order. The lowest `digits` of them make room for `name`,
    and sums below 2^-20 count as equal, as do those above 2^12, which makes room for three more.
    """
    most = np.float32(limit)
    least, greatest = np.int32(LEAST), np.int32(LEAST + 2**28 - 1)
    mask, end = np.int32(-1 << digits), np.int32(name)
    for i in range(np.uint64(LANES)):
        key = (min(max(bits[i], least), greatest) - least) << np.int32(3) & mask | end
        keys[np.uint64(begin) + i] = key if sums[i] < most else NONE
