"""Second-order total generalised variation plus squared distance, on the CPU: see `solve`."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.shared.compiled import kernel

Array = NDArray[np.floating]

STEP = 0.0025
"""Step of the image; that of the dual fields is 1 / (12 STEP), where 12 bounds the squared norm of
the operator. It sets the speed, not the solution."""

RELAXATION = 1.9
CHECK_EVERY = 25
DEPTH = 5
"""Iterations in one sweep over the image; the rows that they work on are to fit into the cache."""

HALF = 0.5**0.5


class State:
    """Image, slopes and dual fields of the iteration, which a later call may start from.

    The fields are (n, C, H, 1 + W), with a column of zeros left of the picture.
    """

    def __init__(self, v: Array) -> None:
        channels, height, width = v.shape
        shape = (channels, height, width + 1)
        self.x = v.copy()
        self.w = np.zeros((2, *shape), v.dtype)  # slopes down and to the right
        self.p = np.zeros((2, *shape), v.dtype)  # dual to grad x - w
        self.s = np.zeros((3, *shape), v.dtype)  # dual to E w: down, right, mixed

    def slopes_dual(self, ratio: float) -> Array:
        """Return ``E^T s``, (2, C, H, W), scaled so that it and s are feasible."""
        s = self.s / np.maximum(_lengths(self.s) / ratio, 1)
        q = np.zeros_like(self.p)
        q[0, :, :-2] -= s[0, :, :-2]
        q[0, :, 1:-1] += s[0, :, :-2]
        q[1, :, :, 1:] += s[1, :, :, :-1] - s[1, :, :, 1:]
        mixed = HALF * s[2]
        q[1, :, 1:, 1:] += mixed[:, :-1, 1:]
        q[1, :, :, 1:] -= mixed[..., 1:]
        q[0, :, :, 1:] += mixed[..., :-1] - mixed[..., 1:]
        return np.asarray(q[..., 1:] / max(1.0, float(_lengths(q).max())))


def solve(
    v: Array,
    radius: float,
    ratio: float,
    state: State,
    *,
    tolerance: float,
    iterations: int,
    report: Callable[[int, Array, float], None],
) -> Array:
    """Minimise ``1/2 |x - v|^2 + radius * (sum of |grad x - w| + ratio * sum of |E w|)`` over x, w.

    E w is the symmetrised gradient of w. All differences are forward ones that end at the border,
    so that a plane costs nothing. The over-relaxed primal-dual iteration of L. Condat: A
    primal-dual splitting method for convex optimization involving Lipschitzian, proximable and
    linear composite terms, Journal of Optimization Theory and Applications 158, 2013.

    Parameters
    ----------
    v : array
        Image (C, H, W), C-contiguous.
    radius, ratio : float
        Weights, > 0.
    state : State
        Where to start; overwritten with where it ended.
    tolerance : float
        Stops at this duality gap, relative to the objective. The dual point is ``E^T s``, scaled
        to be feasible, so that the gap is a true bound.
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
    step = number(STEP)
    model = (number(radius), number(ratio), step, number(1 / (12 * STEP)), number(RELAXATION))
    for iteration in range(CHECK_EVERY, iterations + 1, CHECK_EVERY):
        for _ in range(CHECK_EVERY // DEPTH):
            _iterate(v, state.x, state.w, state.p, state.s, model, DEPTH)
        gap = _relative_gap(v, radius, ratio, state)
        report(iteration, state.x, gap)
        if gap <= tolerance:
            break
    return state.x.copy()


def _relative_gap(v: Array, radius: float, ratio: float, state: State) -> float:
    """Return (primal - dual objective) / primal, both divided by the radius."""
    sums = _certify(v, state.x, state.w, state.s, v.dtype.type(ratio))
    length, curvature, distance, product, squares, longest = sums
    primal = length + ratio * curvature + distance / (2 * radius)
    scale = 1 / max(1.0, longest**0.5)
    dual = scale * product - radius / 2 * scale**2 * squares
    # Where nothing is left to gain, both objectives are rounding errors.
    return float((primal - dual) / max(primal, float(np.finfo(v.dtype).eps) * v.size))


def _lengths(field: Array) -> Array:
    return np.sqrt((field**2).sum((0, 1)))


# No views of rows in the kernels: making one costs as much as processing 100 pixels.


@kernel
def _iterate(v, x, w, p, s, model, count):
    """Do `count` iterations in place: primal row by row, the dual rows one behind.

    An iteration follows the one before it at a distance of two rows, while they are in the cache.
    """
    channels, height, width = v.shape
    x_ahead = np.zeros((count, 2, channels, width + 1), v.dtype)
    w_ahead = np.zeros((count, 2, 2, channels, width + 1), v.dtype)
    scale = np.empty((2, width), v.dtype)
    news = np.zeros((5, channels, width), v.dtype)
    # Whether a pixel has as many neighbours on its right.
    one, two = np.zeros(width, v.dtype), np.zeros(width, v.dtype)
    one[: max(width - 1, 0)] = 1
    two[: max(width - 2, 0)] = 1
    for step in range(height + 2 * count - 1):
        for k in range(count):
            row = step - 2 * k
            if 0 <= row < height:
                if channels == 1:
                    _primal_gray_row(v, x, w, p, s, x_ahead[k], w_ahead[k], one, model, row)
                else:
                    for c in range(channels):
                        _primal_row(v, x, w, p, s, x_ahead[k], w_ahead[k], model, c, row)
            if 0 < row <= height:
                if channels == 1:
                    _dual_gray_row(p, s, x_ahead[k], w_ahead[k], one, two, model, row - 1)
                else:
                    _dual_row(p, s, x_ahead[k], w_ahead[k], news, scale, model, row - 1)


@kernel
def _primal_gray_row(v, x, w, p, s, x_ahead, w_ahead, one_right, model, row):
    """Do what `_primal_row` does, for one channel: in one pass."""
    radius, _, step, _, relaxation = model
    _, height, width = v.shape
    here, above = np.uint64(row & 1), np.uint64(max(row - 1, 0))
    one, zero = v.dtype.type(1), v.dtype.type(0)
    half, two = v.dtype.type(HALF), v.dtype.type(2)
    from_above = one if row else zero
    keep = one / (one + step / radius)
    pull = step / radius
    inside = zero if row == height - 1 else one
    r, i = np.uint64(row), np.uint64(1)
    for j in range(np.uint64(width)):
        change = p[0, 0, r, j + i] - from_above * p[0, 0, above, j + i]
        change += p[1, 0, r, j + i] - p[1, 0, r, j]
        old = x[0, r, j]
        new = keep * (old + step * change + pull * v[0, r, j])
        x_ahead[here, 0, j] = two * new - old
        x[0, r, j] = old + relaxation * (new - old)
    for j in range(np.uint64(width)):
        change = p[0, 0, r, j + i] + half * (s[2, 0, r, j + i] - s[2, 0, r, j])
        change += s[0, 0, r, j + i] - from_above * s[0, 0, above, j + i]
        old = w[0, 0, r, j + i]
        new = inside * (old + step * change)
        w_ahead[here, 0, 0, j] = two * new - old
        w[0, 0, r, j + i] = old + relaxation * (new - old)
        change = p[1, 0, r, j + i] + half * (s[2, 0, r, j + i] - from_above * s[2, 0, above, j + i])
        change += s[1, 0, r, j + i] - s[1, 0, r, j]
        old = w[1, 0, r, j + i]
        new = one_right[j] * (old + step * change)
        w_ahead[here, 1, 0, j] = two * new - old
        w[1, 0, r, j + i] = old + relaxation * (new - old)


@kernel
def _dual_gray_row(p, s, x_ahead, w_ahead, one_right, two_right, model, row):
    """Do what `_dual_row` does, for one channel: in one pass."""
    _, ratio, _, step, relaxation = model
    _, _, height, width = p.shape
    here, there = np.uint64(row & 1), np.uint64(1 - (row & 1))
    one, zero, half = p.dtype.type(1), p.dtype.type(0), p.dtype.type(HALF)
    down = step if row + 1 < height else zero
    far_down = step if row + 2 < height else zero
    r, i = np.uint64(row), np.uint64(1)
    for j in range(np.uint64(width - 1)):
        x, w0, w1 = x_ahead[here, 0, j], w_ahead[here, 0, 0, j], w_ahead[here, 1, 0, j]
        p0, p1 = p[0, 0, r, j + i], p[1, 0, r, j + i]
        new0 = p0 + down * (x_ahead[there, 0, j] - x - w0)
        new1 = p1 + step * one_right[j] * (x_ahead[here, 0, j + i] - x - w1)
        scale = relaxation / np.sqrt(max(new0 * new0 + new1 * new1, one))
        p[0, 0, r, j + i] = p0 + (new0 * scale - relaxation * p0)
        p[1, 0, r, j + i] = p1 + (new1 * scale - relaxation * p1)
    for j in range(np.uint64(width - 1)):
        w0, w1 = w_ahead[here, 0, 0, j], w_ahead[here, 1, 0, j]
        s0, s1, s2 = s[0, 0, r, j + i], s[1, 0, r, j + i], s[2, 0, r, j + i]
        mixed = w_ahead[there, 1, 0, j] - w1 + w_ahead[here, 0, 0, j + i] - w0
        new0 = s0 + far_down * (w_ahead[there, 0, 0, j] - w0)
        new1 = s1 + step * two_right[j] * (w_ahead[here, 1, 0, j + i] - w1)
        new2 = s2 + down * one_right[j] * half * mixed
        squares = new0 * new0 + new1 * new1 + new2 * new2
        scale = relaxation * ratio / np.sqrt(max(squares, ratio * ratio))
        s[0, 0, r, j + i] = s0 + (new0 * scale - relaxation * s0)
        s[1, 0, r, j + i] = s1 + (new1 * scale - relaxation * s1)
        s[2, 0, r, j + i] = s2 + (new2 * scale - relaxation * s2)


@kernel
def _primal_row(v, x, w, p, s, x_ahead, w_ahead, model, c, row):
    """Step x and w; leave the extrapolated points in ``x_ahead[row & 1]``, ``w_ahead[row & 1]``."""
    radius, _, step, _, relaxation = model
    _, height, width = v.shape
    here, above = row & 1, max(row - 1, 0)
    one, zero = v.dtype.type(1), v.dtype.type(0)
    half, two = v.dtype.type(HALF), v.dtype.type(2)
    from_above = one if row else zero
    keep = one / (one + step / radius)
    inside = zero if row == height - 1 else one
    for j in range(width):
        divergence = p[0, c, row, j + 1] - from_above * p[0, c, above, j + 1]
        divergence += p[1, c, row, j + 1] - p[1, c, row, j]
        old = x[c, row, j]
        new = keep * (old + step * (divergence + v[c, row, j] / radius))
        x_ahead[here, c, j] = two * new - old
        x[c, row, j] = old + relaxation * (new - old)
    for j in range(width):
        mixed = s[2, c, row, j + 1] - s[2, c, row, j]
        change = p[0, c, row, j + 1] + half * mixed
        change += s[0, c, row, j + 1] - from_above * s[0, c, above, j + 1]
        old = w[0, c, row, j + 1]
        new = inside * (old + step * change)
        w_ahead[here, 0, c, j] = two * new - old
        w[0, c, row, j + 1] = old + relaxation * (new - old)
    for j in range(width - 1):
        mixed = s[2, c, row, j + 1] - from_above * s[2, c, above, j + 1]
        change = p[1, c, row, j + 1] + half * mixed
        change += s[1, c, row, j + 1] - s[1, c, row, j]
        old = w[1, c, row, j + 1]
        new = old + step * change
        w_ahead[here, 1, c, j] = two * new - old
        w[1, c, row, j + 1] = old + relaxation * (new - old)


@kernel
def _dual_row(p, s, x_ahead, w_ahead, news, scale, model, row):
    """Step p and s on a row, given that row and the next one of the extrapolated points."""
    _, ratio, _, step, relaxation = model
    _, channels, height, width = p.shape
    width -= 1
    here, there = row & 1, 1 - (row & 1)
    one, half = p.dtype.type(1), p.dtype.type(HALF)
    news[:] = 0
    for j in range(width):
        scale[0, j] = 0
        scale[1, j] = 0
    for c in range(channels):
        if row + 1 < height:
            for j in range(width):
                slope = x_ahead[there, c, j] - x_ahead[here, c, j] - w_ahead[here, 0, c, j]
                news[0, c, j] = p[0, c, row, j + 1] + step * slope
        for j in range(width - 1):
            slope = x_ahead[here, c, j + 1] - x_ahead[here, c, j] - w_ahead[here, 1, c, j]
            news[1, c, j] = p[1, c, row, j + 1] + step * slope
        if row + 2 < height:
            for j in range(width):
                curve = w_ahead[there, 0, c, j] - w_ahead[here, 0, c, j]
                news[2, c, j] = s[0, c, row, j + 1] + step * curve
        for j in range(width - 2):
            curve = w_ahead[here, 1, c, j + 1] - w_ahead[here, 1, c, j]
            news[3, c, j] = s[1, c, row, j + 1] + step * curve
        if row + 1 < height:
            for j in range(width - 1):
                curve = w_ahead[there, 1, c, j] - w_ahead[here, 1, c, j]
                curve += w_ahead[here, 0, c, j + 1] - w_ahead[here, 0, c, j]
                news[4, c, j] = s[2, c, row, j + 1] + step * half * curve
        for j in range(width):
            scale[0, j] += news[0, c, j] * news[0, c, j] + news[1, c, j] * news[1, c, j]
            second = news[2, c, j] * news[2, c, j] + news[3, c, j] * news[3, c, j]
            scale[1, j] += second + news[4, c, j] * news[4, c, j]
    for j in range(width):
        scale[0, j] = one / np.sqrt(max(scale[0, j], one))
        scale[1, j] = ratio / np.sqrt(max(scale[1, j], ratio * ratio))
    for c in range(channels):
        for i in range(2):
            for j in range(width):
                change = news[i, c, j] * scale[0, j] - p[i, c, row, j + 1]
                p[i, c, row, j + 1] += relaxation * change
        for i in range(3):
            for j in range(width):
                change = news[2 + i, c, j] * scale[1, j] - s[i, c, row, j + 1]
                s[i, c, row, j + 1] += relaxation * change


@kernel
def _certify(v, x, w, s, ratio):
    """Return the sums from which both objectives follow.

    They are those of ``|grad x - w|``, of ``|E w|``, of ``|x - v|^2``, and with ``q = E^T s`` as
    in `State.slopes_dual`, but not yet scaled, of ``v D^T q`` and ``|D^T q|^2``; the last is the
    greatest ``|q|^2``.
    """
    channels, height, width = v.shape
    zero, one, half = v.dtype.type(0), v.dtype.type(1), v.dtype.type(HALF)
    feasible = np.zeros((2, 3, channels, width + 1), v.dtype)  # rows of s, cut to its bound
    q = np.zeros((2, 2, channels, width + 1), v.dtype)
    squares = np.empty((4, width), v.dtype)
    scale = np.empty(width, v.dtype)
    totals = np.zeros(6)
    for row in range(height):
        here, there = row & 1, 1 - (row & 1)
        below, far = min(row + 1, height - 1), min(row + 2, height - 1)
        down, far_down = (one if below > row else zero), (one if far > row + 1 else zero)
        squares[:] = 0
        distance, product, energy = zero, zero, zero
        for c in range(channels):
            for j in range(width):
                across = v.dtype.type(j + 1 < width)
                beside, next_one = min(j + 1, width - 1), min(j + 2, width)
                w0, w1 = w[0, c, row, j + 1], w[1, c, row, j + 1]
                value = x[c, row, j]
                slope = down * (x[c, below, j] - value) - w0
                other = x[c, row, beside] - value - w1
                squares[0, j] += slope * slope + other * other
                curve = far_down * (w[0, c, below, j + 1] - w0)
                bend = v.dtype.type(j + 2 < width) * (w[1, c, row, next_one] - w1)
                mixed = w[1, c, below, j + 1] - w1 + w[0, c, row, next_one] - w0
                mixed *= half * down * across
                squares[1, j] += curve * curve + bend * bend + mixed * mixed
                distance += (value - v[c, row, j]) * (value - v[c, row, j])
            for i in range(3):
                for j in range(width):
                    squares[2, j] += s[i, c, row, j + 1] * s[i, c, row, j + 1]
        for j in range(width):
            scale[j] = ratio / np.sqrt(max(squares[2, j], ratio * ratio))
        for c in range(channels):
            for i in range(3):
                for j in range(width):
                    feasible[here, i, c, j + 1] = scale[j] * s[i, c, row, j + 1]
            for j in range(width):
                flat = feasible[here, 2, c, j] - feasible[here, 2, c, j + 1]
                steep = feasible[there, 2, c, j + 1] - feasible[here, 2, c, j + 1]
                q0 = feasible[there, 0, c, j + 1] - feasible[here, 0, c, j + 1] + half * flat
                q1 = feasible[here, 1, c, j] - feasible[here, 1, c, j + 1] + half * steep
                q[here, 0, c, j + 1], q[here, 1, c, j + 1] = q0, q1
                squares[3, j] += q0 * q0 + q1 * q1
            for j in range(width):
                back = q[there, 0, c, j + 1] - q[here, 0, c, j + 1]
                back += q[here, 1, c, j] - q[here, 1, c, j + 1]
                product += v[c, row, j] * back
                energy += back * back
        length, curvature, longest = zero, zero, zero
        for j in range(width):
            length += np.sqrt(squares[0, j])
            curvature += np.sqrt(squares[1, j])
            longest = max(longest, squares[3, j])
        totals[0] += length
        totals[1] += curvature
        totals[2] += distance
        totals[3] += product
        totals[4] += energy
        totals[5] = max(totals[5], longest)
    return totals
