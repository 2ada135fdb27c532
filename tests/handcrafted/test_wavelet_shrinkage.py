"""Wavelets: filters, transforms, thresholds, and shrinkage on both paths."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mostly_slow import slow_where
from sample_pictures import picture
from torch_threads import threads

from priorlab.errors import UsageError
from priorlab.metrics import psnr
from priorlab_handcrafted import wavelet_shrinkage
from priorlab_handcrafted.shared.mirroring import mirror
from priorlab_handcrafted.shared.threads import Threads
from priorlab_handcrafted.wavelet_shrinkage import Wavelet
from priorlab_handcrafted.wavelets.extents import Axis, Extent
from priorlab_handcrafted.wavelets.filters import FILTERS, scaling_filter
from priorlab_handcrafted.wavelets.thresholds import (
    bayes_threshold,
    removed,
    sure_threshold,
    universal_threshold,
)
from priorlab_handcrafted.wavelets.transform import WaveletTransform


def noisy(shape, sigma=0.1, seed=0):
    clean = torch.from_numpy(picture(*shape[2:], shape[1]))[None]
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return clean + sigma * noise


def on_cpu(prior, *given):
    with Threads() as threads:
        return prior._removed_on_cpu(*given, threads)


def coefficients(transform, x):
    coarse, details = transform.analyse(x)
    return [coarse, *(band for bands in details for band in bands)]


@pytest.mark.parametrize("name", FILTERS)
def test_filters_are_orthogonal_to_their_even_shifts(name):
    taps = np.array(scaling_filter(name))
    assert len(taps) == 2 * FILTERS[name]
    assert taps.sum() == pytest.approx(1)
    for shift in range(0, len(taps), 2):
        product = taps[shift:] @ taps[: len(taps) - shift]
        assert product == pytest.approx(0.5 if shift == 0 else 0, abs=1e-9)


@pytest.mark.parametrize("name", FILTERS)
def test_wavelets_have_their_vanishing_moments(name):
    taps = np.array(scaling_filter(name))
    signs = (-1.0) ** np.arange(len(taps))
    for power in range(FILTERS[name]):
        assert (taps * signs) @ np.arange(len(taps)) ** power == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("name", FILTERS)
def test_transforms_are_those_of_pywavelets(name):
    pywt = pytest.importorskip("pywt")
    x = torch.randn(64, 80, dtype=torch.float64)
    theirs = pywt.wavedec2(x.numpy(), name, mode="periodization", level=2)
    coarse, details = WaveletTransform(name, 2, decimated=True).analyse(x[None, None])
    np.testing.assert_allclose(coarse[0, 0], theirs[0], atol=1e-6)
    np.testing.assert_allclose(
        np.concatenate([np.ravel(band) for bands in details[::-1] for band in bands]),
        np.concatenate([np.ravel(band) for bands in theirs[1:] for band in bands]),
        atol=1e-6,
    )
    theirs = pywt.swt2(x.numpy(), name, level=2, norm=True, trim_approx=True)
    coarse, details = WaveletTransform(name, 2, decimated=False).analyse(x[None, None])
    np.testing.assert_allclose(coarse[0, 0], theirs[0], atol=1e-6)
    stacked = torch.stack([torch.cat(bands)[:, 0] for bands in details[::-1]])
    np.testing.assert_allclose(stacked, theirs[1:], atol=1e-6)


@settings(max_examples=20)
@given(
    name=st.sampled_from(list(FILTERS)),
    levels=st.integers(1, 3),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    decimated=st.booleans(),
)
def test_transforms_keep_the_energy_and_are_inverted_by_their_adjoint(
    name, levels, height, width, decimated
):
    if decimated:
        height, width = height * 2**levels, width * 2**levels
    transform = WaveletTransform(name, levels, decimated)
    x = torch.randn(2, 1, height, width, dtype=torch.float64)
    energy = sum(band.square().sum() for band in coefficients(transform, x))
    torch.testing.assert_close(energy, x.square().sum())
    torch.testing.assert_close(transform.synthesise(*transform.analyse(x)), x)


@pytest.mark.parametrize("decimated", [True, False])
def test_noise_has_the_scale_that_the_transform_says(decimated):
    transform = WaveletTransform("sym4", 3, decimated)
    x = torch.randn(1, 1, 512, 512, generator=torch.Generator().manual_seed(0))
    for level, bands in enumerate(transform.analyse(x)[1]):
        for band in bands:
            assert band.std().item() == pytest.approx(transform.noise_scale(level), rel=0.05)


def test_without_decimation_shrinkage_is_the_average_over_all_shifts():
    x = torch.randn(1, 1, 16, 24, dtype=torch.float64)
    threshold, every = 0.3, [(down, right) for down in range(4) for right in range(4)]

    def shrink(transform, x):
        coarse, details = transform.analyse(x)
        for level, bands in enumerate(details):
            limit = threshold * transform.noise_scale(level)
            bands[:] = [band - removed(band, limit, "soft") for band in bands]
        return transform.synthesise(coarse, details)

    orthogonal = WaveletTransform("sym2", 2, decimated=True)
    shifted = [
        shrink(orthogonal, x.roll(by, (-2, -1))).roll((-by[0], -by[1]), (-2, -1)) for by in every
    ]
    average = sum(shifted) / len(every)
    torch.testing.assert_close(shrink(WaveletTransform("sym2", 2, decimated=False), x), average)


def test_noise_hardly_exceeds_the_universal_threshold():
    noise = torch.randn(50, 4096, generator=torch.Generator().manual_seed(0))
    threshold = universal_threshold(1.0, 4096)
    assert threshold == pytest.approx((2 * np.log(4096)) ** 0.5)
    assert (noise.abs().amax(1) < threshold).float().mean() > 0.7


def test_sure_has_nearly_the_least_error_of_all_soft_thresholds():
    generator = torch.Generator().manual_seed(0)
    clean = torch.zeros(1, 1, 128, 128)
    clean[..., ::2, ::2] = 4 * torch.randn(64, 64, generator=generator)
    band = clean + torch.randn(clean.shape, generator=generator)

    def error(threshold):
        return (band - removed(band, threshold, "soft") - clean).square().mean().item()

    best = min(error(threshold) for threshold in np.linspace(0, 4, 81))
    assert error(sure_threshold(band, 1.0)) <= 1.01 * best


def test_sure_takes_the_universal_threshold_where_there_is_hardly_more_than_noise():
    band = 0.5 * torch.randn(1, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    band[:, 1] *= 3
    few, many = sure_threshold(band, 0.5)[0, :, 0, 0].tolist()
    assert few == pytest.approx(universal_threshold(0.5, 4096), rel=1e-5)
    assert many < few


def test_sure_takes_nothing_off_where_all_coefficients_are_large():
    band = torch.where(torch.arange(256) % 3 == 0, -20.0, 30.0).view(1, 1, 16, 16)
    assert sure_threshold(band, 1.0).item() == 0


@pytest.mark.parametrize("reach", [None, 3])
def test_bayes_threshold_is_the_noise_variance_over_the_clean_deviation(reach):
    band = torch.full((1, 1, 9, 12), 5.0)
    expected = torch.full_like(bayes_threshold(band, 3.0, reach), 9 / 4)
    torch.testing.assert_close(bayes_threshold(band, 3.0, reach), expected)


def test_bayes_window_is_cut_at_the_border():
    band = torch.zeros(1, 1, 6, 8)
    band[..., 0, 0] = 6.0
    threshold = bayes_threshold(band, 1.0, 1)[0, 0]
    assert threshold[0, 0].item() == pytest.approx(1 / 8**0.5)  # one of four pixels
    assert threshold[1, 1].item() == pytest.approx(1 / 3**0.5)  # one of nine
    assert threshold[2, 2] > 1e5


def test_mirror_images_reach_as_far_as_asked():
    line = torch.tensor([0.0, 1, 2]).expand(1, 1, 3, 3)
    expected = torch.tensor([1.0, 2, 1, 0, 1, 2, 1, 0, 1])
    assert torch.equal(mirror(line, (0, 1), (3, 3))[0, 0, 3], expected)
    assert torch.equal(mirror(line.mT, (3, 3), (0, 0))[0, 0, :, 1], expected)


def test_the_mirror_image_of_a_single_pixel_is_that_pixel():
    assert torch.equal(
        mirror(torch.full((1, 1, 1, 1), 0.3), (2, 3), (1, 0)), torch.full((1, 1, 6, 2), 0.3)
    )


@pytest.mark.parametrize("sizes", [(16, 16), (37, 150), (290, 19)])
@pytest.mark.parametrize(
    "fields",
    [{}, {"window": 0}, {"rule": "visu"}, {"rule": "sure", "filter": "haar"}, {"levels": 8}],
    ids=str,
)
def test_both_paths_agree(sizes, fields):
    x, prior = noisy((2, 3, *sizes)), Wavelet(**fields)
    given = (x, 0.1, WaveletTransform(prior.filter, min(prior.levels, 3), decimated=False))
    torch.testing.assert_close(prior._removed(*given), on_cpu(prior, *given), atol=1e-5, rtol=0)


def test_both_paths_agree_on_hard_shrinkage():
    # A coefficient at the threshold may go either way.
    x, prior = noisy((1, 1, 64, 64)), Wavelet(shrinkage="hard", rule="visu")
    given = (x, 0.1, WaveletTransform("sym4", 3, decimated=False))
    difference = prior._removed(*given) - on_cpu(prior, *given)
    assert (difference.abs() > 1e-5).float().mean() < 0.05


def on_an_endless_picture(x, transform, sigma, margin):
    """Shrink by the universal threshold far beyond the border, where wrapping does not matter."""
    threshold = universal_threshold(sigma, x.shape[-2] * x.shape[-1])
    coarse, details = transform.analyse(mirror(x, (margin, margin), (margin, margin)))
    for level, bands in enumerate(details):
        limit = threshold * transform.noise_scale(level)
        bands[:] = [band - removed(band, limit, "soft") for band in bands]
    result = transform.synthesise(coarse, details)
    return result[..., margin : margin + x.shape[-2], margin : margin + x.shape[-1]]


@pytest.mark.parametrize("transform", ["undecimated", "orthogonal"])
@pytest.mark.parametrize(
    ("name", "levels"),
    slow_where(
        lambda name, levels: (name, levels) in (("haar", 4), ("sym8", 4)),
        [("haar", 4), ("sym3", 4), ("sym8", 2), ("sym8", 4)],
    ),
)
def test_the_picture_goes_on_beyond_its_border(transform, name, levels):
    x = noisy((1, 2, 48, 64))
    prior = Wavelet(transform=transform, filter=name, levels=levels, rule="visu")
    reach = (2 * FILTERS[name] - 1) * (2**levels - 1)
    margin = 32 * (2 + reach // 32)
    endless = on_an_endless_picture(
        x, WaveletTransform(name, levels, transform == "orthogonal"), 0.1, margin
    )
    torch.testing.assert_close(prior.denoise(x, 0.1), endless, atol=1e-5, rtol=0)


@pytest.mark.parametrize("fields", [{}, {"window": 0}, {"rule": "sure"}, {"window": 5}], ids=str)
@pytest.mark.parametrize("decimated", [True, False])
def test_more_margin_than_the_filters_reach_changes_nothing(fields, decimated, monkeypatch):
    x, prior = noisy((1, 1, 40, 56)), Wavelet(**fields)
    given = (x, 0.1, WaveletTransform("sym3", 4, decimated))
    expected = prior._removed(*given)

    class Wider(Axis):
        def __init__(self, transform, size):
            super().__init__(transform, size)
            self.coarse[0] = Extent(self.coarse[0].first - 96, self.coarse[0].last + 96)

    monkeypatch.setattr(wavelet_shrinkage, "Axis", Wider)
    torch.testing.assert_close(prior._removed(*given), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("decimated", [True, False])
@pytest.mark.parametrize(("name", "levels"), [("haar", 3), ("sym4", 2), ("sym3", 4)])
def test_extents_hold_all_that_the_image_depends_on_and_no_more(decimated, name, levels):
    transform, size, margin = WaveletTransform(name, levels, decimated), 21, 16 * 2**levels
    axis = Axis(transform, size)
    x = torch.zeros(1, 1, 2**levels, 2 * margin + 32, dtype=torch.float64, requires_grad=True)
    coarse, details = transform.analyse(x)
    for bands in details:
        bands[1].retain_grad()  # the band that is rough along the columns only
    image = transform.synthesise(coarse, details)[..., margin : margin + size]
    (image * torch.rand(image.shape, dtype=torch.float64)).sum().backward()
    for level, bands in enumerate(details):
        offset = margin // transform.stride ** (level + 1)
        touched = bands[1].grad.abs().sum((0, 1, 2)).nonzero().flatten() - offset
        extent = axis.details[level]
        assert (touched.min(), touched.max() + 1) == (extent.first, extent.last)


def test_result_moves_with_the_image_away_from_the_border():
    scene = torch.rand(1, 1, 150, 150, generator=torch.Generator().manual_seed(1))
    prior = Wavelet(window=5, levels=2)
    here = prior.denoise(scene[..., :128, :128], 0.1)
    there = prior.denoise(scene[..., 3:131, 5:133], 0.1)
    torch.testing.assert_close(here[..., 43:83, 45:85], there[..., 40:80, 40:80], atol=1e-5, rtol=0)


def test_the_haar_wavelet_compares_two_by_two_pixels():
    """With one scale and one threshold for all, each block is treated by itself."""
    y, sigma = noisy((1, 1, 24, 20)), 0.1
    prior = Wavelet(transform="orthogonal", filter="haar", levels=1, rule="visu", shrinkage="hard")
    a, b, c, d = (y[..., row::2, column::2] for row in (0, 1) for column in (0, 1))
    mean = (a + b + c + d) / 4
    bands = [(a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2]
    limit = universal_threshold(sigma, 24 * 20)
    down, right, cross = (torch.where(band.abs() > limit, band, 0) / 2 for band in bands)
    expected = torch.empty_like(y)
    expected[..., ::2, ::2], expected[..., ::2, 1::2] = (
        mean + down + right + cross,
        mean + down - right - cross,
    )
    expected[..., 1::2, ::2], expected[..., 1::2, 1::2] = (
        mean - down + right - cross,
        mean - down - right + cross,
    )
    torch.testing.assert_close(prior.denoise(y, sigma), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("transform", ["undecimated", "orthogonal"])
def test_each_level_removes_noise_of_half_the_frequency(transform):
    """About a quarter of what the level before left is coarser still."""
    clean = torch.full((1, 1, 128, 128), 0.5)
    y = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    left = [0.1**2]
    for levels in (1, 2, 3, 4, 5):
        prior = Wavelet(transform=transform, rule="visu", levels=levels)
        left.append((prior.denoise(y, 0.1) - clean).square().mean().item())
        assert left[-1] < 0.4 * left[-2]


@pytest.mark.parametrize("transform", ["undecimated", "orthogonal"])
def test_a_window_tells_flat_parts_from_texture(transform):
    generator = torch.Generator().manual_seed(0)
    clean = torch.full((1, 1, 64, 64), 0.5)
    clean[..., 32:] = torch.rand(64, 32, generator=generator)
    y = clean + 0.1 * torch.randn(clean.shape, generator=generator)
    whole, wide, narrow = (
        Wavelet(transform=transform, window=window).denoise(y, 0.1) - clean for window in (0, 33, 9)
    )
    flat = [error[..., :24].square().mean() for error in (whole, wide, narrow)]
    assert flat[0] > 1.3 * flat[1] > 2 * flat[2]


@pytest.mark.parametrize("transform", ["undecimated", "orthogonal"])
@pytest.mark.parametrize(
    ("rule", "shrinkage"),
    [("bayes", "soft"), ("bayes", "hard"), ("sure", "soft"), ("visu", "soft"), ("visu", "hard")],
)
def test_flat_regions_are_smoothed_and_edges_stay(transform, rule, shrinkage):
    clean = torch.zeros(1, 3, 64, 64)
    clean[..., 32:] = 1
    noise = 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    prior = Wavelet(transform=transform, rule=rule, shrinkage=shrinkage)
    error = (prior.denoise(clean + noise, 0.1) - clean).square().mean()
    assert error < (0.2 if transform == "undecimated" else 0.4) * noise.square().mean()


@pytest.mark.parametrize("transform", ["undecimated", "orthogonal"])
@pytest.mark.parametrize(
    "shape", [(1, 1, 16, 16), (1, 3, 17, 31), (1, 1, 16, 200), (1, 1, 1, 1), (1, 1, 3, 70)]
)
def test_any_size(transform, shape):
    for levels in (1, 8):
        restored = Wavelet(transform=transform, levels=levels).denoise(noisy(shape), 0.1)
        assert restored.shape == shape
        assert restored.isfinite().all()


def test_quality_on_a_picture():
    clean = picture(128, 128)
    y = torch.from_numpy(clean)[None] + 0.1 * torch.randn(
        1, 1, 128, 128, generator=torch.Generator().manual_seed(0)
    )
    scores = {
        transform: psnr(Wavelet(transform=transform).denoise(y, 0.1)[0].clamp(0, 1).numpy(), clean)
        for transform in ("undecimated", "orthogonal")
    }
    assert scores["undecimated"] > 29
    assert scores["undecimated"] > scores["orthogonal"] + 0.5


@pytest.mark.parametrize("sigma", [0.0, 1e-8])
@pytest.mark.parametrize("rule", ["bayes", "sure", "visu"])
def test_no_noise_leaves_the_image(sigma, rule):
    image = torch.rand(1, 3, 33, 20)
    restored = Wavelet(rule=rule).denoise(image, sigma)
    torch.testing.assert_close(restored, image, atol=1e-5, rtol=0)


def test_much_noise_is_removed():
    restored = Wavelet().denoise(noisy((1, 1, 64, 64), sigma=0.5), 0.5)
    assert (restored - torch.from_numpy(picture(64, 64))).square().mean() < 0.15 * 0.25


def test_threads_do_not_matter():
    x = noisy((1, 3, 300, 40))
    one = Wavelet().denoise(x, 0.1)
    with threads(3):
        assert torch.equal(Wavelet().denoise(x, 0.1), one)


def test_a_batch_is_treated_like_its_images_and_left_alone():
    x = torch.cat([noisy((1, 3, 33, 40)), 0.5 * noisy((1, 3, 33, 40), seed=1)])
    before = x.clone()
    for rule in ("bayes", "sure"):
        prior = Wavelet(rule=rule)
        loop = torch.cat([prior.denoise(image[None], 0.1) for image in x])
        assert torch.equal(prior.denoise(x, 0.1), loop)
    assert torch.equal(x, before)


def test_double_precision_is_taken_and_given():
    x = noisy((1, 3, 24, 24))
    restored = Wavelet().denoise(x.double(), 0.1)
    assert restored.dtype == torch.float64
    torch.testing.assert_close(restored.float(), Wavelet().denoise(x, 0.1), atol=1e-5, rtol=0)


def test_sure_is_for_soft_shrinkage_only():
    with pytest.raises(UsageError, match="rule=sure estimates the risk of soft shrinkage"):
        Wavelet(rule="sure", shrinkage="hard")
