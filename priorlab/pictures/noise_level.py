"""Estimate the unknown noise level of a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# High-pass filter of the Daubechies wavelet with two vanishing moments.
_ROOT = 3**0.5
HIGH_PASS = np.array([1 - _ROOT, _ROOT - 3, 3 + _ROOT, -1 - _ROOT]) / (4 * 2**0.5)


def estimate_sigma(image: NDArray[np.float32]) -> float:
    """Estimate the standard deviation of white Gaussian noise in a picture.

    The finest diagonal wavelet coefficients of a photograph are nearly all noise; their median
    absolute value gives its level (Donoho, Johnstone: Ideal spatial adaptation by wavelet
    shrinkage, Biometrika 1994). Fine texture reads as noise, so weak noise is overestimated.

    Parameters
    ----------
    image : array of shape (C, H, W)
        In [0, 1], C >= 1.

    Returns
    -------
    float
        On the [0, 1] scale, the root mean square over the channels.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (1, 64, 64)).astype(np.float32)
    >>> round(estimate_sigma(0.5 + noise), 2)
    0.1
    """
    diagonal = ndimage.convolve1d(image.astype(np.float64), HIGH_PASS, axis=1, mode="reflect")
    diagonal = ndimage.convolve1d(diagonal, HIGH_PASS, axis=2, mode="reflect")
    levels = np.median(np.abs(diagonal), axis=(1, 2)) / 0.6744897501960817
    return float(np.sqrt(np.mean(levels**2)))
