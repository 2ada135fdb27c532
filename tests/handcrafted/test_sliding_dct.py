"""Sliding DCT shrinkage: against a slow version, and what it does to pictures."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_pictures import picture
from scipy.fft import dctn, idctn
from torch_threads import threads

from priorlab.metrics import psnr
from priorlab_handcrafted.sliding_dct import TRUST, SlidingDCT


def noisy(height, width, channels=1, sigma=0.1, seed=0):
    clean = torch.from_numpy(picture(height, width, channels))[None]
    return clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))


def slow(x, sigma, threshold, pilot=None):
    """Do the same for an image (H, W) in float64, one block after the other."""
    padded = np.pad(x, 7, mode="reflect")
    guide = None if pilot is None else np.pad(pilot, 7, mode="reflect")
    total, weights = np.zeros_like(padded), np.zeros_like(padded)
    for row in range(padded.shape[0] - 7):
        for column in range(padded.shape[1] - 7):
            block = np.s_[row : row + 8, column : column + 8]
            spectrum = dctn(padded[block], norm="ortho")
            if guide is None:
                gains = (abs(spectrum) > threshold * sigma).astype(float)
            else:
                power = dctn(guide[block], norm="ortho") ** 2
                gains = power / (power + (TRUST * sigma) ** 2)
            gains[0, 0] = 1
            weight = 1 / (gains**2).sum()
            total[block] += weight * idctn(gains * spectrum, norm="ortho")
            weights[block] += weight
    return (total / weights)[7:-7, 7:-7]


@pytest.mark.slow
@settings(max_examples=10)
@given(
    height=st.integers(16, 24),
    width=st.integers(16, 40),
    sigma=st.floats(0.01, 0.3),
    threshold=st.floats(0.5, 4),
)
def test_the_slow_version_gives_the_same(height, width, sigma, threshold):
    x = noisy(height, width, sigma=sigma)
    first = slow(x[0, 0].double().numpy(), sigma, threshold)
    ours = SlidingDCT(threshold=threshold, wiener=False, scales=1).denoise(x, sigma)[0, 0].numpy()
    # A coefficient at the threshold may go either way.
    assert np.median(abs(ours - first)) < 1e-6
    second = slow(x[0, 0].double().numpy(), sigma, threshold, pilot=ours.astype(np.float64))
    ours = SlidingDCT(threshold=threshold, scales=1).denoise(x, sigma)[0, 0].numpy()
    np.testing.assert_allclose(ours, second, atol=1e-5)


@pytest.mark.parametrize("sigma", [0.0, 1e-3, 0.1, 1.0])
def test_a_constant_image_stays(sigma):
    image = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].expand(1, 3, 17, 40).contiguous()
    torch.testing.assert_close(SlidingDCT().denoise(image, sigma), image, atol=1e-6, rtol=0)


@pytest.mark.parametrize("sigma", [0.0, 1e-8])
def test_no_noise_leaves_the_image(sigma):
    image = torch.rand(1, 3, 33, 20)
    torch.testing.assert_close(SlidingDCT().denoise(image, sigma), image, atol=1e-5, rtol=0)


def test_much_noise_is_removed():
    restored = SlidingDCT().denoise(noisy(64, 64, sigma=0.5), 0.5)
    assert (restored - torch.from_numpy(picture(64, 64))).square().mean() < 0.1 * 0.25


@pytest.mark.parametrize("channels", [1, 3])
def test_quality_on_a_picture(channels):
    clean, y = picture(128, 128, channels), noisy(128, 128, channels)
    scores = [
        psnr(SlidingDCT(wiener=wiener).denoise(y, 0.1)[0].clamp(0, 1).numpy(), clean)
        for wiener in (False, True)
    ]
    assert scores[0] > 30
    assert scores[1] > scores[0] + 0.1


def test_scales_smooth_what_is_coarser_than_a_block():
    noise = noisy(128, 128, sigma=0.3) - torch.from_numpy(picture(128, 128))
    left = [SlidingDCT(scales=scales).denoise(0.5 + noise, 0.3).var() for scales in (1, 2, 3)]
    assert left[1] < 0.6 * left[0]
    assert left[2] < 0.8 * left[1]


def test_a_gray_picture_in_three_channels_stays_gray():
    y = noisy(40, 40).expand(1, 3, 40, 40).contiguous()
    restored = SlidingDCT().denoise(y, 0.1)
    assert (restored - restored.mean(1, keepdim=True)).abs().max() < 1e-5


@pytest.mark.parametrize(
    "shape", [(1, 16, 16), (3, 17, 31), (1, 16, 200), (1, 200, 16), (3, 45, 67)]
)
def test_any_size(shape):
    y = noisy(shape[1], shape[2], shape[0])
    restored = SlidingDCT().denoise(y, 0.1)
    assert restored.shape == y.shape
    clean = torch.from_numpy(picture(shape[1], shape[2], shape[0]))
    assert (restored - clean).square().mean() < 0.7 * (y - clean).square().mean()


def test_a_turned_image_gives_the_turned_result():
    y = noisy(40, 56)
    turned = SlidingDCT().denoise(y.mT.flip(-1), 0.1)
    difference = turned - SlidingDCT().denoise(y, 0.1).mT.flip(-1)
    assert difference.abs().median() < 1e-6


def test_threads_do_not_matter():
    y = noisy(200, 40, 3)
    one = SlidingDCT().denoise(y, 0.1)
    with threads(3):
        torch.testing.assert_close(SlidingDCT().denoise(y, 0.1), one, atol=1e-6, rtol=0)


def test_a_batch_is_treated_like_its_images_and_left_alone():
    y = torch.cat([noisy(33, 40, 3), 0.5 * noisy(33, 40, 3, seed=1)])
    before = y.clone()
    loop = torch.cat([SlidingDCT().denoise(image[None], 0.1) for image in y])
    assert torch.equal(SlidingDCT().denoise(y, 0.1), loop)
    assert torch.equal(y, before)


def test_double_precision_is_taken_and_given():
    y = noisy(24, 24, 3)
    restored = SlidingDCT().denoise(y.double(), 0.1)
    assert restored.dtype == torch.float64
    torch.testing.assert_close(restored.float(), SlidingDCT().denoise(y, 0.1), atol=1e-5, rtol=0)
