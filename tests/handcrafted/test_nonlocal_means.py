"""Non-local means: agreement with its definition and with scikit-image, and what it restores."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_pictures import photo_crop, picture, psnr
from skimage.restoration import denoise_nl_means
from torch_threads import threads

from priorlab_handcrafted.nonlocal_means import NonLocalMeans
from priorlab_handcrafted.shared.weighted_means import CUT

CLASSIC = {"centre": "1", "passes": 1, "luma": 1.0}


def noisy(clean, sigma, seed=0):
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    return torch.from_numpy((clean + sigma * noise).astype(np.float32))[None]


def by_definition(y, patch, distance, width, variance, flat):
    """Average the pixels of y (C, H, W), one pixel at a time."""
    reach = patch // 2
    steps = np.arange(-reach, reach + 1)
    window = np.exp(-(steps**2) * (0 if flat else 2 / reach**2))
    window = np.outer(window, window) / window.sum() ** 2
    _, height, width_of_y = y.shape
    padded = np.pad(y, ((0, 0), (reach, reach), (reach, reach)), mode="reflect")
    patches = np.lib.stride_tricks.sliding_window_view(padded, (patch, patch), axis=(1, 2))
    out = np.zeros_like(y)
    for r in range(height):
        for c in range(width_of_y):
            rows = slice(max(r - distance, 0), r + distance + 1)
            columns = slice(max(c - distance, 0), c + distance + 1)
            squares = (patches[:, rows, columns] - patches[:, r, c][:, None, None]) ** 2
            d = (squares.mean(0) * window).sum((-2, -1))
            exponents = -np.maximum(d - 2 * variance, 0) / width**2
            weights = np.where(exponents >= -CUT, np.exp(exponents), 0)
            out[:, r, c] = (weights * y[:, rows, columns]).sum((1, 2)) / weights.sum()
    return out


@settings(max_examples=12)
@given(
    shape=st.sampled_from([(1, 16, 16), (3, 17, 21), (1, 9, 70)]),
    patch=st.sampled_from([3, 5, 7]),
    distance=st.integers(1, 12),
    flat=st.booleans(),
    share=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_it_is_the_weighted_mean_of_its_definition(shape, patch, distance, flat, share):
    sigma = 0.1
    y = noisy(picture(shape[1], shape[2], shape[0]), sigma)
    window = "flat" if flat else "gaussian"
    prior = NonLocalMeans(
        patch=patch, distance=distance, h=0.9, variance=share, window=window, **CLASSIC
    )
    exact = by_definition(
        y[0].double().numpy(), patch, distance, 0.9 * sigma, share * sigma**2, flat
    )
    assert np.abs(prior.denoise(y, sigma)[0].numpy() - exact).max() < 2e-5


def scikit_image(y, **settings):
    array = y[0].double().numpy()
    if len(array) == 1:
        return denoise_nl_means(array[0], fast_mode=False, **settings)[None]
    return denoise_nl_means(array, fast_mode=False, channel_axis=0, **settings)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("known", [0.0, 1.0])
def test_it_compares_the_same_patches_in_the_same_way_as_scikit_image(channels, known):
    # With so wide an h all weights are near one, where scikit-image's exponential, which it
    # approximates by lines, is exp(0.7424 x).
    sigma, width = 0.1, 4.0
    y = noisy(picture(40, 50, channels), sigma)
    settings = {"patch_size": 5, "patch_distance": 6, "h": width, "sigma": known * sigma}
    wide = {"patch": 5, "distance": 6, "variance": known, **CLASSIC}
    h = width / sigma / 0.7424**0.5
    ours = NonLocalMeans(h=h, **wide).denoise(y, sigma)[0].numpy()
    unweighted = NonLocalMeans(h=1e4, **wide).denoise(y, sigma)[0].numpy()
    errors = ours - scikit_image(y, **settings)
    assert np.abs(errors).max() < 1e-4
    assert np.abs(errors).max() < 0.04 * np.abs(ours - unweighted).max()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("known", [0.0, 1.0])
def test_it_comes_out_as_the_slow_mode_of_scikit_image(channels, known):
    # Its exponentials are off by up to 5 %, and those below exp(-5) are zero.
    sigma = 0.1
    y = noisy(picture(40, 50, channels), sigma)
    settings = {"patch_size": 7, "patch_distance": 6, "h": 2 * sigma, "sigma": known * sigma}
    ours = NonLocalMeans(patch=7, distance=6, h=2.0, variance=known, **CLASSIC).denoise(y, sigma)
    errors = ours[0].numpy() - scikit_image(y, **settings)
    assert np.sqrt((errors**2).mean()) < 1.5e-3


@pytest.mark.parametrize("channels, floor", [(1, 29.0), (3, 29.0)])
def test_it_restores_and_the_second_pass_helps(channels, floor):
    clean = picture(96, 96, channels)
    y = noisy(clean, 0.1)
    twice, once = (psnr(NonLocalMeans(passes=n).denoise(y, 0.1), clean) for n in (2, 1))
    assert twice > max(once, floor)


@pytest.mark.parametrize("name, channels, level", [("gravel", 1, 50), ("chelsea", 3, 25)])
def test_the_second_pass_does_not_wash_out_texture(name, channels, level):
    """Patches of the first result alone look too much alike: some of the noise is left in them."""
    clean = photo_crop(name, channels)[0].numpy()
    y, sigma = noisy(clean, level / 255), level / 255
    twice, once = (psnr(NonLocalMeans(passes=n).denoise(y, sigma), clean) for n in (2, 1))
    assert twice > once


def test_a_constant_picture_stays_as_it_is():
    flat = torch.full((1, 3, 20, 33), 0.4)
    torch.testing.assert_close(NonLocalMeans().denoise(flat, 0.1), flat, atol=1e-5, rtol=0)


def test_a_value_unlike_all_others_is_kept():
    y = torch.zeros(1, 1, 24, 24)
    y[..., 12, 12] = 5.0
    assert NonLocalMeans(passes=1).denoise(y, 0.02)[0, 0, 12, 12] == pytest.approx(5)


def test_little_noise_changes_little():
    clean = torch.from_numpy(picture(40, 40))[None]
    assert (NonLocalMeans().denoise(clean, 0.5 / 255) - clean).abs().max() < 2 / 255
    assert torch.equal(NonLocalMeans().denoise(clean, 0), clean)


@pytest.mark.parametrize("shape", [(1, 16, 200), (3, 200, 16), (1, 5, 7)])
def test_any_shape(shape):
    y = noisy(picture(shape[1], shape[2], shape[0]), 0.1)
    for dtype in (torch.float32, torch.float64):
        x = NonLocalMeans().denoise(y.to(dtype), 0.1)
        assert x.shape == y.shape
        assert x.dtype == dtype
        assert x.isfinite().all()


def test_batch_threads_and_memory_layout_do_not_matter():
    y = torch.cat([noisy(picture(150, 40, 3, seed), 0.1, seed) for seed in range(2)])
    before, prior = y.clone(), NonLocalMeans()
    with threads(1):
        loop = torch.cat([prior.denoise(image[None], 0.1) for image in y])
    strided = y.contiguous(memory_format=torch.channels_last)
    with threads(3):
        assert torch.equal(prior.denoise(strided, 0.1), loop)
    assert torch.equal(y, before)
