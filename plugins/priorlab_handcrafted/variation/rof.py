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

from priorlab_handcrafted.shared.threads import Threads
from priorlab_handcrafted.variation.rof_kernels import exchange, sweep

Array = NDArray[np.floating]

SWEEP = 10
"""Iterations between two checks of the duality gap. A band does all of them, and its part of the
check, before the next band begins, starting from `MARGIN` more rows on either side."""

MARGIN = SWEEP + 1
"""An iteration needs one row more than it leaves, and so does the check."""

BAND = 256
"""About the rows of a band."""

ALONE = 2**17
"""An image of more values than this has two bands at least, for two threads."""

MOMENTUM = 0.92
"""Greatest momentum. It and `STRETCH` were chosen for the fewest iterations on training images."""

STRETCH = 1.28
"""The step, relative to the one that is sure to converge, which is used once the gap grows."""


class State:
    """The dual field from which the next `solve` of an image of this size begins, in bands."""

    def __init__(self, v: Array) -> None:
        channels, height, width = v.shape
        count = max(1, height // BAND, min(height // MARGIN, 1 + (v.size > ALONE)))
        size = -(-height // count)
        shape = (2, channels, size + 2 * MARGIN, 1 + width)
        self.bands = []
        for top in range(0, height, size):
            p, q = np.full(shape, 0, v.dtype), np.empty(shape, v.dtype)
            self.bands.append(_Band(p, q, top, min(top + size, height)))


class _Band(NamedTuple):
    """The rows from `top` to `bottom`, and `MARGIN` more on either side, also beyond the image."""

    p: Array  # the dual field (2, C, rows, 1 + W); column 0 is left of the image, and zero
    q: Array  # the point extrapolated from it
    top: int
    bottom: int


def solve(
    v: Array,
    radius: float,
    state: State,
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
    state : State
        Where to start, a new one for zero; updated to that of the result.
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
    age, last = 0, math.inf

    def work(band: _Band) -> tuple[float, float]:
        return sweep(v, x, *band, *model, stride, momenta, age == 0)

    with Threads() as threads:
        for iteration in range(SWEEP, iterations + SWEEP, SWEEP):
            ages = np.arange(age, age + SWEEP)
            momenta = np.minimum(ages / (ages + 3), MOMENTUM).astype(v.dtype)
            gap, primal = np.sum(threads.map(work, state.bands), axis=0)
            relative = float(gap / max(primal, np.finfo(v.dtype).tiny))
            report(iteration, x, relative)
            for upper, lower in itertools.pairwise(state.bands):
                exchange(upper.p, upper.q, lower.p, lower.q, MARGIN)
            if relative <= tolerance:
                break
            age = age + SWEEP
            if relative > last:
                age, stride = 0, number(1 / (8 * radius))
            last = relative
    return x
