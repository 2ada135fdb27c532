"""Denoise noise that is not white Gaussian with a method that expects it to be.

The data are transformed so that the noise has one level, and channels whose levels lie far apart
are taken one by one. Noise that is not white is removed from coarse to fine: at half the size it
is nearly white, and there its slow part, which a denoiser of white noise takes for the image, is
as strong as the rest (M. Lebrun, M. Colom, J.-M. Morel: Multiscale image blind denoising, IEEE
Transactions on Image Processing 24(10), 2015). Colours begin at a quarter of the size: cameras
smooth them more, and files hold them at half the resolution.

No transform makes few counts Gaussian. Data that are mixed with an estimate have more of them, for
the next and better estimate (L. Azzari, A. Foi: Variance stabilization for noisy+estimate
combination in iterative Poisson denoising, IEEE Signal Processing Letters 23(8), 2016).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise, Stabiliser
from priorlab.forward.real_noise import WHITE
from priorlab.solvers.noise_limit import keeping_points

Denoise = Callable[[Tensor, float], Tensor]
"""Maps an image (B, C, H, W) and the level of its white noise to the image without that noise."""

MOST_LIGHT = 2.0
"""Largest factor by which an image is brightened: of what is darker, its few bright spots would
become lamps."""

LEAST_SIDE = 32
"""Smaller images are not halved."""


@torch.no_grad()
def denoise(
    white: Denoise, y: Tensor, noise: Noise, *, scales: int = 3, share: float = 1.0
) -> Tensor:
    """Return `y` (B, C, H, W) without its noise; clipped to [0, 1] only if `noise` counts light.

    Parameters
    ----------
    white : callable
        Removes white Gaussian noise.
    y : Tensor
        The noisy image.
    noise : Noise
        A model that has a `stabiliser`.
    scales : int
        1 to treat noise that is not white as white noise of the stabiliser's `sigma`; 2 to
        denoise the image at half the size first, 3 to begin with its colours at a quarter of it.
    share : float
        With one scale, the share of that `sigma` that is removed from the brightness, in (0, 1].

    Examples
    --------
    >>> from priorlab.forward.real_noise import RealNoise
    >>> def flat(v, sigma):
    ...     return v.mean((2, 3), keepdim=True).expand_as(v)
    >>> denoise(flat, torch.full((1, 3, 4, 4), 0.5), RealNoise((0.1, 0.1, 0.3))).unique()
    tensor([0.5000])
    """
    restored = []
    if noise.counts_light:
        white = keeping_points(white)
    for channels, one in noise.parts(y.shape[1]):
        data = y[:, channels]
        image = _stabilised(white, data, one, scales, share)
        for part, weaker in one.dilutions():
            mixed = part * data + (1 - part) * image
            image = _stabilised(white, mixed, weaker, scales, share)
        restored.append(_with_its_light(image, data) if one.counts_light else image)
    return torch.cat(restored, dim=1)


def with_counted_light(image: Tensor, measurement: Measurement) -> Tensor:
    """Return images as bright, on the whole, as the photons that were counted say.

    For what is not restored by `denoise`, such as a network whose fit ends before a dark picture is
    as dark as its data. The image itself if it was not counted, or not pixel by pixel.

    Examples
    --------
    >>> from priorlab.forward.noise import Poisson
    >>> from priorlab.forward.operators import Identity
    >>> y = torch.tensor([0.0, 0.1, 0.0, 0.1]).reshape(1, 1, 2, 2)
    >>> measurement = Measurement(y, Identity(), Poisson(10), (1, 1, 2, 2))
    >>> with_counted_light(torch.full((1, 1, 2, 2), 0.07), measurement).unique()
    tensor([0.0500])
    """
    if measurement.noise.counts_light and measurement.operator.is_identity:
        return _with_its_light(image.clamp(0, 1), measurement.y)
    return image


def _with_its_light(image: Tensor, data: Tensor) -> Tensor:
    """Return images (B, C, H, W), each channel with the mean brightness of its data.

    The mean of all photons is reliable; the transform of one or two is too dark or too bright.
    What light is still lacking when bright places have `MOST_LIGHT` as much, or are white, goes to
    all alike.
    """
    light, shown = (each.mean((2, 3), keepdim=True) for each in (data, image))
    scaled = image * torch.where(shown > 0, light / shown, 1).clamp_max(MOST_LIGHT)
    scaled = scaled.clamp(0, 1)
    return scaled + light - scaled.mean((2, 3), keepdim=True)


def _stabilised(white: Denoise, y: Tensor, noise: Noise, scales: int, share: float) -> Tensor:
    stable = noise.stabiliser()
    if stable is None:
        raise ValueError(f"{noise} has no stabiliser")
    v = stable.forward(y)
    if stable.fine >= WHITE:
        return stable.inverse(white(v, stable.sigma))
    if scales < 2:
        return stable.inverse(_at_once(white, v, stable.sigma, share))
    return stable.inverse(_by_scale(white, v, stable, scales))


def _at_once(white: Denoise, v: Tensor, sigma: float, share: float) -> Tensor:
    """Remove a share of the noise from the brightness, and all from the colours: these have less
    detail, and their noise is seen more."""
    image = white(v, share * sigma)
    if share == 1 or v.shape[1] != 3:
        return image
    colours = white(v, sigma)
    return colours + (image - colours).mean(1, keepdim=True)


def _by_scale(white: Denoise, v: Tensor, stable: Stabiliser, scales: int) -> Tensor:
    """Denoise at half the size, where the noise is stronger than it seems, and then in full."""
    if min(v.shape[-2:]) < LEAST_SIDE:
        return white(v, stable.sigma)
    small = _halved(v)
    start = small
    if scales > 2 and v.shape[1] == 3 and min(small.shape[-2:]) >= LEAST_SIDE:
        quarter = _halved(small)
        slowest = white(quarter, stable.sigma / 4) - quarter
        start = small + _doubled(slowest - slowest.mean(1, keepdim=True), small)
    slow = white(start, stable.sigma / 2) - small
    return white(v + _doubled(slow, v), stable.sigma * stable.fine)


def _halved(v: Tensor) -> Tensor:
    return avg_pool2d(v, 2, ceil_mode=True, count_include_pad=False)


def _doubled(small: Tensor, v: Tensor) -> Tensor:
    """Return what has half the size of `v` in the size of `v`."""
    large = interpolate(small, scale_factor=2, mode="bicubic", align_corners=False)
    return large[..., : v.shape[-2], : v.shape[-1]]
