"""Blind deblurring: the kernel of a shaken camera, estimated from the picture alone.

From coarse to fine, two steps alternate: the picture is sharpened under a prior that likes few
gradients that are not zero, which leaves its strong edges alone (L. Xu, S. Zheng, J. Jia: Unnatural
L0 sparse representation for natural image deblurring, CVPR 2013; the steps are those of J. Pan,
Z. Hu, Z. Su, M.-H. Yang: Deblurring text images via L0-regularized intensity and gradient prior,
CVPR 2014, without its prior on intensities); and the kernel is fitted that blurs these edges into
those of the picture (S. Cho, S. Lee: Fast motion deblurring, SIGGRAPH Asia 2009).
"""

from __future__ import annotations

import math

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.forward import contrast
from priorlab.forward.fourier import fast_size, image_of, spectrum_of

SPARSITY = 4e-3
"""Weight of a gradient that is not zero, at first; it falls by `RELAXATION` to `LEAST_SPARSITY`."""
LEAST_SPARSITY = 1e-4
RELAXATION = 1.1

COARSEST = 5
"""Side of the smallest kernel, with which the estimation begins."""
ROUNDS = 5
"""Rounds of both steps on each scale."""
EDGES = 2
"""Edge pixels of each direction for each pixel of the kernel's side, from which it is fitted."""
SMOOTHNESS = 2.0
"""Weight of the squared kernel."""
THRIFT = 0.02
"""Weight of the kernel's sum, relative to the weight from which on all of it would be zero."""
STEPS = 150
"""Steps of the fit."""
LEAST_PART = 0.1
"""What hangs together in a kernel and holds less than this of its light is noise."""
FAINTEST = 0.05
"""So are values below this fraction of the greatest in the finished kernel."""
LARGEST_SIDE = 600
"""The middle of a larger picture is enough to estimate from."""


def estimate_kernel(picture: Tensor, size: int) -> NDArray[np.float64]:
    """Return the kernel, (size, size) with sum 1, that seems to have blurred a picture.

    Parameters
    ----------
    picture : Tensor
        Shape (1, C, H, W), in about [0, 1].
    size : int
        Side of the kernel, odd; somewhat larger than the blur.

    Raises
    ------
    UsageError
        If there are no edges in the picture.

    Examples
    --------
    >>> picture = torch.zeros(1, 1, 48, 48)
    >>> picture[..., 12:36, 12:36] = 1
    >>> estimate_kernel(picture, 5).shape
    (5, 5)
    """
    gray = middle(picture.detach().cpu().double().mean(1, keepdim=True))
    gray = gray / contrast.unit(gray.numpy())  # only its gradients count
    sides = [size]
    while sides[-1] > COARSEST:
        sides.append(max(3, 2 * round((sides[-1] / math.sqrt(2) - 1) / 2) + 1))
    kernel = gray.new_zeros(1, 1, sides[-1], sides[-1])
    centre = sides[-1] // 2
    kernel[..., centre, centre - 1 : centre + 1] = 0.5
    sparsity = SPARSITY
    for side in reversed(sides):
        scaled = _resized(gray, [max(side, round(n * side / size)) for n in gray.shape[-2:]])
        kernel = _unit(_resized(kernel, [side, side]))
        threshold = None
        for _ in range(ROUNDS):
            sharp = _sharpened(scaled, kernel, sparsity)
            edges, lower = _strong_edges(sharp, side, threshold)
            if not edges.any():  # once it is less sharp than in the rounds before
                edges, lower = _strong_edges(sharp, side, None)
            threshold = lower
            fitted = _fitted(edges, _gradients(scaled), side)
            if not float(fitted.sum()) > 0:
                raise UsageError("the picture has no edges from which a kernel could be estimated")
            kernel = _cleaned(fitted)
            sparsity = max(sparsity / RELAXATION, LEAST_SPARSITY)
        kernel = _centred(kernel)
    kernel = torch.where(kernel < FAINTEST * kernel.max(), 0, kernel)
    # What only faint values joined is noise by itself: far away, it would move the centre.
    return _centred(_cleaned(kernel))[0, 0].numpy()


