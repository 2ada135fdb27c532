"""The model of Rudin, Osher and Fatemi on the CPU: total variation plus squared distance.

``min over x of 1/2 |x - v|^2 + radius * sum over pixels of h(|grad x|)``, where h is the absolute
value or, rounded off at the bottom, Huber's function. See `solve`.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.shared.compiled import Threads
from priorlab_handcrafted.variation.rof_kernels import advance, certify

Array = NDArray[np.floating]

SWEEP = 10
"""Iterations between two checks of the duality gap. A band does all of them before the next band
begins, starting from that many more rows on either side, so that its arrays stay in the cache."""

BAND_BYTES = 2**18
"""Size of a band in each of the arrays."""

MOMENTUM = 0.92
"""Greatest momentum. It and `STRETCH` were chosen for the fewest iterations on training images."""

STRETCH = 1.28
"""The step, relative to the one that is sure to converge, which is used once the gap grows."""


def solve(
    v: Array,
    radius: float,
    dual: Array,
    *,
    huber: float,
    anisotropic: bool,
    tolerance: float,
    iterations: int,
    report: Callable[[int, Array, float], None],
) -> Array:
    """Minimise ``1/2 |x - v|^2 + radius * sum of h(|grad x|)`` over images x.

    Accelerated projected gradient descent on the dual, ``max -1/2 |v - radius D^T p|^2 - radius
    huber/2 |p|^2`` over ``|p| <= 1`` at each pixel, with ``x = v - radius D^T p`` (A. Beck,
    M. Teboulle: Fast gradient-based algorithms for constrained total variation image denoising
    and deblurring problems, IEEE Transactions on Image Processing 18(11), 2009). The momentum is
    capped and restarts when the gap grows (B. O'Donoghue, E. Candes: Adaptive restart for
    accelerated gradient schemes, Foundations of Computational Mathematics 15, 2015).

    Parameters
    ----------
    v : array
        Image (C, H, W), C-contiguous.
    radius : float
        Weight of the total variation, > 0.
    dual : array
        Field (2, C, H, W) to start from; overwritten with that of the result.
    huber : float
        Length of gradient below which h is a parabola; 0 for total variation.
    anisotropic : bool
        Whether the differences down and to the right have a norm each, or one together. It is
        Euclidean, over all channels.
    tolerance : float
        The duality gap, relative to the objective, at which it stops.
    iterations : int
        The greatest number, in steps of `SWEEP`.
    report : callable
        Called with the iteration, the image and the relative gap, every `SWEEP` iterations.

    Returns
    -------
    array
        The image, of v's shape and dtype.
    """
    number = v.dtype.type
    model = (number(radius), number(huber), anisotropic)
    stride = number(STRETCH / (8 * radius))
    x = np.empty_like(v)
    bands = _cut(dual)
    age, last = 0, math.inf
    with Threads() as threads:
        for iteration in range(SWEEP, iterations + SWEEP, SWEEP):
            ages = np.arange(age, age + SWEEP)
            momenta = np.minimum(ages / (ages + 3), MOMENTUM).astype(v.dtype)
            threads.map(lambda band: advance(v, *band, *model, stride, momenta), bands)  # noqa: B023
            _exchange(bands)
            sums = threads.map(lambda band: certify(v, x, band.p, *band[2:], *model), bands)
            gap, primal = np.sum(sums, axis=0)
            relative = float(gap / max(primal, np.finfo(v.dtype).tiny))
            report(iteration, x, relative)
            if relative <= tolerance:
                break
            age = age + SWEEP
            if relative > last:
                age, stride = 0, number(1 / (8 * radius))
                for band in bands:
                    band.q[:] = band.p
            last = relative
    for band in bands:
        dual[:, :, band.top : band.bottom] = band.rows(band.top, band.bottom)[0][..., 1:]
    return x


class _Band(NamedTuple):
    """The rows from `top` to `bottom`, with up to `SWEEP` more on either side from row `first`."""

    p: Array  # the dual field (2, C, rows, 1 + W); column 0 is left of the picture, and zero
    q: Array  # the point extrapolated from it
    first: int
    top: int
    bottom: int

    def rows(self, top: int, bottom: int) -> tuple[Array, Array]:
        """Return these rows of both fields."""
        part = slice(top - self.first, bottom - self.first)
        return self.p[:, :, part], self.q[:, :, part]


def _cut(dual: Array) -> list[_Band]:
    """Return the bands of the picture, which begin with the dual field `dual`."""
    height = dual.shape[2]
    size = max(SWEEP, BAND_BYTES // dual[0, :, 0].nbytes)
    bands = []
    for top in range(0, height, size):
        bottom = min(top + size, height)
        first = max(0, top - SWEEP)
        p = np.pad(dual[:, :, first : bottom + SWEEP], ((0, 0), (0, 0), (0, 0), (1, 0)))
        bands.append(_Band(p, p.copy(), first, top, bottom))
    return bands


def _exchange(bands: list[_Band]) -> None:
    """Copy to each band's margins what its neighbours have computed."""
    for upper, lower in itertools.pairwise(bands):
        end = upper.first + upper.p.shape[2]
        for source, target, rows in (
            (upper, lower, (lower.first, lower.top)),
            (lower, upper, (upper.bottom, end)),
        ):
            for new, old in zip(source.rows(*rows), target.rows(*rows), strict=True):
                old[:] = new
