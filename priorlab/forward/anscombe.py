"""The Anscombe transform: it makes the variance of Poisson counts one, nearly.

F. J. Anscombe: The transformation of Poisson, binomial and negative-binomial data, Biometrika 35,
1948. Here it is scaled so that white, a mean of `peak` counts, becomes 1.
"""

from __future__ import annotations

from torch import Tensor


def white(peak: float) -> float:
    """Return the unscaled transform of the value 1: the inverse of the noise level.

    Examples
    --------
    >>> white(peak=30.0)
    11.02...
    """
    return float(2 * (peak + 3 / 8) ** 0.5)


def forward(y: Tensor, peak: float) -> Tensor:
    """Return the transform of data whose counts are ``peak * y``.

    Examples
    --------
    >>> import torch
    >>> forward(torch.tensor([0.0, 1.0]), peak=30.0)
    tensor([0.1111, 1.0000])
    """
    return 2 * (peak * y.clamp_min(0) + 3 / 8).sqrt() / white(peak)


def inverse(denoised: Tensor, peak: float) -> Tensor:
    """Return the mean of the data whose transform has the mean `denoised`, in units of white.

    The closed-form approximation of the exact unbiased inverse (M. Makitalo, A. Foi: A closed-form
    approximation of the exact unbiased inverse of the Anscombe variance-stabilizing
    transformation, IEEE Transactions on Image Processing 20(9), 2011).

    Examples
    --------
    >>> import torch
    >>> counts = torch.poisson(torch.full((10_000,), 3.0), torch.Generator().manual_seed(0))
    >>> inverse(forward(counts / 30, peak=30.0).mean(), peak=30.0).round(decimals=2)
    tensor(0.1000)
    """
    d = (denoised * white(peak)).clamp_min(2 * (3 / 8) ** 0.5)
    half = (3 / 2) ** 0.5
    counts = d**2 / 4 + half / (4 * d) - 11 / (8 * d**2) + 5 * half / (8 * d**3) - 1 / 8
    mean: Tensor = counts.clamp_min(0) / peak
    return mean
