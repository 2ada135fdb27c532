"""Losses that ask for no clean image: only for noisy ones, whose noise differs from pixel to pixel.

Each is, up to a constant, an estimate of the mean squared error beside the clean image that
nobody has. They differ in what they must know of the noise, and in how noisy the estimate is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

LossOfNoisy = Callable[[nn.Module, Tensor, Tensor, np.random.Generator], Tensor]
"""Of a network ``f(v, sigma)``, noisy images (B, C, H, W), their levels (B,) and a generator."""

Indices = npt.NDArray[np.int64]

HIDDEN = 1 / 64
"""Noise2Void: the share of pixels that the network does not see."""
REACH = 2
"""Noise2Void: how far away the pixel is that is seen instead, at most."""
CONSISTENCY = 1.0
"""Neighbor2Neighbor: the weight of its second term."""
RECORRUPTION = (0.2, 0.8)
"""Recorrupted-to-Recorrupted: the noise that is added, in units of the noise there is."""


def noise2void(
    network: nn.Module, noisy: Tensor, sigma: Tensor, rng: np.random.Generator
) -> Tensor:
    """Predict pixels that the network does not see from those around them.

    A few pixels are replaced by one of their neighbours; the loss is the squared error there.
    It needs to know nothing of the noise but that its values are independent and centred
    (Krull, Buchholz, Jug: Noise2Void, CVPR 2019).
    """
    batch, _, height, width = noisy.shape
    hidden = rng.random((batch, 1, height, width)) < HIDDEN
    steps = rng.integers(1, (2 * REACH + 1) ** 2, (batch, 1, height, width))
    # Number 0 of the square would be the pixel itself.
    down = (steps // (2 * REACH + 1) + REACH) % (2 * REACH + 1) - REACH
    right = (steps + REACH) % (2 * REACH + 1) - REACH
    rows = _reflected(np.arange(height)[:, None] + down, height)
    columns = _reflected(np.arange(width) + right, width)
    source = torch.from_numpy(rows * width + columns).to(noisy.device).expand_as(noisy)
    other = noisy.flatten(2).gather(2, source.flatten(2)).view_as(noisy)
    mask = torch.from_numpy(hidden).to(noisy.device)
    error: Tensor = network(torch.where(mask, other, noisy), sigma) - noisy
    error = error.square() * mask
    return error.sum() / (mask.sum() * noisy.shape[1]).clamp(min=1)


def neighbor2neighbor(
    network: nn.Module, noisy: Tensor, sigma: Tensor, rng: np.random.Generator
) -> Tensor:
    """Predict one half of the pixels from their neighbours.

    Of each 2x2 pixels, two neighbours go into two images of half the size: two noisy images of
    nearly the same scene. A second term takes away what differs because the scenes do (Huang et
    al.: Neighbor2Neighbor, CVPR 2021).
    """
    with torch.no_grad():
        whole = network(noisy, sigma)
    cells, restored = F.pixel_unshuffle(noisy, 2), F.pixel_unshuffle(whole, 2)
    batch, _, height, width = cells.shape
    place = torch.from_numpy(rng.integers(4, size=(batch, height, width))).to(noisy.device)
    # The pixels of a cell are numbered in rows, so the neighbours of n are n ^ 1 and n ^ 2.
    turn = torch.from_numpy(rng.integers(1, 3, size=(batch, height, width))).to(noisy.device)
    first, second = _picked(cells, place), _picked(cells, place ^ turn)
    estimate = network(first, sigma)
    difference = _picked(restored, place) - _picked(restored, place ^ turn)
    error: Tensor = estimate - second
    return error.square().mean() + CONSISTENCY * (error - difference).square().mean()


def r2r(network: nn.Module, noisy: Tensor, sigma: Tensor, rng: np.random.Generator) -> Tensor:
    """Predict one noisy version of the image from another one whose noise is independent.

    ``y + a n`` and ``y - n / a`` with new noise n of the same level have independent noise, if it
    is Gaussian and its level known (Pang, Zheng, Quan, Ji: Recorrupted-to-Recorrupted, CVPR 2021).
    """
    share = torch.from_numpy(rng.uniform(*RECORRUPTION, len(noisy)).astype(np.float32))
    share = share.to(noisy.device)
    noise = _normal(noisy, rng) * sigma.view(-1, 1, 1, 1)
    factor = share.view(-1, 1, 1, 1)
    level = sigma * (1 + share.square()).sqrt()
    error: Tensor = network(noisy + factor * noise, level) - (noisy - noise / factor)
    return error.square().mean()


def sure(network: nn.Module, noisy: Tensor, sigma: Tensor, rng: np.random.Generator) -> Tensor:
    """Stein's unbiased estimate of the mean squared error.

    ``|f(y) - y|^2 - sigma^2 + 2 sigma^2 div f(y)`` per value, for Gaussian noise of known level
    (Stein, Annals of Statistics 1981; Soltanayev, Chun, NeurIPS 2018). The divergence is the mean
    of ``b' J' b`` for random b, by automatic differentiation and not by differences.
    """
    noisy = noisy.clone().requires_grad_()
    estimate = network(noisy, sigma)
    probe = _normal(noisy, rng)
    (turned,) = torch.autograd.grad(estimate, noisy, probe, create_graph=True)
    variance = sigma.square().view(-1, 1, 1, 1)
    fidelity = (estimate - noisy).square() - variance
    error: Tensor = fidelity + 2 * variance * probe * turned
    return error.mean()


LOSSES: dict[str, LossOfNoisy] = {
    "noise2void": noise2void,
    "neighbor2neighbor": neighbor2neighbor,
    "r2r": r2r,
    "sure": sure,
}
"""By the names that users type."""


def _normal(like: Tensor, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(rng.standard_normal(tuple(like.shape), np.float32)).to(like.device)


def _reflected(index: Indices, size: int) -> Indices:
    """Mirror indices at the border: -1 becomes 1."""
    index = np.abs(index)
    return np.where(index < size, index, 2 * size - 2 - index)


def _picked(cells: Tensor, place: Tensor) -> Tensor:
    """Return one pixel of each cell: from (B, 4 C, H, W), unshuffled, to (B, C, H, W)."""
    batch, channels, height, width = cells.shape
    grouped = cells.view(batch, channels // 4, 4, height, width)
    index = place[:, None, None].expand(batch, channels // 4, 1, height, width)
    return grouped.gather(2, index)[:, :, 0]
