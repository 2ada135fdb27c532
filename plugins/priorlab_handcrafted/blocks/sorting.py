"""Lists of numbers, of which the least are kept: many lists at once, by sorting networks.

A table holds `LANES` lists side by side, and is flat: all their first numbers, then all their
second ones, and so on. So each comparison of a network is one of whole rows. Tables have a power of
two of rows, at least `RUN`: as many are sorted at once, in registers.
"""

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.shared.compiled import kernel

Keys = NDArray[np.int32]

LANES = 48
"""Lists in a table: few, so that it stays in the cache. A compiled constant, as `RUN` is."""

RUN = 16
"""Rows that are sorted at once."""


@kernel
def _order_4(x, y):  # type: ignore[no-untyped-def]
    """Return the lesser and the greater of four pairs of numbers."""
    low = min(x[0], y[0]), min(x[1], y[1]), min(x[2], y[2]), min(x[3], y[3])
    return low, (max(x[0], y[0]), max(x[1], y[1]), max(x[2], y[2]), max(x[3], y[3]))


@kernel
def _merge_4(x):  # type: ignore[no-untyped-def]
    """Sort four numbers that ascend and then descend, or do so once rotated."""
    a, b, c, d = x
    a, c = min(a, c), max(a, c)
    b, d = min(b, d), max(b, d)
    return min(a, b), max(a, b), min(c, d), max(c, d)


@kernel
def _merge_8(x, y):  # type: ignore[no-untyped-def]
    """Do so with eight, in two parts, which it returns."""
    low, high = _order_4(x, y)
    return _merge_4(low), _merge_4(high)


@kernel
def _merge_16(p, q, r, s):  # type: ignore[no-untyped-def]
    """Do so with 16, in four parts."""
    p, r = _order_4(p, r)
    q, s = _order_4(q, s)
    p, q = _merge_8(p, q)
    r, s = _merge_8(r, s)
    return p, q, r, s


@kernel
def _sort_4(x):  # type: ignore[no-untyped-def]
    """Sort any four numbers."""
    a, b, c, d = x
    a, b = min(a, b), max(a, b)
    c, d = min(c, d), max(c, d)
    a, c = min(a, c), max(a, c)
    b, d = min(b, d), max(b, d)
    return a, min(b, c), max(b, c), d


@kernel
def _back(x):  # type: ignore[no-untyped-def]
    return x[3], x[2], x[1], x[0]


@kernel
def _rows_4(keys, k):  # type: ignore[no-untyped-def]
    """Return the number at `k` and those of the next three rows."""
    lanes = np.uint64(LANES)
    return keys[k], keys[k + lanes], keys[k + np.uint64(2) * lanes], keys[k + np.uint64(3) * lanes]


@kernel
def _set_4(keys, k, x):  # type: ignore[no-untyped-def]
    """Set them."""
    lanes = np.uint64(LANES)
    keys[k], keys[k + lanes] = x[0], x[1]
    keys[k + np.uint64(2) * lanes], keys[k + np.uint64(3) * lanes] = x[2], x[3]


@kernel
def _sort_runs(keys: Keys) -> None:
    """Sort each run of `RUN` rows."""
    part = np.uint64(4 * LANES)
    for run in range(0, len(keys), RUN * LANES):
        for lane in range(np.uint64(LANES)):
            a = np.uint64(run) + lane
            b, c, d = a + part, a + np.uint64(2) * part, a + np.uint64(3) * part
            p, q = _rows_4(keys, a), _rows_4(keys, b)
            r, s = _rows_4(keys, c), _rows_4(keys, d)
            p, q = _merge_8(_sort_4(p), _back(_sort_4(q)))
            r, s = _merge_8(_sort_4(r), _back(_sort_4(s)))
            p, q, r, s = _merge_16(p, q, _back(s), _back(r))
            _set_4(keys, a, p)
            _set_4(keys, b, q)
            _set_4(keys, c, r)
            _set_4(keys, d, s)


@kernel
def _merge_runs(keys: Keys) -> None:
    """Do so where each ascends and then descends, or does so once rotated."""
    part = np.uint64(4 * LANES)
    for run in range(0, len(keys), RUN * LANES):
        for lane in range(np.uint64(LANES)):
            a = np.uint64(run) + lane
            b, c, d = a + part, a + np.uint64(2) * part, a + np.uint64(3) * part
            p, q = _rows_4(keys, a), _rows_4(keys, b)
            r, s = _rows_4(keys, c), _rows_4(keys, d)
            p, q, r, s = _merge_16(p, q, r, s)
            _set_4(keys, a, p)
            _set_4(keys, b, q)
            _set_4(keys, c, r)
            _set_4(keys, d, s)


@kernel
def _order(keys: Keys, first: int, second: int) -> None:
    """Exchange the numbers of a row for those of a later one that are less."""
    a, b = np.uint64(first * LANES), np.uint64(second * LANES)
    for lane in range(np.uint64(LANES)):
        x, y = keys[a + lane], keys[b + lane]
        keys[a + lane], keys[b + lane] = min(x, y), max(x, y)


@kernel
def _merge(keys: Keys) -> None:
    """Sort lists that ascend and then descend, or do so once rotated."""
    rows = len(keys) // LANES
    half = rows // 2
    while half >= RUN:
        for begin in range(0, rows, 2 * half):
            for i in range(begin, begin + half):
                _order(keys, i, i + half)
        half //= 2
    _merge_runs(keys)


@kernel
def sort(keys: Keys) -> None:
    """Sort the lists of a table, by a bitonic network."""
    rows, half = len(keys) // LANES, RUN
    _sort_runs(keys)
    while half < rows:
        for begin in range(0, rows, 2 * half):
            for i in range(half):
                _order(keys, begin + i, begin + 2 * half - 1 - i)
            _merge(keys[begin * LANES : (begin + half) * LANES])
            _merge(keys[(begin + half) * LANES : (begin + 2 * half) * LANES])
        half *= 2


@kernel
def keep_least(best: Keys, others: Keys) -> None:
    """Set the lists of `best` to the least of theirs and of those of `others`; all are sorted."""
    lanes = np.uint64(LANES)
    for begin in range(0, len(best), LANES):
        a, b = np.uint64(begin), np.uint64(len(best) - LANES - begin)
        for lane in range(lanes):
            best[a + lane] = min(best[a + lane], others[b + lane])
    _merge(best)