def middle(x: Tensor) -> Tensor:
    """Return what is looked at of a picture (..., H, W).

    Examples
    --------
    >>> middle(torch.zeros(1, 1, 700, 400)).shape
    torch.Size([1, 1, 600, 400])
    """
    top, left = (max(0, (n - LARGEST_SIDE) // 2) for n in x.shape[-2:])
    return x[..., top : top + LARGEST_SIDE, left : left + LARGEST_SIDE]


def _resized(x: Tensor, size: list[int]) -> Tensor:
    return torch.nn.functional.interpolate(
        x, size=size, mode="bilinear", align_corners=False, antialias=True
    )


def _unit(kernel: Tensor) -> Tensor:
    kernel = kernel.clamp_min(0)
    return kernel / kernel.sum()


def _gradients(x: Tensor) -> Tensor:
    """Return differences to the right and downwards, (2, 1, H, W); they wrap around."""
    return torch.cat((x.roll(-1, -1) - x, x.roll(-1, -2) - x))


def _sharpened(y: Tensor, kernel: Tensor, sparsity: float) -> Tensor:
    """Return argmin over x of ``|kernel * x - y|^2 + sparsity |grad x|_0``, by splitting."""
    margin = kernel.shape[-1]
    wrapped = _wrapping(y, margin)
    size = (wrapped.shape[-2], wrapped.shape[-1])
    point = y.new_zeros(1, 1, *size)
    side = kernel.shape[-1]
    point[..., :side, :side] = kernel
    transfer = spectrum_of(point.roll((-(side // 2), -(side // 2)), (-2, -1)))
    delta = y.new_zeros(1, 1, *size)
    delta[..., 0, 0] = 1
    laplacian = spectrum_of(_gradients(delta)).abs().square().sum(0, keepdim=True)
    data, power = transfer.conj() * spectrum_of(wrapped), transfer.abs().square()
    x, weight = wrapped, 2 * sparsity
    while weight < 1e5:
        split = _gradients(x)
        split *= split.square().sum(0, keepdim=True) >= sparsity / weight
        right, down = split[:1], split[1:]
        divergence = right.roll(1, -1) - right + down.roll(1, -2) - down
        x = image_of((data + weight * spectrum_of(divergence)) / (power + weight * laplacian), size)
        weight *= 2
    return x[..., : y.shape[-2], : y.shape[-1]]


def _wrapping(x: Tensor, margin: int) -> Tensor:
    """Return the picture with rows and columns, at least `margin`, that lead to the other side."""
    for dim in (-1, -2):
        length = x.shape[dim]
        size = scipy.fft.next_fast_len(length + margin, real=True)
        ramp = torch.arange(1, size - length + 1, dtype=x.dtype) / (size - length + 1)
        ramp = ramp if dim == -1 else ramp[:, None]
        first, last = x.narrow(dim, 0, 1), x.narrow(dim, length - 1, 1)
        x = torch.cat((x, last + ramp * (first - last)), dim)
    return x


def _strong_edges(x: Tensor, side: int, threshold: float | None) -> tuple[Tensor, float]:
    """Return the gradients whose square reaches a threshold, and the next, lower, threshold."""
    gradients = _gradients(x)
    gradients[0, ..., -1] = 0
    gradients[1, ..., -1, :] = 0
    square = gradients.square().sum(0)[0]
    if threshold is None:
        octant = torch.atan2(gradients[1, 0], gradients[0, 0]).remainder(math.pi) / (math.pi / 4)
        count = EDGES * side
        found = [square[(octant.long() % 4 == k) & (square > 0)] for k in range(4)]
        threshold = min(
            float(part.topk(min(count, len(part))).values[-1]) if len(part) else math.inf
            for part in found
        )
        threshold = 0.0 if math.isinf(threshold) else threshold
    return gradients * (square >= threshold), threshold / RELAXATION


def _fitted(edges: Tensor, blurred: Tensor, side: int) -> Tensor:
    """Return the kernel >= 0 that blurs `edges` into `blurred`, by penalised least squares.

    The accelerated proximal gradient of A. Beck, M. Teboulle: A fast iterative
    shrinkage-thresholding algorithm for linear inverse problems, SIAM J. Imaging Sciences 2(1),
    2009. What it needs of the edges is their autocorrelation, as far as the kernel reaches.
    """
    half, reach = side // 2, side - 1
    # Beyond a picture that is smaller than the autocorrelation there are no edges.
    height, width = (max(n, reach + side) for n in edges.shape[-2:])
    size = (height, width)
    spectrum = spectrum_of(edges, size)
    wanted = image_of((spectrum.conj() * spectrum_of(blurred, size)).sum(0, keepdim=True), size)
    wanted = wanted.roll((half, half), (-2, -1))[..., :side, :side]
    correlation = image_of(spectrum.abs().square().sum(0, keepdim=True), size)
    correlation = correlation.roll((reach, reach), (-2, -1))[..., : reach + side, : reach + side]
    # A convolution with it, of which the middle counts, is one of small pictures.
    small = fast_size(correlation.shape[-2:])
    power = spectrum_of(correlation, small)
    greatest = float(power.abs().max()) + SMOOTHNESS
    penalty = THRIFT * float(wanted.max())
    kernel = ahead = torch.full_like(wanted, 1 / side**2)
    speed = 1.0
    for _ in range(STEPS):
        blurred_again = image_of(power * spectrum_of(ahead, small), small)
        gradient = blurred_again[..., reach : reach + side, reach : reach + side] - wanted
        gradient = gradient + SMOOTHNESS * ahead + penalty
        before, kernel = kernel, (ahead - gradient / greatest).clamp_min(0)
        speed, slower = (1 + math.sqrt(1 + 4 * speed**2)) / 2, speed
        ahead = kernel + (slower - 1) / speed * (kernel - before)
    return kernel


def _cleaned(kernel: Tensor) -> Tensor:
    """Return the kernel without negative values and without small parts, of sum 1."""
    kernel = _unit(kernel)
    values = kernel[0, 0].numpy()
    labels, count = scipy.ndimage.label(values > 0, structure=np.ones((3, 3)))
    parts = scipy.ndimage.sum_labels(values, labels, np.arange(count + 1))
    kept = parts[labels] >= min(LEAST_PART, parts.max())
    return _unit(kernel * torch.from_numpy(kept))


def _centred(kernel: Tensor) -> Tensor:
    """Move the kernel so that its centre of mass is in the middle, to the nearest pixel."""
    side = kernel.shape[-1]
    rows, columns = scipy.ndimage.center_of_mass(kernel[0, 0].numpy())
    shift = (round(side // 2 - rows), round(side // 2 - columns))
    moved = scipy.ndimage.shift(kernel[0, 0].numpy(), shift, order=0)
    return _unit(torch.from_numpy(moved)[None, None])
