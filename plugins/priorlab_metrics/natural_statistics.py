"""The statistics of natural scenes that NIQE compares: features of patches at two scales.

A. Mittal, R. Soundararajan, A. C. Bovik: Making a "completely blind" image quality analyzer, IEEE
Signal Processing Letters 20(3), 2013. Each value is brought to mean 0 and variance 1 of its
surroundings; in natural pictures what results follows a Gaussian-like law, and so do the products
of neighbours. The shapes and widths of these laws, fitted in a patch, are its 18 features, taken
at full and at half size.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float64]

PATCH = 96
"""Rows and columns of a patch, at full size."""

FEATURES = 36

_WINDOW, _SIGMA = 7, 7 / 6
_SHAPES = np.arange(0.2, 10.001, 0.001)


def features(gray: Array) -> tuple[Array, Array]:
    """Return the features of the whole patches of a picture, and how sharp each is.

    Parameters
    ----------
    gray : array of shape (H, W)
        On the 0-255 scale. Rows and columns beyond the last whole patch are left out.

    Returns
    -------
    features : array of shape (patches, 36)
    sharpness : array of shape (patches,)
        Mean of the local standard deviation.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(128, 20, (100, 200))
    >>> found, sharpness = features(noise)
    >>> found.shape, sharpness.shape
    ((2, 36), (2,))
    """
    height, width = (length // PATCH * PATCH for length in gray.shape)
    scene = np.asarray(gray[:height, :width], np.float64)
    parts, sharpness = [], np.zeros(0)
    for side in (PATCH, PATCH // 2):
        normalised, deviation = _normalised(scene)
        if side == PATCH:
            sharpness = np.array([patch.mean() for patch in _patches(deviation, side)])
            scene = _half(scene)
        rows = [_of_patch(patch) for patch in _patches(normalised, side)]
        parts.append(np.array(rows).reshape(-1, FEATURES // 2))
    return np.concatenate(parts, axis=1), sharpness


def _half(scene: Array) -> Array:
    """Return a picture at half its size, by a bicubic filter that is as wide as that needs."""
    height, width = scene.shape
    if not scene.size:
        return scene
    small = Image.fromarray(scene.astype(np.float32))
    return np.asarray(small.resize((width // 2, height // 2), Image.Resampling.BICUBIC), np.float64)


def _normalised(scene: Array) -> tuple[Array, Array]:
    """Return each value less the mean of its surroundings, over their deviation + 1; and that."""
    if not scene.size:
        return scene, scene
    reach = _WINDOW // 2

    def smooth(image: Array) -> Array:
        smoothed: Array = scipy.ndimage.gaussian_filter(image, _SIGMA, radius=reach, mode="nearest")
        return smoothed

    mean = smooth(scene)
    deviation = np.sqrt(np.abs(smooth(scene**2) - mean**2))
    return (scene - mean) / (deviation + 1), deviation


def _patches(image: Array, side: int) -> list[Array]:
    """Return the patches of a picture whose sides are multiples of `side`."""
    height, width = image.shape
    return [
        image[row : row + side, column : column + side]
        for row in range(0, height, side)
        for column in range(0, width, side)
    ]


def _of_patch(patch: Array) -> list[float]:
    """Return the 18 features of a patch of normalised values."""
    shape, left, right = asymmetric_fit(patch)
    found = [shape, (left + right) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        products = patch * np.roll(patch, shift, axis=(0, 1))
        shape, left, right = asymmetric_fit(products)
        mean = (right - left) * np.exp(
            scipy.special.gammaln(2 / shape) - scipy.special.gammaln(1 / shape)
        )
        found += [shape, float(mean), left, right]
    return found


def asymmetric_fit(values: Array) -> tuple[float, float, float]:
    """Return shape and both widths of the asymmetric generalised Gaussian, by its moments.

    Parameters
    ----------
    values : array
        Samples, of which zero is the mode.

    Returns
    -------
    tuple of float
        The shape, 2 for a Gaussian and 1 for a Laplacian, from 0.2 to 10; and the scales to the
        left and to the right of zero.

    Examples
    --------
    >>> samples = np.random.default_rng(0).laplace(size=200_000)
    >>> shape, left, right = asymmetric_fit(samples)
    >>> bool(abs(shape - 1) < 0.02), bool(abs(left - 1) < 0.02), bool(abs(right - 1) < 0.02)
    (True, True, True)
    """
    left, right = (_root_mean_square(values[side]) for side in (values < 0, values > 0))
    square = float(np.mean(values**2))
    if not left or not right:  # a patch without structure, or of one sign: the limit of the fit
        return float(_SHAPES[-1]), left, right
    ratio = left / right
    peaked = np.mean(np.abs(values)) ** 2 / square
    peaked *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shape = float(_SHAPES[np.argmin(np.abs(_peakedness() - peaked))])
    scale = float(np.exp((scipy.special.gammaln(1 / shape) - scipy.special.gammaln(3 / shape)) / 2))
    return shape, left * scale, right * scale


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


@functools.cache
def _peakedness() -> Array:
    """Return ``E|v|^2 / E v^2`` of the generalised Gaussian, for each of the shapes."""
    log = 2 * scipy.special.gammaln(2 / _SHAPES)
    log -= scipy.special.gammaln(1 / _SHAPES) + scipy.special.gammaln(3 / _SHAPES)
    return np.asarray(np.exp(log))
