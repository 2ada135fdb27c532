"""How much of a wavelet coefficient is noise: published rules, on any device."""

import math

import numpy as np
import torch
from torch import Tensor

TINY = 1e-12
"""Smallest variance of clean coefficients: with less, they are taken for noise."""


def universal_threshold(noise: float, count: int) -> float:
    """Return ``noise sqrt(2 log count)``: noise alone hardly ever exceeds it.

    D. L. Donoho, I. M. Johnstone: Ideal spatial adaptation by wavelet shrinkage, Biometrika
    81(3), 1994 (VisuShrink, with the number of pixels as the count).
    """
    return noise * math.sqrt(2 * math.log(count))


def sure_threshold(band: Tensor, noise: float) -> Tensor:
    """Return for each band (B, C, H, W) the soft threshold with least estimated risk: (B, C, 1, 1).

    The risk is Stein's unbiased estimate. A band that is so close to pure noise that the
    estimate cannot be trusted gets the universal threshold; no band gets a greater one
    (D. L. Donoho, I. M. Johnstone: Adapting to unknown smoothness via wavelet shrinkage, Journal
    of the American Statistical Association 90(432), 1995, with its hybrid rule).
    """
    count = band.shape[-2] * band.shape[-1]
    most = math.sqrt(2 * math.log(count))
    size = _ascending((band / max(noise, 1e-30)).abs().flatten(2)).double()
    power = size.square()
    kept = torch.arange(count - 1, -1, -1, device=band.device)
    # With the threshold at the k-th size: coefficients up to it are lost, the others lose it.
    risk = power.cumsum(-1) + kept * power - 2 * (count - kept)
    risk = torch.where(size <= most, risk, math.inf)
    # All sizes may exceed the universal threshold, and the best threshold may be zero.
    least, index = risk.min(-1, keepdim=True)
    best = torch.where(least < 0, size.gather(-1, index), 0)
    sparse = power.mean(-1, keepdim=True) - 1 <= math.log2(count) ** 1.5 / math.sqrt(count)
    return noise * torch.where(sparse, most, best)[..., None].to(band)


def bayes_threshold(band: Tensor, noise: float, reach: int | None) -> Tensor:
    """Return ``noise^2 / sigma_x``, where sigma_x is the deviation of the clean coefficients.

    It is nearly the best soft threshold for coefficients with a Laplacian distribution. sigma_x
    comes from the square window that reaches this far from the coefficient, or the whole band
    (S. G. Chang, B. Yu, M. Vetterli: Adaptive wavelet thresholding for image denoising and
    compression, and: Spatially adaptive wavelet thresholding with context modeling for image
    denoising, both IEEE Transactions on Image Processing 9(9), 2000).
    """
    power = band.square()
    power = power.mean((-2, -1), keepdim=True) if reach is None else _local_mean(power, reach)
    return noise**2 / (power - noise**2).clamp_min(TINY).sqrt()


def removed(band: Tensor, threshold: Tensor | float, shrinkage: str) -> Tensor:
    """Return what "soft" or "hard" shrinkage takes away from a band."""
    if shrinkage == "hard":
        return torch.where(band.abs() <= threshold, band, 0)
    limit = torch.as_tensor(threshold).to(band)
    return torch.minimum(torch.maximum(band, -limit), limit)


def _ascending(x: Tensor) -> Tensor:
    """Return `x` sorted along its last axis, which numpy does faster than torch."""
    return torch.from_numpy(np.sort(x)) if x.device.type == "cpu" else x.sort(-1).values


def _local_mean(x: Tensor, reach: int) -> Tensor:
    """Return the mean over the square window that reaches this far, cut at the border."""
    for axis in (-2, -1):
        index = torch.arange(x.shape[axis], device=x.device)
        first, last = (index - reach).clamp_min(0), (index + reach + 1).clamp_max(len(index))
        sums = torch.zeros_like(x.narrow(axis, 0, 1))
        sums = torch.cat([sums, x.cumsum(axis)], axis)
        total = sums.index_select(axis, last) - sums.index_select(axis, first)
        count = (last - first).to(x)
        x = total / (count if axis == -1 else count[:, None])
    return x
