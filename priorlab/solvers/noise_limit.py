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

from priorlab.forward.measurement import Measurement
from priorlab.forward.real_noise import WHITE

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
        return v + change * _share(change, sigma, torch.ones_like(v[:1]))

    return denoised


def within_noise(image: Tensor, measurement: Measurement) -> Tensor:
    """Return images (B, C, H, W) of which a part of the change is taken back, as by `limited`.

    For what is restored otherwise than by a denoiser of white noise: such methods have no level of
    noise to go by, or fit no picture as closely as weak noise asks for, and would leave a picture
    that has little noise worse than it is. It is done where the noise is white, or becomes so by a
    transform, and at the pixels that were measured. The images themselves from other measurements.

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.noise import Gaussian
    >>> from priorlab.forward.operators import Identity
    >>> stripes = torch.tensor([0.25, 0.75]).repeat(1, 1, 16, 8)
    >>> measurement = Measurement(stripes, Identity(), Gaussian(0.1), (1, 1, 16, 16))
    >>> within_noise(torch.full_like(stripes, 0.5), measurement)[0, 0, 8, 8].round(decimals=2)
    tensor(0.3000)
    """
    y, noise, operator = measurement.y, measurement.noise, measurement.operator
    if operator.is_identity:
        known = torch.ones_like(y[:1])
    elif operator.known_pixels is not None and noise.is_gaussian:
        known = operator.known_pixels.expand_as(y[:1]).to(y)
    else:
        return image
    if noise.is_exact:
        return image
    parts = [(slice(None), noise)] if noise.is_gaussian else noise.parts(y.shape[1])
    restored = image.clone()
    for channels, one in parts:
        data, part, seen = y[:, channels], image[:, channels], known[:, channels]
        stable = one.stabiliser()
        if one.is_gaussian:
            share = _share(part - data, one.level, seen)
        elif stable and stable.fine >= WHITE:
            share = _share(stable.forward(part) - stable.forward(data), stable.sigma, seen)
        else:
            continue
        restored[:, channels] = part + seen * (1 - share) * (data - part)
    return restored


def _share(change: Tensor, sigma: float, known: Tensor) -> Tensor:
    """Return the share of a change (B, C, H, W) that is made at each pixel: (B, 1, H, W)."""
    square, values = _in_windows(change, known)
    most = sigma**2 * (1 + BY_CHANCE * (2 / values).sqrt())
    return most / square.maximum(most)


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


def _in_windows(x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean square of the known values (1, C, H, W) of each window (B, 1, H, W), cut at
    the border, and their number; 1 where nothing is known."""
    square, values = ((x.square() * known).sum(1, keepdim=True), known.sum(1, keepdim=True))
    for axis in (2, 3):  # rows and columns one after the other: a tenth of the work
        radius = min(RADIUS, x.shape[axis] - 1)
        size, pad = [1, 1], [0, 0]
        size[axis - 2], pad[axis - 2] = 2 * radius + 1, radius
        square, values = (
            avg_pool2d(each, size, 1, pad, divisor_override=1) for each in (square, values)
        )
    values = values.clamp_min(1)
    return square / values, values
