"""Wavelet shrinkage without decimation of one plane on the CPU, its rows divided among threads."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from priorlab_handcrafted.shared.compiled import Threads
from priorlab_handcrafted.wavelets.kernels import analyse_rows, join_rows, shrink_rows
from priorlab_handcrafted.wavelets.transform import WaveletTransform

ROWS = 136
"""About so many rows of the plane are one piece of work."""


class LevelRule(NamedTuple):
    """How `shrink_rows` shrinks the bands of a level."""

    noise: np.float32
    reach: int
    thresholds: np.ndarray
    hard: bool


class PlaneShrinkage:
    """The undecimated transform of a plane, in float32, and what shrinkage removes from it.

    Parameters
    ----------
    x : array (H, W), float32
        The plane, which wraps around.
    transform : WaveletTransform
        Filter and levels.
    threads : Threads
        Do the work.

    Attributes
    ----------
    details : array (levels, 3, H, W)
        The bands of `WaveletTransform.analyse`, from fine to coarse.
    """

    def __init__(self, x: np.ndarray, transform: WaveletTransform, threads: Threads) -> None:
        count = max(1, round(len(x) / ROWS))
        self._pieces = list(pairwise(len(x) * piece // count for piece in range(count + 1)))
        self._pair = [tuple(np.array(taps, np.float32)) for taps in transform.pair]
        self._transform, self._threads = transform, threads
        self.details = np.empty((transform.levels, 3, *x.shape), np.float32)
        for level in range(transform.levels):
            x = self._analyse(x, level)

    def removed(self, rules: list[LevelRule]) -> np.ndarray:
        """Return what shrinkage by these rules, from fine to coarse, removes: (H, W)."""
        out = np.zeros(self.details.shape[2:], np.float32)
        for level in reversed(range(self._transform.levels)):
            self._join(out, level, rules[level])
        return out

    def _analyse(self, x: np.ndarray, level: int) -> np.ndarray:
        """Write the details of a level and return the coarse band."""
        spacing, coarse = self._transform.spacing(level), np.empty_like(x)

        def work(rows: tuple[int, int]) -> None:
            analyse_rows(x, *self._pair, spacing, *rows, coarse, self.details[level])

        self._threads.map(work, self._pieces)
        return coarse

    def _join(self, out: np.ndarray, level: int, rule: LevelRule) -> None:
        """Replace what is removed from a coarse band by what is removed one level before."""
        spacing, joined = self._transform.spacing(level), np.empty((2, *out.shape), np.float32)

        def shrink(rows: tuple[int, int]) -> None:
            shrink_rows(out, self.details[level], *self._pair, spacing, *rule, *rows, joined)

        def join(rows: tuple[int, int]) -> None:
            join_rows(joined, *self._pair, spacing, *rows, out)

        self._threads.map(shrink, self._pieces)
        self._threads.map(join, self._pieces)
