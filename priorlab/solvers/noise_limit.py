"""No more is removed than the noise: what varies by more, a denoiser took for noise and is texture.

A denoiser removes what is unlike the pictures that it knows, however much that is: of fine print or
cloth it may take more than there is noise, and leave a picture worse than the noisy one. How much
it took is seen; how much noise there is is known, unless it was estimated from the picture.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

RADIUS = 7
"""The variance of what was removed is that in a window that reaches so far to each side."""

BY_CHANCE = 3.0
"""How far the variance of noise in a window exceeds its mean by chance, in standard deviations."""

IMPOSSIBLE = 5.0
"""Noise is not so strong, in standard deviations, but in one of 1.7 million values."""

Denoise = Callable[[Tensor, float], Tensor]
"""Maps an image (B, C, H, W) and the level of its white noise to the image without that noise."""


def limited(denoise: Denoise) -> Denoise:
    """Return a denoiser that takes a part of its change back where that is more than noise.

    Where the mean square m of the change exceeds the variance s^2 of the noise by more than chance,
    about the share ``s^2 / m`` of the change is made. If the error of the denoiser is independent
    of the noise, no share is better, and what remains is less than the noise (W. James, C. Stein:
    Estimation with quadratic loss, Berkeley Symposium 1961; here towards the denoised image).

    Examples
    --------
    >>> import torch
    >>> def gray(v, sigma):
    ...     return 0 * v + 0.5
    >>> stripes = torch.tensor([0.25, 0.75]).repeat(1, 1, 16, 8)
    >>> limited(gray)(stripes, 0.1)[0, 0, 8, 8].round(decimals=2)
    tensor(0.3000)
    """

    def denoised(v: Tensor, sigma: float) -> Tensor:
        if not sigma:
            return denoise(v, sigma)
        change = denoise(v, sigma) - v
        square, values = _in_windows(change)
        most = sigma**2 * (1 + BY_CHANCE * (2 / values).sqrt())
        return v + change * most / square.maximum(most)

    return denoised


def keeping_points(denoise: Denoise) -> Denoise:
    """Return a denoiser that leaves the pixels alone that it would change by more than noise can.

    Most denoisers remove single points of light on black, and with them what light there is.

    Examples
    --------
    >>> import torch
    >>> def black(v, sigma):
    ...     return torch.zeros_like(v)
    >>> keeping_points(black)(torch.tensor([[[[0.04, -0.03, 0.8]]]]), 0.02)
    tensor([[[[0.0000, 0.0000, 0.8000]]]])
    """

    def denoised(v: Tensor, sigma: float) -> Tensor:
        image = denoise(v, sigma)
        far = (image - v).abs().amax(1, keepdim=True) > IMPOSSIBLE * sigma
        return torch.where(far, v, image)

    return denoised


def _in_windows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean square of each window (B, 1, H, W), cut at the border, and its values."""
    square, channels = x.square().mean(1, keepdim=True), x.shape[1]
    values = x.new_full((1, 1, 1, 1), channels)
    for axis in (2, 3):  # rows and columns one after the other: a tenth of the work
        radius = min(RADIUS, x.shape[axis] - 1)
        size, pad = [1, 1], [0, 0]
        size[axis - 2], pad[axis - 2] = 2 * radius + 1, radius
        square = avg_pool2d(square, size, 1, pad, count_include_pad=False)
        line = torch.ones_like(square[:1, :, :1] if axis == 3 else square[:1, :, :, :1])
        values = values * avg_pool2d(line, size, 1, pad) * (2 * radius + 1)
    return square, values
