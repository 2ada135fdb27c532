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

from priorlab_handcrafted.shared.compiled import Threads, kernel

Array = NDArray[np.floating]

SWEEP = 10
"""Iterations between two looks at the duality gap. A band does them all before the next band
begins, from as many more rows on either side, so that its arrays stay in the cache."""

BAND_BYTES = 2**18
"""Size of a band in each of the arrays."""

MOMENTUM = 0.92
"""The most. It and the next were chosen on training images for the fewest iterations."""

STRETCH = 1.28
"""The step, times the one that surely converges; the latter is taken once the gap grows."""


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
        The most, in steps of `SWEEP`.
    report : callable
        Is told the iteration, the image and the relative gap, every `SWEEP` iterations.

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
            threads.map(lambda band: _advance(v, *band, *model, stride, momenta), bands)  # noqa: B023
            _exchange(bands)
            sums = threads.map(lambda band: _certify(v, x, *band, *model), bands)
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


# No views of rows in the kernels: to make one costs as much as to work through 100 pixels.


@kernel
def _advance(v, p, q, first, top, bottom, radius, huber, anisotropic, stride, momenta):
    """Do one iteration for each momentum on a band.

    Row r depends on rows r - 1 to r + 1 of the iteration before. So an iteration follows the one
    before it at a distance of one row, while the rows are in the cache; and it begins with all
    the rows that the band has and does one less at each end than the one before.
    """
    channels, height, width = v.shape
    count = len(momenta)
    shrink = v.dtype.type(1) / (v.dtype.type(1) + stride * huber)
    x = np.empty((count, 2, channels, width + 1), v.dtype)
    scale = np.empty((2, width), v.dtype)
    for step in range(max(0, top - count), min(height, bottom + count) + count):
        for k in range(count):
            low, high = max(0, top - (count - 1 - k)), min(height, bottom + (count - 1 - k))
            row = step - k
            if row == max(low - 1, 0):
                for c in range(channels):
                    _primal_row(v, q, x[k], radius, c, low, first)
            if low <= row < high:
                model = (radius, shrink, stride, momenta[k], anisotropic)
                if channels == 1:
                    _update_gray_row(v, p, q, x[k], model, row, first)
                else:
                    _update_row(v, p, q, x[k], scale, model, row, first)


@kernel
def _update_row(v, p, q, x, scale, model, row, first):
    """Do one iteration on a row, given that row of x; leave the next row of x."""
    channels, _, width = v.shape
    radius, shrink, stride, momentum, anisotropic = model
    one, zero = v.dtype.type(1), v.dtype.type(0)
    here, there, r = row & 1, 1 - (row & 1), row - first
    for j in range(width):
        scale[0, j] = zero
        scale[1, j] = zero
    for c in range(channels):
        _primal_row(v, q, x, radius, c, row + 1, first)
        for j in range(width):
            slope = x[there, c, j] - x[here, c, j]
            down = shrink * (q[0, c, r, j + 1] + stride * slope)
            slope = x[here, c, j + 1] - x[here, c, j]
            right = shrink * (q[1, c, r, j + 1] + stride * slope)
            q[0, c, r, j + 1], q[1, c, r, j + 1] = down, right
            scale[0, j] += down * down
            scale[1, j] += right * right
    for j in range(width):
        squares = scale[0, j], scale[1, j]
        if not anisotropic:
            squares = squares[0] + squares[1], squares[0] + squares[1]
        scale[0, j] = one / np.sqrt(max(squares[0], one))
        scale[1, j] = one / np.sqrt(max(squares[1], one))
    for c in range(channels):
        for j in range(width):
            down = q[0, c, r, j + 1] * scale[0, j]
            right = q[1, c, r, j + 1] * scale[1, j]
            q[0, c, r, j + 1] = down + momentum * (down - p[0, c, r, j + 1])
            q[1, c, r, j + 1] = right + momentum * (right - p[1, c, r, j + 1])
            p[0, c, r, j + 1], p[1, c, r, j + 1] = down, right


