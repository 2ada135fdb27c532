"""Noise that was cut off at black and white made both grayer: what was restored is shifted back.

A black sky with noise has none below black, so that its mean is brighter: by 0.4 of the noise's
deviation. What a prior restores is that mean (A. Foi: Clipped noisy images: heteroskedastic
modeling and practical denoising, Signal Processing 89(12), 2009).
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise

FARTHEST, STEP = 4.0, 1 / 4096
"""Noise hardly reaches black from values that are so many deviations brighter; what is nearer is
looked up in steps."""

BAND = 64
"""Rows that are treated at once."""

EVEN = 0.01
"""An even picture stays even if its data differ by less from it, where white is 1."""

REACH = 4
"""How much was cut off is seen in a window that reaches so far to each side."""


def shifted_back(image: Tensor, measurement: Measurement, rounding: float = 0.0) -> Tensor:
    """Return images (B, C, H, W) of which black and white are as before their noise was cut off.

    Only as far as so many of the data are black or white as that asks for: noise may be cut off
    elsewhere, as by a frame that was put around the picture, or not be there in its lights.
    Of data that were blurred or made small before, what these are too bright is seen in them, and
    taken from the image at the same place. The images themselves of data that go beyond black and
    white, or of an operator that changes the brightness of an even picture, as a mask does, and of
    other noise than such as is Gaussian at each pixel.

    Parameters
    ----------
    image : Tensor
        What a prior restored, in [0, 1].
    measurement : Measurement
        Its data and their noise.
    rounding : float
        The difference of neighbouring values that data can have.

    Examples
    --------
    >>> from priorlab.forward.noise import Gaussian
    >>> from priorlab.forward.operators import Identity
    >>> generator = torch.Generator().manual_seed(0)
    >>> y = (0.1 * torch.randn(1, 1, 64, 64, generator=generator)).clamp(0, 1)
    >>> sky = Measurement(y, Identity(), Gaussian(0.1), y.shape)
    >>> image = torch.full_like(y, y.mean())
    >>> round(float(image.mean()), 2), round(float(shifted_back(image, sky).mean()), 2)
    (0.04, 0.0)
    """
    y, noise = measurement.y, measurement.noise
    gaussian = noise.is_gaussian or (noise.stabiliser() is not None and not noise.counts_light)
    if noise.is_exact or not gaussian or y.is_complex():
        return image
    if bool((y < 0).any()) or bool((y > 1).any()):
        return image
    if measurement.operator.is_identity:
        return (image - _too_bright(image, y, noise, rounding / 2)).clamp(0, 1)
    operator, shape = measurement.operator, measurement.shape
    even = operator.forward(torch.ones(shape).to(image))
    if even.ndim != image.ndim or not bool(((even - 1).abs() < EVEN).all()):
        return image
    if not bool((y <= rounding / 2).any()) and not bool((y >= 1 - rounding / 2).any()):
        return image
    # What lies beyond the picture's frame is not in the image.
    whole = image if image.shape == shape else operator.initial_guess(image, shape)
    shift = _too_bright(operator.forward(whole), y, noise, rounding / 2)
    return (image - operator.frame(operator.initial_guess(shift, shape))).clamp(0, 1)


def _too_bright(mean: Tensor, y: Tensor, noise: Noise, edge: float) -> Tensor:
    """Return by how much the means (B, C, H, W) of data that were cut off are too bright.

    Parameters
    ----------
    mean : Tensor
        The data without noise, as they seem to be.
    y : Tensor
        The data.
    noise : Noise
        What was cut off of them.
    edge : float
        Data count as cut off that are so close to black or white.
    """
    shift, sigma = torch.zeros_like(mean), noise.variance(mean).sqrt().clamp_min(1e-9)
    for channel in range(mean.shape[1]):  # one by one: large pictures take much memory
        part = slice(channel, channel + 1)
        one, data, level = mean[:, part], y[:, part], sigma[:, part]
        for from_end, cut, sign in ((one, data <= edge, 1), (1 - one, data >= 1 - edge, -1)):
            if not bool(cut.any()):
                continue
            rows, columns = _around_all(cut)
            for top in range(rows.start, min(rows.stop, cut.shape[-2]), BAND):
                # In bands, which stay in the cache, with the windows around them.
                first, last = max(0, top - REACH), top + BAND + REACH
                at = (..., slice(first, last), columns)
                seen = _seen_shift(from_end[at], cut[at], level[at])[..., top - first :, :]
                seen = seen[..., : min(BAND, rows.stop - top), :]
                shift[:, part, top : top + seen.shape[-2], columns] += sign * seen
    return shift


def _around_all(cut: Tensor) -> tuple[slice, slice]:
    """Return the rows and columns that hold all that was cut off, and the windows around it."""
    rows, columns = (cut.any(axis).nonzero()[:, -1] for axis in (-1, -2))
    return (
        slice(max(0, int(rows.min()) - 2 * REACH), int(rows.max()) + 2 * REACH + 1),
        slice(max(0, int(columns.min()) - 2 * REACH), int(columns.max()) + 2 * REACH + 1),
    )


def _seen_shift(from_end: Tensor, cut: Tensor, sigma: Tensor) -> Tensor:
    """Return by how much values are too far from an end, as far as the data that it cut off show.

    Parameters
    ----------
    from_end : Tensor
        How far the restored values are from black, or from white.
    cut : Tensor of bool
        Which of the data lie there.
    sigma : Tensor
        The standard deviation of the noise.
    """
    # Looked up instead of computed: large pictures would take half a minute.
    shifts, chances = _tables()
    at = (from_end / sigma).mul_(1 / STEP).add_(0.5).clamp_(0, len(shifts) - 1).int()
    shift = shifts.to(sigma)[at].mul_(sigma)
    share = _around(cut.to(from_end)) / _around(chances.to(sigma)[at]).clamp_min_(1e-6)
    return shift.mul_(share.clamp_(0, 1))


@functools.cache
def _tables() -> tuple[Tensor, Tensor]:
    """Return by how much the mean of noise of deviation 1 that is cut off is above black too much,
    and the chance that it is cut off, at means `STEP` apart; the last is for all that are farther.
    """
    value = np.linspace(0, FARTHEST, 1024)
    below = np.array([math.erfc(one / 2**0.5) / 2 for one in value])
    means = np.exp(-(value**2) / 2) / np.sqrt(2 * np.pi) + value * (1 - below)
    mean = np.arange(0, FARTHEST, STEP)
    shift = np.minimum(np.interp(mean, means, means - value), mean)
    chance = np.interp(mean - shift, value, below)
    shift, chance = (np.append(table, 0.0).astype(np.float32) for table in (shift, chance))
    return torch.from_numpy(shift), torch.from_numpy(chance)


def _around(values: Tensor) -> Tensor:
    """Return the means of windows, continued at the border by its values."""
    height, width = values.shape[-2:]
    rows, columns = min(REACH, height - 1), min(REACH, width - 1)
    padded = pad(values, (columns, columns, rows, rows), mode="replicate")
    # Rows and columns one after the other, in sums of slices: a tenth of the work of pooling.
    return _sums(_sums(padded, -2, rows), -1, columns).div_((2 * rows + 1) * (2 * columns + 1))


def _sums(values: Tensor, dim: int, reach: int) -> Tensor:
    """Return the sums of all ``2 reach + 1`` neighbours along a dimension, which gets shorter."""
    length = values.shape[dim] - 2 * reach
    total = values.narrow(dim, 0, length).clone()
    for first in range(1, 2 * reach + 1):
        total += values.narrow(dim, first, length)
    return total
