"""Compiled loops of `rof`: iterations and the duality gap, on a band of rows."""

import numpy as np

from priorlab_handcrafted.shared.compiled import kernel

# No views of rows in the kernels: making one costs as much as processing 100 pixels.


@kernel
def sweep(v, x, p, q, top, bottom, radius, huber, anisotropic, stride, momenta, afresh):
    """Do one iteration for each momentum on a band; write its rows of x.

    Return its part of the duality gap and the objective. Whether to begin `afresh` at p and not
    at q, the point extrapolated from it.
    """
    if afresh:
        q[:] = p
    first = top - (len(momenta) + 1)
    _advance(v, p, q, first, top, bottom, radius, huber, anisotropic, stride, momenta)
    return _certify(v, x, p, first, top, bottom, radius, huber, anisotropic)


@kernel
def exchange(p, q, p_below, q_below, margin):
    """Copy to the margins of a band, and of the one below it, what the other has computed."""
    for upper, lower in ((p, p_below), (q, q_below)):
        rows = upper.shape[2]
        lower[:, :, :margin] = upper[:, :, rows - 2 * margin : rows - margin]
        upper[:, :, rows - margin :] = lower[:, :, margin : 2 * margin]


@kernel
def _advance(v, p, q, first, top, bottom, radius, huber, anisotropic, stride, momenta):
    """Do one iteration for each momentum on a band.

    Row r depends on rows r - 1 to r + 1 of the iteration before. So an iteration follows the one
    before it at a distance of one row, while the rows are in the cache; and it begins with all
    the rows that the band has but one and does one less at each end than the one before. After the
    last one p is as it should be from row ``top - 1`` to `bottom`.
    """
    channels, height, width = v.shape
    count = len(momenta)
    shrink = v.dtype.type(1) / (v.dtype.type(1) + stride * huber)
    x = np.empty((count, 2, channels, width + 1), v.dtype)
    scale = np.empty((2, width), v.dtype)
    for step in range(max(0, top - count - 1), min(height, bottom + count) + count):
        for k in range(count):
            low, high = max(0, top - (count - k)), min(height, bottom + (count - k))
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
def _certify(v, x, p, first, top, bottom, radius, huber, anisotropic):
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
