"""Whether a picture fits the blur that was estimated from it, or typed, or another one as well.

The spectrum of a scene falls with a power of the frequency (D. J. Field: Relations between the
statistics of natural images and the response properties of cortical cells, JOSA A 4(12), 1987); a
kernel multiplies it, and noise is added. How likely that makes the spectrum of the picture is
P. Whittle's likelihood (Estimation and information in stationary time series, Arkiv för Matematik
2, 1953).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab.forward.cropped_convolution import CroppedConvolution
from priorlab.forward.kernel_estimation import middle

Array = NDArray[np.float64]

LOWEST = 4
"""Fewer periods than this along the shorter side say more of the scene than of its spectrum."""
ROUNDING = 1 / 12**0.5 / 255
"""The least noise: that of 8 bits."""
STEEPEST = 4.0
"""The greatest power of the frequency with which the spectrum of a scene falls."""
WIDEST = 10.0
"""The widest Gaussian that is considered, in pixels."""
SHARP = 0.6
"""A kernel whose standard deviation is less, in pixels, hardly blurs: cameras do as much."""
UNEXPLAINED = 0.1
"""A kernel is doubted that leaves more than this fraction of a picture's deviation, and more than
twice the noise, as wrong ones do of sharp print and boxes."""
STEPS = 60
"""Of the fit that tells it."""
CUT_OFF, AROUND, AMISS = 0.1, 9, 0.015
"""A kernel is doubted whose sharp image is black or white in more than the last share of its
pixels, though the picture is farther than the first from that all around, within a square of the
second: wrong kernels make waves that images cannot have. Chosen on training images, where right
kernels stay below."""
CONTRADICTED = 0.05
"""As `UNEXPLAINED`, of a kernel that was typed: of photographs of which it is wrong, or which were
framed after the blur, most leave more, and none of which it is right. With noise of sigma 1, 72
that are blurred as it says leave at most 0.041, 48 sharp ones at least 0.09
(`python benchmarks/tune_blurs.py`)."""
SHARPER = 0.06
"""As `CONTRADICTED`, of what surrounds a bar's edge; see `most_left`."""
QUIET = 1.5 / 255
"""The most noise of which the right kernel makes no black and white, as wrong ones do: of noise of
sigma 3 a motion makes more than `AMISS` (see `benchmarks/tune_blurs.py`)."""
MOST_AT_BORDER = 0.1
"""A kernel with more of its light at its border seems to be cut off."""


def doubts(picture: Tensor, kernel: NDArray[np.floating], sigma: float) -> tuple[str, ...]:
    """Return lines on why a kernel that was estimated from a picture may be wrong.

    Parameters
    ----------
    picture : Tensor
        Shape (1, C, H, W), in about [0, 1].
    kernel : array
    sigma : float
        Of the noise, in units of the picture.

    Examples
    --------
    >>> noise = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> print("; ".join(doubts(noise, np.pad(np.full((1, 9), 1 / 9), 4), 0)))
    the picture shows no more blur than a sharp one has: the kernel found may make it worse
    """
    lines = []
    height, width = kernel.shape
    if kernel.sum() - kernel[1:-1, 1:-1].sum() > MOST_AT_BORDER * kernel.sum():
        lines.append(
            f"the kernel found reaches the border of its {width}x{height} pixels: if the blur is"
            " larger, give a larger size="
        )
    gaussian = round_blur(picture, kernel)
    if min(_deviation(kernel), math.inf if gaussian is None else gaussian) < SHARP:
        lines.append(
            "the picture shows no more blur than a sharp one has: the kernel found may make it"
            " worse"
        )
    elif gaussian is not None:
        lines.append(
            "a Gaussian explains the blur as well as the kernel found: try"
            f" deblur:width={gaussian:.1f}"
        )
    else:
        left, amiss = misfit(picture, kernel)
        if left > max(UNEXPLAINED * float(picture.std()), 2 * sigma):
            lines.append(
                "no image that the kernel found blurs looks like the picture: it may make it worse;"
                " try another size="
            )
        elif amiss > AMISS:
            lines.append(
                "the kernel found asks for black or white where the picture shows neither: it may"
                " make it worse; try another size="
            )
    return tuple(lines)


