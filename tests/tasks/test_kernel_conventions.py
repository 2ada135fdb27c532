"""Kernels made for SciPy and OpenCV: blurred here, a picture is what it is there."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
import torch

from priorlab.errors import UsageError
from priorlab.forward.convolution import Convolution
from priorlab.tasks.kernel_conventions import CONVENTIONS, convert

IMAGE = np.random.default_rng(0).random((40, 44))
SIZES = [(3, 5), (4, 6), (4, 5), (1, 2), (2, 1), (1, 1)]


def filter_2d(image, weights, anchor=None):
    """Return what OpenCV's manual says: sum of kernel(x', y') src(x + x' - ax, y + y' - ay)."""
    rows, columns = weights.shape
    top, left = anchor or (rows // 2, columns // 2)
    result = np.zeros_like(image)
    for row in range(rows):
        for column in range(columns):
            result += weights[row, column] * np.roll(image, (top - row, left - column), (0, 1))
    return result


FUNCTIONS = {
    "scipy.ndimage.convolve": lambda image, w: scipy.ndimage.convolve(image, w, mode="wrap"),
    "scipy.ndimage.correlate": lambda image, w: scipy.ndimage.correlate(image, w, mode="wrap"),
    "scipy.signal.convolve": lambda image, w: scipy.signal.convolve(
        image, w, "same", method="direct"
    ),
    "scipy.signal.convolve2d": lambda image, w: scipy.signal.convolve2d(image, w, "same"),
    "scipy.signal.fftconvolve": lambda image, w: scipy.signal.fftconvolve(image, w, "same"),
    "scipy.signal.correlate": lambda image, w: scipy.signal.correlate(
        image, w, "same", method="direct"
    ),
    "scipy.signal.correlate2d": lambda image, w: scipy.signal.correlate2d(image, w, "same"),
    "cv2.filter2D": filter_2d,
}


def blurred(kernel):
    return Convolution(torch.from_numpy(kernel)).forward(torch.from_numpy(IMAGE)[None, None])[0, 0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_converted_kernel_blurs_as_the_function_did(name, size):
    weights = np.random.default_rng(1).random(size)
    inside = np.s_[8:-8, 8:-8]
    ours, theirs = blurred(convert(weights, name)).numpy(), FUNCTIONS[name](IMAGE, weights)
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-12)


@pytest.mark.parametrize("anchor", [(0, 0), (3, 4), (1, 2), (2, 0)])
def test_an_anchor_of_opencv(anchor):
    weights = np.random.default_rng(1).random((4, 5))
    ours = blurred(convert(weights, "cv2.filter2D", anchor)).numpy()
    np.testing.assert_allclose(ours, filter_2d(IMAGE, weights, anchor), atol=1e-12)


def test_the_own_convention_changes_nothing():
    for size in SIZES:
        weights = np.random.default_rng(1).random(size)
        assert np.array_equal(convert(weights, "scipy.ndimage.convolve"), weights)


@pytest.mark.parametrize(
    ("weights", "made_for", "anchor", "says"),
    [
        ([[1.0]], "numpy.convolve", None, "none of scipy.ndimage.convolve, "),
        ([1.0], "cv2.filter2D", None, "rows and columns"),
        ([[1.0, 2.0]], "cv2.filter2D", (0, 2), "outside"),
    ],
)
def test_what_cannot_be_converted(weights, made_for, anchor, says):
    with pytest.raises(UsageError, match=says):
        convert(weights, made_for, anchor)
