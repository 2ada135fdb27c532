"""Condat's total variation plus squared distance, on the CPU: see `solve`."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.shared.compiled import kernel

Array = NDArray[np.floating]

STEP, STEP_OF_VECTORS = 1.0, 3.0
"""Steps of the image and of the vectors, relative to the radius, or to `LEAST_RADIUS` if that is
larger; that of the dual field follows from them. They set the speed, not the solution."""

LEAST_RADIUS = 0.03

RELAXATION = 1.9
CHECK_EVERY = 25
DEPTH = 5
"""Iterations in one sweep over the image; the rows that they work on are to fit into the cache."""

DISTANCE = 3
"""Rows by which an iteration follows the one before it."""


class State:
    """Image, vectors and dual field of the iteration, which a later call may start from.

    Vectors and field have a border of zeros, one pixel wide, around the picture.
    """

    def __init__(self, v: Array) -> None:
        channels, height, width = v.shape
        shape = (channels, height + 2, width + 2)
        self.x = v.copy()
        # Down and right: where rows meet, where columns meet, and in the middle of pixels.
        self.w = np.zeros((3, 2, *shape), v.dtype)
        self.w[0, 0, :, 1:-2, 1:-1] = np.diff(v, axis=1)
        self.w[1, 1, :, 1:-1, 1:-2] = np.diff(v, axis=2)
        self.u = np.zeros((2, *shape), v.dtype)  # dual to the differences down and right

    def field(self) -> Array:
        """Return the dual field (2, C, H, W), scaled to be feasible."""
        longest = _longest(self.u)
        return np.asarray(self.u[:, :, 1:-1, 1:-1] / max(1.0, longest**0.5))


def solve(
    v: Array,
    radius: float,
    state: State,
    *,
    tolerance: float,
    iterations: int,
    report: Callable[[int, Array, float], None],
) -> Array:
    """Minimise ``1/2 |x - v|^2 + radius * TV(x)`` over images x, with the TV of L. Condat.

    TV(x) is the least sum of the lengths of vectors w that explain the differences of x:
    ``D x = L^T w``. Vectors sit where two rows meet, where two columns meet and in the middle of
    pixels; L interpolates a field of differences to those places. The over-relaxed primal-dual
    iteration of L. Condat: A primal-dual splitting method for convex optimization involving
    Lipschitzian, proximable and linear composite terms, Journal of Optimization Theory and
    Applications 158, 2013.

    Parameters
    ----------
    v : array
        Image (C, H, W), C-contiguous.
    radius : float
        Weight of the total variation, > 0.
    state : State
        Where to start; overwritten with where it ended.
    tolerance : float
        Stops at this duality gap, relative to the objective. The dual field is scaled to be
        feasible, and what the vectors leave of the differences is added to them, so that the gap
        is a true bound.
    iterations : int
        The greatest number.
    report : callable
        Called with the iteration, the image and the relative gap, every `CHECK_EVERY` iterations.

    Returns
    -------
    array
        The image, of v's shape and dtype.
    """
    number = v.dtype.type
    # 8 and 3 bound the squared norms of D and L.
    reach = max(radius, LEAST_RADIUS)
    dual_step = 1 / (8 * STEP + 3 * STEP_OF_VECTORS) / reach
    values = (radius, STEP * reach, STEP_OF_VECTORS * reach, dual_step, RELAXATION)
    model = tuple(number(value) for value in values)
    every = min(CHECK_EVERY, iterations)
    for iteration in range(every, iterations + 1, every):
        for _ in range(every // DEPTH):
            _iterate(v, state.x, state.w, state.u, model, DEPTH)
        gap = _relative_gap(v, radius, state)
        report(iteration, state.x, gap)
        if gap <= tolerance:
            break
    return state.x.copy()


def _relative_gap(v: Array, radius: float, state: State) -> float:
    """Return (primal - dual objective) / primal, both divided by the radius."""
    length, distance, product, squares = _certify(v, state.x, state.w, state.u)
    scale = 1 / max(1.0, _longest(state.u) ** 0.5)
    primal = length + distance / (2 * radius)
    dual = scale * product - radius / 2 * scale**2 * squares
    # Where nothing is left to gain, both objectives are rounding errors.
    return float((primal - dual) / max(primal, float(np.finfo(v.dtype).eps) * v.size))


# No views of rows in the kernels: making one costs as much as processing 100 pixels. Row and
# column 1 of padded arrays are the first of the picture.


@kernel
def _iterate(v, x, w, u, model, count):
    """Do `count` iterations in place: primal row by row, the dual rows one behind."""
    channels, height, width = v.shape
    # What the last two rows of x and the last three of w are extrapolated to.
    x_ahead = np.zeros((count, 2, channels, width + 2), v.dtype)
    w_ahead = np.zeros((count, 3, 3, 2, channels, width + 2), v.dtype)
    keep = np.empty(width + 2, v.dtype)
    for step in range(height + DISTANCE * count):
        for k in range(count):
            row = step - DISTANCE * k
            if 0 <= row < height:
                _image_row(v, x, u, x_ahead[k], model, row)
                _vectors_row(w, u, w_ahead[k], keep, model, row)
            if 0 < row <= height:
                _dual_row(u, x_ahead[k], w_ahead[k], model, row - 1)


@kernel
def _image_row(v, x, u, x_ahead, model, row):
    """Step a row of x."""
    radius, step, _, _, relaxation = model
    channels, _, width = v.shape
    one, two = v.dtype.type(1), v.dtype.type(2)
    here, r = row & 1, row + 1
    pull = step / radius
    keep = one / (one + pull)
    for c in range(channels):
        for j in range(width):
            change = u[0, c, r, j + 1] - u[0, c, r - 1, j + 1]
            change += u[1, c, r, j + 1] - u[1, c, r, j]
            old = x[c, row, j]
            new = keep * (old + step * change + pull * v[c, row, j])
            x_ahead[here, c, j + 1] = two * new - old
            x[c, row, j] = old + relaxation * (new - old)


@kernel
def _vectors_row(w, u, w_ahead, keep, model, row):
    """Step the vectors in a row of pixels, and those where it meets the next."""
    _, _, step, _, _ = model
    channels, width = w.shape[2], w.shape[4]
    half, quarter = w.dtype.type(0.5), w.dtype.type(0.25)
    here, r = row % 3, row + 1
    for place in range(3):
        for j in range(width):
            keep[j] = 0
        for c in range(channels):
            for j in range(1, width - 1):
                if place == 0:
                    down = u[0, c, r, j]
                    right = u[1, c, r, j] + u[1, c, r, j - 1]
                    right = quarter * (right + u[1, c, r + 1, j] + u[1, c, r + 1, j - 1])
                elif place == 1:
                    down = u[0, c, r, j] + u[0, c, r, j + 1]
                    down = quarter * (down + u[0, c, r - 1, j] + u[0, c, r - 1, j + 1])
                    right = u[1, c, r, j]
                else:
                    down = half * (u[0, c, r, j] + u[0, c, r - 1, j])
                    right = half * (u[1, c, r, j] + u[1, c, r, j - 1])
                down = w[place, 0, c, r, j] + step * down
                right = w[place, 1, c, r, j] + step * right
                w_ahead[here, place, 0, c, j], w_ahead[here, place, 1, c, j] = down, right
                keep[j] += down * down + right * right
        _shorten(w, w_ahead, keep, model, row, place)


@kernel
def _shorten(w, w_ahead, keep, model, row, place):
    """Shorten the vectors of one place by `step`, given the squares of their lengths in `keep`."""
    _, _, step, _, relaxation = model
    channels, width = w.shape[2], w.shape[4]
    one, two = w.dtype.type(1), w.dtype.type(2)
    here, r, least = row % 3, row + 1, step * step
    for j in range(1, width - 1):
        keep[j] = one - step / np.sqrt(max(keep[j], least))
    for c in range(channels):
        for i in range(2):
            for j in range(1, width - 1):
                old = w[place, i, c, r, j]
                new = keep[j] * w_ahead[here, place, i, c, j]
                w_ahead[here, place, i, c, j] = two * new - old
                w[place, i, c, r, j] = old + relaxation * (new - old)


@kernel
def _dual_row(u, x_ahead, w_ahead, model, row):
    """Step a row of u, given the extrapolated points of x and w around it."""
    _, _, _, step, relaxation = model
    channels, height, width = u.shape[1], u.shape[2] - 2, u.shape[3]
    half, quarter = u.dtype.type(0.5), u.dtype.type(0.25)
    r, here, there = row + 1, row & 1, 1 - (row & 1)
    above, at, below = (row - 1) % 3, row % 3, (row + 1) % 3
    for c in range(channels):
        if row + 1 < height:
            for j in range(1, width - 1):
                told = w_ahead[at, 1, 0, c, j] + w_ahead[at, 1, 0, c, j - 1]
                told += w_ahead[below, 1, 0, c, j] + w_ahead[below, 1, 0, c, j - 1]
                middle = w_ahead[at, 2, 0, c, j] + w_ahead[below, 2, 0, c, j]
                told = w_ahead[at, 0, 0, c, j] + quarter * told + half * middle
                change = step * (x_ahead[there, c, j] - x_ahead[here, c, j] - told)
                u[0, c, r, j] += relaxation * change
        for j in range(1, width - 2):
            told = w_ahead[at, 0, 1, c, j] + w_ahead[at, 0, 1, c, j + 1]
            told += w_ahead[above, 0, 1, c, j] + w_ahead[above, 0, 1, c, j + 1]
            middle = w_ahead[at, 2, 1, c, j] + w_ahead[at, 2, 1, c, j + 1]
            told = w_ahead[at, 1, 1, c, j] + quarter * told + half * middle
            change = step * (x_ahead[here, c, j + 1] - x_ahead[here, c, j] - told)
            u[1, c, r, j] += relaxation * change


@kernel
def _certify(v, x, w, u):
    """Return the sums from which both objectives follow.

    They are those of the lengths of vectors that explain x, of ``|x - v|^2``, of ``u D v`` and of
    ``|D^T u|^2``.
    """
    channels, height, width = v.shape
    half, quarter = v.dtype.type(0.5), v.dtype.type(0.25)
    squares = np.empty((3, width + 1), v.dtype)
    totals = np.zeros(4)
    for row in range(height):
        r = row + 1
        squares[:] = 0
        distance, product, energy = v.dtype.type(0), v.dtype.type(0), v.dtype.type(0)
        for c in range(channels):
            for j in range(1, width + 1):
                # What the vectors leave of a difference is added where the difference is.
                down, right = w[0, 0, c, r, j], w[1, 1, c, r, j]
                if row + 1 < height:
                    told = w[1, 0, c, r, j] + w[1, 0, c, r, j - 1]
                    told += w[1, 0, c, r + 1, j] + w[1, 0, c, r + 1, j - 1]
                    middle = w[2, 0, c, r, j] + w[2, 0, c, r + 1, j]
                    down = x[c, row + 1, j - 1] - x[c, row, j - 1] - quarter * told - half * middle
                    product += u[0, c, r, j] * (v[c, row + 1, j - 1] - v[c, row, j - 1])
                if j < width:
                    told = w[0, 1, c, r, j] + w[0, 1, c, r, j + 1]
                    told += w[0, 1, c, r - 1, j] + w[0, 1, c, r - 1, j + 1]
                    middle = w[2, 1, c, r, j] + w[2, 1, c, r, j + 1]
                    right = x[c, row, j] - x[c, row, j - 1] - quarter * told - half * middle
                    product += u[1, c, r, j] * (v[c, row, j] - v[c, row, j - 1])
                squares[0, j] += down * down + w[0, 1, c, r, j] * w[0, 1, c, r, j]
                squares[1, j] += w[1, 0, c, r, j] * w[1, 0, c, r, j] + right * right
                squares[2, j] += w[2, 0, c, r, j] * w[2, 0, c, r, j]
                squares[2, j] += w[2, 1, c, r, j] * w[2, 1, c, r, j]
                change = u[0, c, r, j] - u[0, c, r - 1, j] + u[1, c, r, j] - u[1, c, r, j - 1]
                energy += change * change
                change = x[c, row, j - 1] - v[c, row, j - 1]
                distance += change * change
        length = v.dtype.type(0)
        for place in range(3):
            for j in range(1, width + 1):
                length += np.sqrt(squares[place, j])
        totals[0] += length
        totals[1] += distance
        totals[2] += product
        totals[3] += energy
    return totals


@kernel
def _longest(u):
    """Return the greatest square of a length in ``L u``."""
    _, channels, height, width = u.shape
    half, quarter = u.dtype.type(0.5), u.dtype.type(0.25)
    squares = np.empty((3, width), u.dtype)
    longest = 0.0
    for r in range(1, height - 1):
        squares[:] = 0
        for c in range(channels):
            for j in range(1, width - 1):
                down, right = u[0, c, r, j], u[1, c, r, j]
                other = right + u[1, c, r, j - 1] + u[1, c, r + 1, j] + u[1, c, r + 1, j - 1]
                squares[0, j] += down * down + (quarter * other) ** 2
                other = down + u[0, c, r, j + 1] + u[0, c, r - 1, j] + u[0, c, r - 1, j + 1]
                squares[1, j] += (quarter * other) ** 2 + right * right
                squares[2, j] += (half * (down + u[0, c, r - 1, j])) ** 2
                squares[2, j] += (half * (right + u[1, c, r, j - 1])) ** 2
        for place in range(3):
            for j in range(1, width - 1):
                longest = max(longest, squares[place, j])
    return longest