def contradicts(picture: Tensor, kernel: NDArray[np.floating], sigma: float) -> bool:
    """Return whether a picture cannot have been blurred by the kernel that was typed.

    True where the picture is sharp, or has sharp borders within, and where its blur is a very
    different one. A kernel that is turned round explains a picture about as well.

    Parameters
    ----------
    picture : Tensor
        Shape (1, C, H, W), in about [0, 1].
    kernel : array
    sigma : float
        Of the noise, in units of the picture.

    Examples
    --------
    >>> picture = torch.full((1, 1, 32, 32), 0.3)
    >>> picture[..., 12:20] = 0.7
    >>> [contradicts(picture, np.full((1, n), 1 / n), 0) for n in (1, 9)]
    [False, True]
    """
    if kernel.min() < 0:
        return False
    left, amiss = misfit(picture, kernel)
    if left > max(CONTRADICTED * float(picture.std()), 2 * sigma):
        return True
    return sigma <= QUIET and amiss > AMISS


def is_sharper(edge: Tensor, kernel: NDArray[np.floating], sigma: float) -> bool:
    """Return whether a part of a picture has an edge that a kernel would have blurred.

    Parameters
    ----------
    edge : Tensor
        Shape (1, C, H, W), in about [0, 1]: what lies along the edge.
    kernel : array
    sigma : float
        Of the noise, in units of the picture.

    Examples
    --------
    >>> edge = torch.zeros(1, 1, 32, 32)
    >>> edge[..., 16:, :] = 0.7
    >>> [is_sharper(edge, np.full((n, n), 1 / n**2), 0) for n in (1, 9)]
    [False, True]
    """
    return misfit(edge, kernel)[0] > most_left(edge, sigma)


def most_left(edge: Tensor, sigma: float) -> float:
    """Return what a kernel that blurred an edge leaves of it at most: a root mean square.

    Edges that it blurred come to 1.0 of it at most; those that were added later to 1.5 and more
    with noise of up to sigma 1.5, and mostly to more than that with sigma 6
    (`python benchmarks/tune_blurs.py`).

    Examples
    --------
    >>> edge = torch.zeros(1, 1, 32, 32)
    >>> edge[..., 16:, :] = 0.7
    >>> [round(most_left(edge, sigma), 3) for sigma in (0.01, 0.1)]
    [0.021, 0.1]
    """
    return max(SHARPER * float(edge.std()), sigma, 2 * ROUNDING)


def misfit(picture: Tensor, kernel: NDArray[np.floating]) -> tuple[float, float]:
    """Return what is wrong with the image that, blurred by a kernel, is most like a picture.

    That image lies in [0, 1], and is found by the accelerated projected gradient of A. Beck and
    M. Teboulle, SIAM J. Imaging Sciences 2(1), 2009.

    Parameters
    ----------
    picture : Tensor
        Shape (1, C, H, W), in about [0, 1]; its brightness is looked at.
    kernel : array

    Returns
    -------
    left : float
        What it leaves of the picture: a root mean square.
    amiss : float
        The share of its pixels that are black or white where the picture is far from that.

    Examples
    --------
    >>> picture = torch.full((1, 1, 32, 32), 0.3)
    >>> picture[..., 12:20] = 0.7  # with edges as sharp as this
    >>> left, amiss = misfit(picture, np.full((1, 9), 1 / 9))
    >>> left > 0.03, amiss > 0.1
    (True, True)
    """
    y = middle(picture.detach().cpu().float().mean(1, keepdim=True))
    height, width = y.shape[-2:]
    if height < kernel.shape[0] or width < kernel.shape[1]:
        return 0.0, 0.0  # the image beyond the frame explains anything
    operator = CroppedConvolution(torch.from_numpy(kernel).float())
    x = ahead = operator.initial_guess(y, operator.canvas((1, 1, height, width))).clamp(0, 1)
    speed = 1.0
    for _ in range(STEPS):
        before, x = x, (ahead - operator.adjoint(operator.forward(ahead) - y)).clamp(0, 1)
        speed, slower = (1 + math.sqrt(1 + 4 * speed**2)) / 2, speed
        ahead = x + (slower - 1) / speed * (x - before)
    left = float((operator.forward(x) - y).square().mean().sqrt())
    shown, white = operator.frame(x), float(y.max())
    black = (shown <= 0) & (-_greatest_around(-y) > CUT_OFF * white)
    bright = (shown >= 1) & (_greatest_around(y) < white - CUT_OFF)
    return left, float((black | bright).float().mean())


