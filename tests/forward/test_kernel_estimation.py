"""The kernel of a shaken camera, from the picture alone."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop
from scipy.ndimage import label
from torch_threads import threads

from priorlab.errors import UsageError
from priorlab.forward import kernel_estimation
from priorlab.forward.cropped_convolution import CroppedConvolution
from priorlab.forward.kernel_estimation import estimate_kernel
from priorlab.tasks import kernels


def boxes(height: int, width: int) -> torch.Tensor:
    """Return a picture of overlapping boxes, (1, 3, H, W)."""
    rng = np.random.default_rng(0)
    image = np.full((3, height, width), 0.5)
    for _ in range(60):
        top, left = rng.integers(height), rng.integers(width)
        tall, wide = rng.integers(8, 40, 2)
        image[:, top : top + tall, left : left + wide] = rng.random((3, 1, 1))
    return torch.from_numpy(image[None]).float()


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Return the greatest correlation of two kernels over all displacements."""
    scaled = [kernel / np.sqrt((kernel**2).sum()) for kernel in (first, second)]
    return float(scipy.signal.fftconvolve(scaled[0], scaled[1][::-1, ::-1]).max())


@pytest.mark.parametrize("angle", mostly_slow([20, 110], 20))
def test_the_kernel_is_found(angle: float) -> None:
    true = kernels.motion(11, angle)
    y = CroppedConvolution(torch.from_numpy(true).float()).forward(boxes(140, 150))
    y = y + torch.randn(y.shape, generator=torch.Generator().manual_seed(0)) / 255
    before = y.clone()
    found = estimate_kernel(y, 17)
    assert found.shape == (17, 17) and found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-6)
    assert likeness(found, true) > 0.85
    # Another direction is not like it, nor is no blur at all.
    assert likeness(kernels.motion(11, angle + 90), true) < 0.5
    assert likeness(np.ones((1, 1)), true) < 0.5
    assert torch.equal(y, before)
    assert np.array_equal(found, estimate_kernel(y, 17))


@pytest.mark.slow
def test_threads_do_not_change_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    # They change how sums are rounded; thresholds then let other edges through.
    # Threads wait for each other in each step, for long where there are no free cores.
    monkeypatch.setattr(kernel_estimation, "STEPS", 10)
    true = torch.from_numpy(kernels.motion(11, 20)).float()
    y = CroppedConvolution(true).forward(photo_crop("coffee", 3, 256))
    y = (y + 0.02 * torch.randn(y.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    found = []
    for count in (1, 2):
        with threads(count):
            found.append(estimate_kernel(y, 7))
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)


@pytest.mark.slow
def test_little_contrast_has_the_same_kernel() -> None:
    sharp, kernel = boxes(120, 120), torch.from_numpy(kernels.motion(7, 20)).float()
    picture = CroppedConvolution(kernel).forward(sharp).double()
    found = [estimate_kernel(x, 9) for x in (picture, 0.5 + picture / 64)]
    assert likeness(*found) > 0.99


def test_a_picture_without_edges_has_no_kernel() -> None:
    with pytest.raises(UsageError, match="no edges"):
        estimate_kernel(torch.full((1, 1, 24, 32), 0.5), 9)


def test_a_sharp_picture_has_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    # It becomes so much sharper than its kernel explains that a round finds no edge as strong.
    monkeypatch.setattr(kernel_estimation, "STEPS", 40)
    assert estimate_kernel(photo_crop("gravel", 1, 200), 13).sum() == pytest.approx(1)


@pytest.mark.parametrize("side", mostly_slow([16, 24, 33, 40], 16))
def test_a_picture_may_be_hardly_larger_than_its_kernel(side: int) -> None:
    y = boxes(side, side + 4)[:, :, :side]
    found = estimate_kernel(y, min(25, side - 1 + side % 2))
    assert np.isfinite(found).all() and found.sum() == pytest.approx(1, abs=1e-6)


def test_what_is_far_from_the_kernel_does_not_move_the_picture() -> None:
    # Where only faint values join it to the kernel, which are cut off in the end.
    true = kernels.motion(9, 20)
    y = CroppedConvolution(torch.from_numpy(true).float()).forward(photo_crop("coffee", 3, 240))
    y = y + torch.randn(y.shape, generator=torch.Generator().manual_seed(0)) / 255
    found = estimate_kernel(y, 25)
    _, count = label(found > 0, np.ones((3, 3)))
    parts = [found[label(found > 0, np.ones((3, 3)))[0] == k].sum() for k in range(1, count + 1)]
    assert min(parts) >= kernel_estimation.LEAST_PART
