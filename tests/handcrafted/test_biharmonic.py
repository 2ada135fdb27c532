"""Biharmonic interpolation: the same as scikit-image, window by window."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_pictures import picture

from priorlab import metrics
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import NoNoise
from priorlab.forward.operators import Mask
from priorlab_handcrafted import biharmonic
from priorlab_handcrafted.biharmonic import Biharmonic
from priorlab_handcrafted.linear_interpolation import Linear


def random_mask(missing, channels, height, width, seed=0):
    draw = torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed))
    return (draw >= missing).float()


def inpaint(clean, mask, prior=None):
    y = torch.from_numpy(clean)[None] * mask
    measurement = Measurement(y, Mask(mask), NoNoise(), tuple(y.shape))
    return (prior or Biharmonic()).restore(measurement)[0].numpy()


@pytest.mark.parametrize("channels", [1, 3])
def test_it_agrees_with_scikit_image_and_keeps_what_is_known(channels):
    from skimage.restoration import inpaint_biharmonic

    clean, mask = picture(40, 36, channels), random_mask(0.5, 1, 40, 36)
    missing = mask[0, 0].numpy() == 0
    filled = inpaint(clean, mask)
    expected = inpaint_biharmonic(clean.astype(float), missing, channel_axis=0)
    assert np.abs(filled - expected).max() < 1e-6
    assert np.array_equal(filled[:, ~missing], clean[:, ~missing])


def test_each_channel_can_have_its_own_mask():
    clean, mask = picture(30, 44, 3), random_mask(0.6, 3, 30, 44)
    filled = inpaint(clean, mask)
    for channel in range(3):
        one = inpaint(clean[channel, None], mask[:, channel, None])
        assert np.array_equal(filled[channel, None], one)


def waves(height, width):
    rows, columns = np.mgrid[:height, :width] / 8
    image = 0.5 + 0.2 * np.sin(rows) * np.cos(columns) + 0.1 * np.cos(rows * columns / 8)
    return image[None].astype(np.float32)


def test_smooth_pictures_are_filled_better_than_by_linear_interpolation():
    clean, mask = waves(64, 72), random_mask(0.6, 1, 64, 72)
    smooth, linear = (inpaint(clean, mask, prior) for prior in (Biharmonic(), Linear()))
    assert metrics.psnr(smooth, clean) > metrics.psnr(linear, clean) + 3


def test_windows_leave_no_seam(monkeypatch):
    clean, mask = waves(90, 140), random_mask(0.7, 1, 90, 140)
    whole = inpaint(clean, mask)
    monkeypatch.setattr(biharmonic, "SIDE", 32)
    windows = inpaint(clean, mask)
    # A value beyond those known in its window is cut to them, so that single pixels differ.
    difference = np.abs(windows - whole)
    assert np.quantile(difference, 0.99) < 1e-3
    assert np.sqrt(np.mean(difference**2)) < 1e-3


def test_windows_grow_with_the_holes(monkeypatch):
    rows, columns = np.mgrid[:80, :100]
    clean = (0.2 + (rows + columns) / 300)[None].astype(np.float32)
    mask = torch.ones(1, 1, 80, 100)
    mask[..., 20:60, 25:75] = 0
    monkeypatch.setattr(biharmonic, "SIDE", 16)
    assert np.abs(inpaint(clean, mask) - clean).max() < 1e-4


@settings(max_examples=15)
@given(
    st.integers(16, 40), st.integers(16, 120), st.sampled_from([0.05, 0.5, 0.9]), st.integers(0, 99)
)
def test_any_size_and_share_stays_within_the_known_range(height, width, missing, seed):
    clean = picture(height, width, seed=seed)
    mask = random_mask(missing, 1, height, width, seed)
    filled = inpaint(clean, mask)
    known = clean[:, mask[0, 0].numpy() == 1]
    assert filled.shape == clean.shape
    assert known.min() - 1e-6 <= filled.min() and filled.max() <= known.max() + 1e-6


@pytest.mark.parametrize("known", [0, 1, 2, 256])
def test_hardly_any_or_every_pixel_known(known):
    mask = torch.zeros(1, 1, 16, 16)
    mask.view(-1)[:known] = 1
    filled = inpaint(np.full((1, 16, 16), 0.25, np.float32), mask)
    assert np.allclose(filled, 0.25 if known else 0.5)


def test_a_batch_is_treated_like_its_images():
    y = torch.stack([torch.from_numpy(picture(24, 30, 3, seed)) for seed in range(3)])
    mask = random_mask(0.5, 1, 24, 30)
    y = y * mask
    before = y.clone()

    def restore(y):
        return Biharmonic().restore(Measurement(y, Mask(mask), NoNoise(), tuple(y.shape)))

    loop = torch.cat([restore(image[None]) for image in y])
    torch.testing.assert_close(restore(y), loop, atol=1e-6, rtol=0)
    assert torch.equal(y, before)


def test_huge_holes_are_not_supported():
    nothing = torch.zeros(1, 1, 700, 640)
    measurement = Measurement(nothing, Mask(nothing), NoNoise(), (1, 1, 700, 640))
    assert Biharmonic().unsupported(measurement) is None, "it becomes gray"
    mask = torch.zeros(1, 1, 700, 640)
    mask[..., 0, :] = mask[..., -1, :] = 1
    measurement = Measurement(mask.clone(), Mask(mask), NoNoise(), (1, 1, 700, 640))
    assert Biharmonic().unsupported(measurement) == (
        "it fills holes up to 512 pixels wide, not 698"
    )