def _greatest_around(x: Tensor) -> Tensor:
    return torch.nn.functional.max_pool2d(x, AROUND, 1, AROUND // 2)


def round_blur(picture: Tensor, kernel: NDArray[np.floating]) -> float | None:
    """Return the width of a Gaussian that explains a picture as well as a kernel does, or None.

    It does where the picture is sharp, so that it has what the kernel would have removed; where it
    is out of focus; and where the kernel is wrong.

    Parameters
    ----------
    picture : Tensor
        Shape (1, C, H, W), in about [0, 1].
    kernel : array
        What seems to have blurred it.

    Examples
    --------
    >>> noise = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> round_blur(noise, np.full((1, 9), 1 / 9)) is None
    False
    """
    gray = middle(picture.detach().cpu().double().mean(1)[0]).numpy()
    window = np.hanning(gray.shape[0] + 2)[1:-1, None] * np.hanning(gray.shape[1] + 2)[1:-1]
    gray = (gray - np.average(gray, weights=window)) * window
    power = np.abs(scipy.fft.rfft2(gray)) ** 2 / (window**2).sum()
    height, width = gray.shape
    square = np.fft.fftfreq(height)[:, None] ** 2 + np.fft.rfftfreq(width) ** 2
    used = square > (LOWEST / min(height, width)) ** 2
    if not used.any():
        return None
    power, square = power[used], square[used]
    transfer = np.abs(scipy.fft.rfft2(kernel, gray.shape))[used] ** 2
    by_kernel, _ = _fitted(power, square, lambda _: transfer)
    by_gaussian, found = _fitted(
        power, square, lambda width: np.exp(-((2 * math.pi * width) ** 2) * square)
    )
    return found if by_gaussian <= by_kernel else None


def _deviation(kernel: NDArray[np.floating]) -> float:
    """Return the standard deviation of a kernel, as the width of a Gaussian is."""
    weights = kernel / kernel.sum()
    places = np.indices(kernel.shape)
    means = (weights * places).sum((1, 2), keepdims=True)
    return float(np.sqrt((weights * (places - means) ** 2).sum() / 2))


def _fitted(power: Array, square: Array, transfer: Callable[[float], Array]) -> tuple[float, float]:
    """Return the least negative logarithm of the likelihood per frequency, and the width there."""
    logarithm = np.log(square)

    def cost(parameters: Array) -> float:
        scene, noise, slope, width = parameters
        expected = transfer(width) * np.exp(scene - slope / 2 * logarithm) + np.exp(noise)
        return float(np.mean(np.log(expected) + power / expected))

    least = 2 * math.log(ROUNDING)
    bounds = [(-30, 20), (least, 5), (0, STEEPEST), (0, WIDEST)]
    starts = [(1.5, 0.5), (2.0, 2.0)]
    level = math.log(power.mean() + math.exp(least))
    fits = [
        scipy.optimize.minimize(
            cost, (level - 2 * slope, least + 1, slope, width), method="L-BFGS-B", bounds=bounds
        )
        for slope, width in starts
    ]
    best = min(fits, key=lambda fit: float(fit.fun))
    return float(best.fun), float(best.x[3])
