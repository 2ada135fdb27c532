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
    for iteration in range(1, iterations + 1):
        _iterate(v, state.x, state.w, state.p, state.s, model)
        if iteration % CHECK_EVERY == 0:
            gap = _relative_gap(v, radius, ratio, state)
            report(iteration, state.x, gap)
            if gap <= tolerance:
                break
    return state.x.copy()


def gradient(x: Array) -> Array:
    """Return the forward differences (2, C, H, W), zero across the border."""
    result = np.zeros((2, *x.shape), x.dtype)
    result[0, :, :-1] = np.diff(x, axis=1)
    result[1, :, :, :-1] = np.diff(x, axis=2)
    return result


def _relative_gap(v: Array, radius: float, ratio: float, state: State) -> float:
    """Return (primal - dual objective) / primal, both divided by the radius."""
    w = state.w[..., 1:]
    second = np.zeros((3, *v.shape), v.dtype)
    second[0, :, :-2] = np.diff(w[0], axis=1)[:, :-1]
    second[1, :, :, :-2] = np.diff(w[1], axis=2)[:, :, :-1]
    second[2, :, :-1, :-1] = HALF * (
        np.diff(w[1], axis=1)[:, :, :-1] + np.diff(w[0], axis=2)[:, :-1]
    )
    primal = _total(_lengths(gradient(state.x) - w)) + ratio * _total(_lengths(second))
    primal += _total((state.x - v) ** 2) / (2 * radius)
    q = state.slopes_dual(ratio)
    # D^T q, the adjoint of the gradient.
    back = -q[0] - q[1]
    back[:, 1:] += q[0, :, :-1]
    back[:, :, 1:] += q[1, :, :, :-1]
    dual = _total(v * back) - radius / 2 * _total(back**2)
    # Where nothing is left to gain, both objectives are rounding errors.
    return (primal - dual) / max(primal, float(np.finfo(v.dtype).eps) * v.size)


def _lengths(field: Array) -> Array:
    return np.sqrt((field**2).sum((0, 1)))


def _total(values: Array) -> float:
    return float(values.sum(dtype=np.float64))


# No views of rows in the kernels: making one costs as much as processing 100 pixels.


@kernel
def _iterate(v, x, w, p, s, model):
    """Do one iteration in place: primal row by row, the dual rows one behind."""
    channels, height, width = v.shape
    x_ahead = np.zeros((2, channels, width + 1), v.dtype)
    w_ahead = np.zeros((2, 2, channels, width + 1), v.dtype)
    scale = np.empty((2, width), v.dtype)
    for row in range(height + 1):
        if row < height:
            for c in range(channels):
                _primal_row(v, x, w, p, s, x_ahead, w_ahead, model, c, row)
        if row:
            _dual_row(p, s, x_ahead, w_ahead, scale, model, row - 1)


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
def _dual_row(p, s, x_ahead, w_ahead, scale, model, row):
    """Step p and s on a row, given that row and the next one of the extrapolated points."""
    _, ratio, _, step, relaxation = model
    _, channels, height, width = p.shape
    width -= 1
    here, there = row & 1, 1 - (row & 1)
    one, half = p.dtype.type(1), p.dtype.type(HALF)
    news = np.zeros((5, channels, width), p.dtype)
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