@kernel
def _update_gray_row(v, p, q, x, model, row, first):
    """Do what `_update_row` does, for one channel: in one pass, which takes half the time."""
    _, height, width = v.shape
    radius, shrink, stride, momentum, anisotropic = model
    one = v.dtype.type(1)
    here, there, r = row & 1, 1 - (row & 1), row - first
    last = row + 1 == height
    below, data = (r, row) if last else (r + 1, row + 1)
    for j in range(width):
        divergence = (
            q[0, 0, below, j + 1] - q[0, 0, r, j + 1] + (q[1, 0, below, j + 1] - q[1, 0, below, j])
        )
        current = x[here, 0, j]
        ahead = current if last else v[0, data, j] + radius * divergence
        down = shrink * (q[0, 0, r, j + 1] + stride * (ahead - current))
        right = shrink * (q[1, 0, r, j + 1] + stride * (x[here, 0, j + 1] - current))
        squares = down * down, right * right
        if not anisotropic:
            squares = squares[0] + squares[1], squares[0] + squares[1]
        down *= one / np.sqrt(max(squares[0], one))
        right *= one / np.sqrt(max(squares[1], one))
        q[0, 0, r, j + 1] = down + momentum * (down - p[0, 0, r, j + 1])
        q[1, 0, r, j + 1] = right + momentum * (right - p[1, 0, r, j + 1])
        p[0, 0, r, j + 1], p[1, 0, r, j + 1] = down, right
        x[there, 0, j] = ahead
    x[there, 0, width] = x[there, 0, width - 1]


@kernel
def _primal_row(v, q, x, radius, c, row, first):
    """Write row `row` of ``v - radius D^T q`` into ``x[row & 1, c]``; q begins with row `first`.

    The picture is continued by one pixel, so that differences across its border are zero.
    """
    r, here, width = row - first, row & 1, v.shape[2]
    if row == v.shape[1]:
        for j in range(width):
            x[here, c, j] = x[1 - here, c, j]
        return
    above = max(r - 1, 0)
    weight = radius if row else v.dtype.type(0)
    for j in range(width):
        divergence = q[0, c, r, j + 1] + (q[1, c, r, j + 1] - q[1, c, r, j])
        x[here, c, j] = v[c, row, j] + (radius * divergence - weight * q[0, c, above, j + 1])
    x[here, c, width] = x[here, c, width - 1]


@kernel
def _certify(v, x, p, q, first, top, bottom, radius, huber, anisotropic):
    """Write a band's rows of x; return their part of the duality gap and the objective.

    The gap is summed as ``h(|grad x|) - <grad x, p> + huber/2 |p|^2``, which is >= 0 at each
    pixel, so that float32 suffices for the terms.
    """
    channels, _, width = v.shape
    rows = np.empty((2, channels, width + 1), v.dtype)
    squares = np.empty((2, width), v.dtype)
    zero, half = v.dtype.type(0), v.dtype.type(0.5)
    rounding = half / huber if huber > 0 else zero
    gap, primal = 0.0, 0.0
    for c in range(channels):
        _primal_row(v, p, rows, radius, c, top, first)
    for row in range(top, bottom):
        here, there, r = row & 1, 1 - (row & 1), row - first
        for j in range(width):
            squares[0, j] = 0
            squares[1, j] = 0
        distance, product, variation = zero, zero, zero
        for c in range(channels):
            _primal_row(v, p, rows, radius, c, row + 1, first)
            for j in range(width):
                value, down, right = rows[here, c, j], p[0, c, r, j + 1], p[1, c, r, j + 1]
                x[c, row, j] = value
                distance += (value - v[c, row, j]) * (value - v[c, row, j])
                below, beside = rows[there, c, j] - value, rows[here, c, j + 1] - value
                squares[0, j] += below * below
                squares[1, j] += beside * beside
                product += below * down + beside * right
                product -= half * huber * (down * down + right * right)
        if not anisotropic:
            for j in range(width):
                squares[0, j] += squares[1, j]
        for direction in range(2 if anisotropic else 1):
            for j in range(width):
                length = np.sqrt(squares[direction, j])
                # Below `huber` the parabola, above it the line that continues it.
                inner = min(length, huber)
                variation += (length - inner) + (inner * inner * rounding)
        gap += radius * (variation - product)
        primal += radius * variation + half * distance
    return gap, primal
