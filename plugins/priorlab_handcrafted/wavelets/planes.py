"""Wavelet shrinkage without decimation of one plane on the CPU, its rows divided among threads."""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from priorlab_handcrafted.shared.threads import Threads
from priorlab_handcrafted.wavelets.extents import Axis
from priorlab_handcrafted.wavelets.kernels import analyse_rows, join_rows, shrink_rows
from priorlab_handcrafted.wavelets.transform import WaveletTransform

ROWS = 136
"""Approximate number of rows in one piece of work."""


class LevelRule(NamedTuple):
    """How `shrink_rows` shrinks the bands of a level."""

    noise: np.float32
    reach: int
    thresholds: np.ndarray
    hard: bool


class PlaneShrinkage:
    """The undecimated transform of one plane after another, and what shrinkage removes from it.

    Parameters
    ----------
    transform : WaveletTransform
        Filter and levels.
    rows, columns : Axis
        The extents of the bands.
    threads : Threads
        They share the work.

    Attributes
    ----------
    details : list of array (3, H, W), float32
        Three bands for each level, from fine to coarse, in the extents of the axes.
    """

    def __init__(
        self, transform: WaveletTransform, rows: Axis, columns: Axis, threads: Threads
    ) -> None:
        self._pair = [tuple(np.array(taps, np.float32)) for taps in transform.pair]
        self._transform, self._rows, self._columns = transform, rows, columns
        self._threads = threads
        shapes = [
            (3, down.last - down.first, right.last - right.first)
            for down, right in zip(rows.details, columns.details, strict=True)
        ]
        self._shapes = [(rows.inside[0].last, columns.inside[0].last)] + [x[1:] for x in shapes]
        largest = math.prod(axis.coarse[1].last - axis.coarse[1].first for axis in (rows, columns))
        # As one block, which the C library keeps; many small ones would go back to the system.
        ends = np.cumsum([math.prod(shape) for shape in shapes] + 4 * [largest])
        parts = np.split(np.empty(ends[-1], np.float32), ends[:-1])
        self.details = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=False)]
        self._scratch = parts[-4:]

    def analyse(self, x: np.ndarray) -> None:
        """Set the details to those of a plane.

        The plane is float32 and contiguous, and covers ``coarse[0]`` of both axes.
        """
        for level in range(self._transform.levels):
            x = self._analyse(x, level)

    def inside(self, level: int) -> np.ndarray:
        """Return the bands of a level without what lies beyond the border: (3, H, W)."""
        rows, columns = (
            axis.inside[level].within(axis.details[level]) for axis in (self._rows, self._columns)
        )
        return self.details[level][:, rows, columns]

    def removed(self, rules: list[LevelRule]) -> np.ndarray:
        """Return what shrinkage by these rules, from fine to coarse, removes: (H, W).

        The array is overwritten by the next call of a method.
        """
        out = self._array(2, self.details[-1].shape[1:])
        out[:] = 0
        for level in reversed(range(self._transform.levels)):
            out = self._join(out, level, rules[level])
        return out

    def _array(self, index: int, shape: tuple[int, ...]) -> np.ndarray:
        return self._scratch[index][: math.prod(shape)].reshape(shape)

    def _analyse(self, x: np.ndarray, level: int) -> np.ndarray:
        """Write the details of a level and return the coarse band."""
        spacing, details = self._transform.spacing(level), self.details[level]
        top, left = (
            axis.details[level].first - axis.coarse[level + 1].first
            for axis in (self._rows, self._columns)
        )
        reach = sum(self._transform.reach) * spacing
        coarse = self._array(level % 2, (x.shape[0] - reach, x.shape[1] - reach))

        def work(rows: tuple[int, int]) -> None:
            analyse_rows(x, *self._pair, spacing, *rows, top, left, coarse, details)

        self._threads.map(work, _pieces(len(coarse)))
        return coarse

    def _join(self, coarse: np.ndarray, level: int, rule: LevelRule) -> np.ndarray:
        """Return what is removed one level before, given what is removed from a coarse band."""
        spacing, before = self._transform.spacing(level), self._shapes[level]
        parts = [self._array(index, (len(coarse), before[1])) for index in (0, 1)]
        out = self._array(2 + (self._transform.levels - level) % 2, before)

        def shrink(rows: tuple[int, int]) -> None:
            shrink_rows(coarse, self.details[level], *self._pair, spacing, *rule, *rows, *parts)

        def join(rows: tuple[int, int]) -> None:
            join_rows(*parts, *self._pair, spacing, *rows, out)

        self._threads.map(shrink, _pieces(len(coarse)))
        self._threads.map(join, _pieces(len(out)))
        return out


def _pieces(rows: int) -> list[tuple[int, int]]:
    """Divide rows into pieces of about `ROWS`."""
    count = max(1, round(rows / ROWS))
    return list(pairwise(rows * piece // count for piece in range(count + 1)))
