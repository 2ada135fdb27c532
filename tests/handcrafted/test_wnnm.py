"""WNNM: the shrinkage of a group, the eigenvectors it needs, and what it makes of pictures."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mostly_slow import slow_where
from sample_pictures import noisy_picture
from torch_threads import threads

from priorlab import metrics
from priorlab_handcrafted.blocks import eigenvectors
from priorlab_handcrafted.blocks.wnnm_kernels import shrink
from priorlab_handcrafted.bm3d import BM3D
from priorlab_handcrafted.wnnm import SETTINGS, WNNM

QUICK = WNNM(reach=9)


def low_rank(n, size, spectrum, seed=0):
    """Return a matrix (n, size) with these singular values."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.standard_normal((n, len(spectrum))))[0]
    right = np.linalg.qr(rng.standard_normal((size, len(spectrum))))[0]
    return (left * np.array(spectrum)) @ right.T


def leading(matrix, bound):
    n = len(matrix)
    values, vectors = np.empty(n, np.float32), np.empty((n, n), np.float32)
    count = eigenvectors.leading(matrix.astype(np.float32), bound, values, vectors)
    return values[:count], vectors[:count]


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 40),
    spectrum=st.lists(st.sampled_from([0.0, 0.3, 0.9, 1.2, 1.2, 5.0, 70.0]), max_size=40),
    seed=st.integers(0, 99),
)
def test_eigenvalues_above_a_bound_and_their_vectors(size, spectrum, seed):
    """However many there are, and whether or not some are equal."""
    spectrum = sorted([*spectrum, *size * [0.0]][:size], reverse=True)
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
    matrix = (basis * spectrum) @ basis.T
    values, vectors = leading(matrix, 1.0)
    expected = [value for value in spectrum if value > 1]
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(values)), atol=1e-4)
    np.testing.assert_allclose(vectors @ matrix, values[:, None] * vectors, atol=2e-3)


def test_diagonal_matrices_have_eigenvectors_too():
    values, vectors = leading(np.diag([2.0, 0.0, 3.0, 0.5] + 12 * [0.0]), 1.0)
    np.testing.assert_allclose(values, [3, 2], rtol=1e-6)
    np.testing.assert_allclose(abs(vectors[:, :3]), [[0, 0, 1], [1, 0, 0]], atol=1e-6)


@pytest.mark.parametrize("shape", [(70, 36), (61, 49), (20, 49), (1, 36)])
def test_shrinkage_solves_the_weighted_problem(shape):
    """For each singular value, by trying all values that the result could have."""
    group = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    group += 8 * low_rank(*shape, np.ones(min(3, *shape))).astype(np.float32)
    before = np.linalg.svd(group.astype(np.float64), full_matrices=False)
    constant = 20.0
    after = group.copy()
    shrink(after, constant)
    shrunk = np.diag(before[0].T @ after @ before[2].T)
    np.testing.assert_allclose((before[0] * shrunk) @ before[2], after, atol=1e-3)
    assert 0 < np.count_nonzero(shrunk > 1e-3) <= len(shrunk)
    for s, t in zip(before[1], shrunk, strict=True):
        if s <= 2 * math.sqrt(constant):
            assert t == pytest.approx(0, abs=1e-3)
            continue
        candidates = np.linspace(0, 1.5 * s, 30001)
        objective = (candidates - s) ** 2 / 2 + constant / t * candidates
        assert t == pytest.approx(candidates[objective.argmin()], abs=s * 1e-3)
        assert t >= s / 2  # the greater of two fixed points


def test_a_group_of_low_rank_is_recovered_from_noise():
    clean = low_rank(60, 49, [30.0, 20.0])
    sigma = 0.05
    noisy = clean + sigma * np.random.default_rng(1).standard_normal(clean.shape)
    group = noisy.astype(np.float32)
    shrink(group, 9 * math.sqrt(60) * sigma**2)
    assert np.linalg.matrix_rank(group, tol=1e-3) == 2
    assert np.linalg.norm(group - clean) < 0.35 * np.linalg.norm(noisy - clean)


def test_without_noise_a_group_stays():
    clean = low_rank(60, 49, [3.0, 2.0, 0.1]).astype(np.float32)
    group = clean.copy()
    shrink(group, 1e-9)
    np.testing.assert_allclose(group, clean, atol=1e-5)


@settings(max_examples=8, deadline=None)
@given(
    channels=st.sampled_from([1, 2, 3]),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    sigma=st.sampled_from([1e-4, 0.05, 0.1, 0.2, 1.0]),
    step=st.integers(1, 6),
)
@pytest.mark.slow
def test_any_size_and_level(channels, height, width, sigma, step):
    _, y = noisy_picture(height, width, channels, sigma)
    restored = WNNM(reach=4, step=step).denoise(y, sigma)
    assert restored.shape == y.shape
    assert restored.isfinite().all()
    assert (restored - y).square().mean().sqrt() < 2 * sigma + 1e-4


@pytest.mark.parametrize("sigma", [0.0, 1e-8, 1e-5])
def test_no_noise_leaves_the_image(sigma):
    image = torch.rand(1, 3, 20, 23, generator=torch.Generator().manual_seed(0))
    restored = QUICK.denoise(image, sigma)
    torch.testing.assert_close(restored, image, atol=2e-4, rtol=0)
    assert restored.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_a_constant_stays(value):
    image = torch.full((1, 3, 24, 30), value)
    torch.testing.assert_close(QUICK.denoise(image, 0.1), image, atol=1e-5, rtol=0)


@pytest.mark.parametrize("setting", SETTINGS[:-1])
def test_it_scales_with_the_image(setting):
    """Within what one setting serves, only the ratio of contrast and noise matters."""
    _, y = noisy_picture(30, 32, 1, setting.sigma)
    whole = QUICK.denoise(y, setting.sigma)
    part = QUICK.denoise(0.9 * y, 0.9 * setting.sigma)
    torch.testing.assert_close(part, 0.9 * whole, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("channels", "sigma", "gain"),
    slow_where(
        lambda channels, sigma, gain: channels == 3 or sigma == 50,
        [(1, 15, 0.0), (1, 25, 0.0), (1, 50, -1.0), (3, 25, -0.5)],
    ),
)
def test_quality_beside_bm3d(channels, sigma, gain):
    """In strong noise, so small a picture has too few patches for groups of a hundred."""
    clean, y = noisy_picture(72, 64, channels, sigma / 255)
    ours, theirs = (
        metrics.psnr(prior.denoise(y, sigma / 255)[0].clamp(0, 1).numpy(), clean)
        for prior in (WNNM(), BM3D())
    )
    assert ours > theirs + gain


@pytest.mark.slow
def test_threads_do_not_change_a_bit():
    _, y = noisy_picture(40, 170, 1, 0.1)
    with threads(1):
        one = QUICK.denoise(y, 0.1)
    with threads(3):
        three = QUICK.denoise(y, 0.1)
    assert torch.equal(one, three)


def test_batch_is_treated_like_its_images_and_not_changed():
    y = torch.cat([noisy_picture(22, 24, 1, s)[1] for s in (0.05, 0.1)])
    before = y.clone()
    loop = torch.cat([QUICK.denoise(image[None], 0.1) for image in y])
    assert torch.equal(QUICK.denoise(y, 0.1), loop)
    assert torch.equal(y, before)


def test_all_iterations_have_patches_enough():
    for setting in SETTINGS:
        assert setting.size(setting.iterations - 1) >= 30
