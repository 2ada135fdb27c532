"""The filters of orthogonal wavelets."""

import itertools
import math
from functools import cache

import numpy as np

FILTERS = {"haar": 1, "sym2": 2, "sym3": 3, "sym4": 4, "sym5": 5, "sym6": 6, "sym8": 8}
"""Wavelets by name, with their number of vanishing moments; 2 and 3 are also Daubechies'."""


@cache
def scaling_filter(name: str) -> tuple[float, ...]:
    """Return the low-pass filter, 2 N taps with sum 1, of the wavelet with N vanishing moments.

    Its squared response has the factor ``((1 + cos w) / 2)^N`` and, in
    ``y = (1 - cos w) / 2``, the polynomial ``sum of binom(N - 1 + k, k) y^k``, which is split by
    its roots. Of the possible splits this takes the one whose phase is closest to a linear one,
    the least asymmetric filter (I. Daubechies: Ten Lectures on Wavelets, SIAM, 1992, chapters 6
    and 8).
    """
    moments = FILTERS[name]
    # y = (2 - z - 1/z) / 4, so each root y gives a pair of roots z and 1/z.
    polynomial = [math.comb(moments - 1 + k, k) for k in reversed(range(moments))]
    pairs = [np.roots([1, 4 * y - 2, 1]) for y in np.roots(polynomial) if y.imag >= -1e-9]
    candidates = [_filter(roots, moments) for roots in itertools.product(*pairs)]
    best = min(candidates, key=_bend)
    # A filter and its mirror image are equally good. By convention the shortest filters begin
    # with the greater taps and the others end with them.
    late = float(best @ np.arange(len(best))) > (len(best) - 1) / 2
    return tuple((best if late == (moments > 3) else best[::-1]).tolist())


def _filter(roots: tuple[complex, ...], moments: int) -> np.ndarray:
    """Return the filter with these roots, their conjugates and `moments` roots at -1."""
    taps = np.ones(1)
    for root in roots:
        real = abs(root.imag) < 1e-9
        taps = np.convolve(taps, [1, -root.real] if real else [1, -2 * root.real, abs(root) ** 2])
    for _ in range(moments):
        taps = np.convolve(taps, [1, 1])
    return taps / taps.sum()


def _bend(taps: np.ndarray) -> float:
    """Return how far the phase of a filter is from linear, at frequencies that it lets pass."""
    frequencies = np.linspace(0, 0.9 * np.pi, 200)
    response = np.exp(-1j * np.outer(frequencies, np.arange(len(taps)))) @ taps
    phase = np.unwrap(np.angle(response))
    slope = (phase @ frequencies) / (frequencies @ frequencies)
    return float(abs(phase - slope * frequencies).max())
