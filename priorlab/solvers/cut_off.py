"""Noise that was cut off at black and white made both grayer: what was restored is shifted back.

A black sky with noise has none below black, so that its mean is brighter: by 0.4 of the noise's
deviation. What a prior restores is that mean (A. Foi: Clipped noisy images: heteroskedastic
modeling and practical denoising, Signal Processing 89(12), 2009).
"""

from __future__ import annotations

import numpy as np
import scipy
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from priorlab.forward.measurement import Measurement

FARTHEST, STEP = 4.0, 1 / 64
"""Noise hardly reaches black from values that are so many deviations brighter."""

REACH = 4
"""How much was cut off is seen in a window that reaches so far to each side."""


def shifted_back(image: Tensor, measurement: Measurement, rounding: float = 0.0) -> Tensor:
    """Return images (B, C, H, W) of which black and white are as before their noise was cut off.

    Only as far as so many of the data are black or white as that asks for: noise may be cut off
    elsewhere, as by a frame that was put around the picture, or not be there in its lights.
    The images themselves of data that go beyond black and white, or were blurred, say, before, and
    of other noise than such as is Gaussian at each pixel.

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
    if noise.is_exact or not gaussian or not measurement.operator.is_identity:
        return image
    if bool((y < 0).any()) or bool((y > 1).any()):
        return image
    edge, shifted = rounding / 2, image.clone()
    sigma = noise.variance(image).sqrt().clamp_min(1e-9)
    for channel in range(image.shape[1]):  # one by one: large pictures take much memory
        part = slice(channel, channel + 1)
        one, data, level = image[:, part], y[:, part], sigma[:, part]
        for from_end, cut, sign in ((one, data <= edge, 1), (1 - one, data >= 1 - edge, -1)):
            if bool(cut.any()):
                at = (..., *_around_all(cut))
                shifted[:, part][at] -= sign * _seen_shift(from_end[at], cut[at], level[at])
    return shifted.clamp(0, 1)


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
    near = from_end < FARTHEST * sigma
    shift, expected = torch.zeros_like(from_end), torch.zeros_like(from_end)
    shift[near] = sigma[near] * _shift(from_end[near] / sigma[near])
    expected[near] = torch.special.ndtr(-(from_end[near] - shift[near]) / sigma[near])
    share = _around(cut.to(from_end)) / _around(expected).clamp_min(1e-6)
    return shift * share.clamp(0, 1)


def _shift(mean: Tensor) -> Tensor:
    """Return what is above black too much, of the mean of noise of deviation 1 that is cut off."""
    value = np.arange(0, FARTHEST, STEP)
    normal = np.exp(-(value**2) / 2) / np.sqrt(2 * np.pi)
    means = normal + value * scipy.special.ndtr(value)
    at = mean.detach().cpu().double().numpy()
    known = np.interp(at, means, means - value, right=0.0)
    return torch.from_numpy(np.minimum(known, at)).to(mean)


def _around(values: Tensor) -> Tensor:
    """Return the means of windows, continued at the border by its values."""
    height, width = values.shape[-2:]
    rows, columns = min(REACH, height - 1), min(REACH, width - 1)
    padded = pad(values, (columns, columns, rows, rows), mode="replicate")
    # Rows and columns one after the other: a quarter of the work.
    return avg_pool2d(avg_pool2d(padded, (2 * rows + 1, 1), 1), (1, 2 * columns + 1), 1)
