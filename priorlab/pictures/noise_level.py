"""Estimate the level of white noise in a picture, from its parts with the weakest texture."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from priorlab.pictures.small_products import gram

Plane = NDArray[np.float64]

PATCH = 5
"""Rows and columns of a patch."""

CONFIDENCE = 0.999
"""Chance that a patch of nothing but noise counts as one of weak texture."""

FEWEST_PATCHES = 2 * PATCH**2
"""Of fewer nothing is concluded."""

LEAST_WEAK = 0.05
"""Where fewer patches than `ENOUGH_WEAK`, and a smaller share of them than this, have no more
texture than noise would have, all of it is texture: of noise nearly all patches are so."""

ENOUGH_WEAK = 4 * PATCH**2

MOST_PATCHES = 60_000
ROUNDS = 4


def estimate_sigma(
    image: NDArray[np.floating[Any]], usable: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Estimate the standard deviation of white Gaussian noise in each channel of a picture.

    The least eigenvalue of the covariance of small patches is the variance of the noise, if
    there is a direction in which the patches themselves do not vary. To make sure of that, only
    patches whose gradients could be those of noise count, and the two are found in turn
    (X. Liu, M. Tanaka, M. Okutomi: Single-image noise level estimation for blind denoising, IEEE
    Transactions on Image Processing 22(12), 2013). Unlike there, patches have 5 x 5 pixels
    instead of 7 x 7, and the confidence is 0.999 instead of 1 - 1e-6: benchmarks/tune_noise.py.

    Parameters
    ----------
    image : array of shape (C, H, W)
        In about [0, 1], C >= 1, at least 8 x 8.
    usable : array of bool, shape (C, H, W), optional
        Where the noise is as it was: not clipped, not transparent. By default everywhere.

    Returns
    -------
    array of shape (C,)
        On the [0, 1] scale; 0 for a channel without any usable patch, or with none that could be
        noise.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, [[[0.1]], [[0.02]]], (2, 64, 64))
    >>> estimate_sigma(0.5 + noise).round(2)
    array([0.1 , 0.02])
    """
    everywhere = np.ones(image.shape, np.bool_)
    (found,) = estimates(image, [everywhere if usable is None else usable])
    return found


def estimates(
    image: NDArray[np.floating[Any]], masks: Iterable[NDArray[np.bool_]]
) -> Iterator[NDArray[np.float64]]:
    """Yield what `estimate_sigma` returns where each of several masks (C, H, W) says.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (1, 64, 64))
    >>> [found.round(2) for found in estimates(noise, [noise < 2, noise > 2])]
    [array([0.1]), array([0.])]
    """
    planes = [plane.astype(np.float64) for plane in image]
    textures = [_texture(plane) for plane in planes]
    for usable in masks:
        yield np.array([_level(*one) for one in zip(planes, textures, usable, strict=True)])


def can_be_estimated(usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return of each channel (C, H, W) whether enough of it is usable to estimate its noise.

    Examples
    --------
    >>> can_be_estimated(np.stack([np.ones((16, 16), bool), np.zeros((16, 16), bool)])).tolist()
    [True, False]
    """
    return np.array([_complete(mask).sum() >= FEWEST_PATCHES for mask in usable])


def _complete(usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return of all patches whether each of their pixels is usable."""
    height, width = (extent - PATCH + 1 for extent in usable.shape)
    rows = np.logical_and.reduce([usable[first : first + height] for first in range(PATCH)])
    complete = np.logical_and.reduce([rows[:, first : first + width] for first in range(PATCH)])
    return np.asarray(complete)


def _texture(plane: Plane) -> Plane:
    """Return the texture of all patches of a channel (H, W)."""
    across = ((plane[:, 2:] - plane[:, :-2]) / 2) ** 2
    down = ((plane[2:] - plane[:-2]) / 2) ** 2
    # Over the pixels of the patch whose neighbours on both sides are in it too.
    return _sums(across, (PATCH, PATCH - 2)) + _sums(down, (PATCH - 2, PATCH))


def _level(plane: Plane, texture: Plane, usable: NDArray[np.bool_]) -> float:
    """Estimate the level in one channel (H, W), of whose patches the texture is known."""
    complete = _complete(usable)
    at = np.flatnonzero(complete.ravel())
    at = at[:: -(-len(at) // MOST_PATCHES) or 1]
    windows = sliding_window_view(plane, (PATCH, PATCH))
    rows, columns = np.unravel_index(at, complete.shape)
    patches = windows[rows, columns].reshape(len(at), PATCH**2)
    texture = texture.ravel()[at]
    varied = (patches != patches[:, :1]).any(1)
    patches, texture = patches[varied], texture[varied]
    variance = _least_variance(patches)
    for done in range(ROUNDS):
        weak = patches[texture < _limit() * variance]
        if len(weak) < ENOUGH_WEAK:
            if not done and len(weak) < LEAST_WEAK * len(patches):
                return 0.0
            break
        variance = _least_variance(weak)
    return float(variance**0.5)


def _least_variance(patches: Plane) -> float:
    """Return the least eigenvalue of the covariance.

    Of few patches it is too small, by the law of Marchenko and Pastur. Here it is corrected to
    what it would be of `MOST_PATCHES`, where the texture that is left makes up for the rest.
    """
    if len(patches) < FEWEST_PATCHES:
        return 0.0
    covariance = gram(patches - patches.mean(0)) / (len(patches) - 1)
    least = float(np.linalg.eigvalsh(covariance)[0])
    few, many = (1 - PATCH / count**0.5 for count in (len(patches), MOST_PATCHES))
    return float(max(least, 0.0) * many / few)


def _sums(values: NDArray[Any], size: tuple[int, int]) -> Plane:
    """Return the sums over all windows of `size` that lie inside."""
    height, width = (extent - side + 1 for extent, side in zip(values.shape, size, strict=True))
    rows = np.zeros((height, values.shape[1]))
    for first in range(size[0]):
        rows += values[first : first + height]
    total = np.zeros((height, width))
    for first in range(size[1]):
        total += rows[:, first : first + width]
    return total


@functools.cache
def _limit() -> float:
    """Return the greatest texture of a patch of noise of variance 1, with the `CONFIDENCE`.

    The texture is a sum of squares of differences; its distribution is about a gamma
    distribution with the same mean and variance.
    """
    differences = []
    for step in (1, PATCH):
        for centre in range(PATCH**2):
            row, column = divmod(centre, PATCH)
            if 0 < (column if step == 1 else row) < PATCH - 1:
                difference = np.zeros(PATCH**2)
                difference[centre + step], difference[centre - step] = 0.5, -0.5
                differences.append(difference)
    covariance = np.array(differences) @ np.array(differences).T
    mean, variance = np.trace(covariance), 2 * (covariance**2).sum()
    return _gamma_quantile(mean**2 / variance) * float(variance / mean)


def _gamma_quantile(shape: float) -> float:
    """Return what a gamma variate of this shape and scale 1 exceeds with ``1 - CONFIDENCE``.

    `scipy.stats` has it too, but takes half a second to import.
    """
    low, high = 0.0, 20 * (shape + 1)
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        # The series of the incomplete gamma function; each term is x / (shape + n) of the last.
        term = math.exp(shape * math.log(middle) - middle - math.lgamma(shape + 1))
        below = n = 0.0
        while term > 1e-17 * below or n < middle:
            below, n = below + term, n + 1
            term *= middle / (shape + n)
        low, high = (middle, high) if below < CONFIDENCE else (low, middle)
    return (low + high) / 2
