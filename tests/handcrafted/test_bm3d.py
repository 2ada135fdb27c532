"""BM3D: its transforms, the search for alike blocks, and what it makes of noisy pictures."""

import numpy as np
import pytest
import pywt
import torch
from sample_pictures import noisy_picture, photo_crop
from torch_threads import threads

from priorlab import metrics
from priorlab_handcrafted.blocks import bands, matching, transforms
from priorlab_handcrafted.blocks import bm3d_kernels as kernels
from priorlab_handcrafted.bm3d import BM3D

MATRICES = [transforms.cosine_matrix, transforms.spline_matrix]


def restored_psnr(clean, y, sigma, **fields):
    return metrics.psnr(BM3D(**fields).denoise(y, sigma)[0].clamp(0, 1).numpy(), clean)


def test_cosines_are_orthonormal():
    matrix = transforms.cosine_matrix()
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(8), atol=1e-12)


@pytest.mark.filterwarnings("ignore:Level value")
def test_splines_are_those_of_pywavelets():
    columns = [
        np.concatenate(pywt.wavedec(unit, "bior1.5", mode="periodization", level=3))
        for unit in np.eye(8)
    ]
    expected = np.array(columns).T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(abs(transforms.spline_matrix()), abs(expected), atol=1e-12)


@pytest.mark.parametrize("make", MATRICES)
def test_table_of_spectra_and_the_way_back(make):
    plane = np.random.default_rng(0).random((11, 14), dtype=np.float32)
    matrix = make()
    spectra, ring = np.empty((4 * 7, 64), np.float32), transforms.rows_for(plane)
    transforms.analyse(plane, matrix.astype(np.float32), ring, spectra, 0, 11)
    block = matrix @ plane[2:10, 5:13] @ matrix.T
    np.testing.assert_allclose(spectra[2 * 7 + 5].reshape(8, 8), block, atol=1e-5)
    weights = np.random.default_rng(1).random(len(spectra), dtype=np.float32) + 0.1
    taper = np.random.default_rng(2).random(8, dtype=np.float32)
    least = weights[0] * taper[0] ** 2
    ring, shares = transforms.rows_for(plane), np.zeros((8, 7), np.float32)
    image, mass = np.empty_like(plane), np.empty_like(plane)
    inverse = np.linalg.inv(matrix).astype(np.float32)
    spectra *= weights[:, None]
    transforms.synthesise(spectra, weights, inverse, taper, ring, shares, image, mass, 0, 11)
    np.testing.assert_allclose(image / mass, plane, atol=1e-4)
    assert mass[0, 0] == pytest.approx(least)
    assert not spectra.any() and not weights.any()


def test_a_small_table_goes_round():
    plane = np.random.default_rng(0).random((40, 14), dtype=np.float32)
    matrix = transforms.cosine_matrix().astype(np.float32)
    inverse, taper = matrix.T.copy(), np.ones(8, np.float32)
    spectra, weights = np.zeros((5 * 7, 64), np.float32), np.zeros(5 * 7, np.float32)
    rows, ring = transforms.rows_for(plane), transforms.rows_for(plane)
    image, mass = np.empty_like(plane), np.empty_like(plane)
    averaged = (spectra, weights, inverse, taper, ring, np.zeros((8, 7), np.float32), image, mass)
    known = 0
    for begin in range(0, 33, 3):  # of rows of blocks
        transforms.analyse(plane, matrix, rows, spectra, known, begin + 3 + 7)
        known = begin + 3 + 7
        weights[np.arange(7 * begin, 7 * (begin + 3)) % len(weights)] = 1
        transforms.synthesise(*averaged, begin, begin + 3)
    transforms.synthesise(*averaged, 33, 40)
    np.testing.assert_allclose(image / mass, plane, atol=1e-4)


@pytest.mark.parametrize("prior", [BM3D(), BM3D(reach=1, step=8)], ids=["usual", "apart"])
def test_bands_do_not_change_the_picture(monkeypatch, prior):
    noisy, pictures = torch.rand(1, 3, 90, 60), []
    for band in (1000, 5, 1):  # all of a tile, and less than what its groups reach
        monkeypatch.setattr(bands, "BAND", band)
        pictures.append(prior.denoise(noisy, 0.1))
    assert torch.equal(pictures[0], pictures[1]) and torch.equal(pictures[0], pictures[2])


def test_groups_are_as_large_as_a_power_of_two():
    counts = np.array([1, 2, 3, 4, 15, 16, 31], np.int32)
    kernels.round_down(counts)
    assert counts.tolist() == [1, 2, 2, 4, 8, 16, 16]


@pytest.mark.parametrize(
    ("channels", "sigma", "floor"), [(1, 15, 35.6), (1, 25, 31.8), (1, 50, 27.9), (3, 25, 30.9)]
)
def test_quality_on_a_picture(channels, sigma, floor):
    clean, y = noisy_picture(96, 90, channels, sigma / 255)
    assert restored_psnr(clean, y, sigma / 255) >= floor


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 16, 200), (1, 150, 17), (3, 33, 41), (1, 5, 9)])
@pytest.mark.parametrize("sigma", [0.3 / 255, 0.1, 0.5])
def test_any_size_and_level(shape, sigma):
    _, y = noisy_picture(*shape[1:], shape[0], sigma)
    restored = BM3D().denoise(y, sigma)
    assert restored.shape == y.shape
    assert restored.isfinite().all()


@pytest.mark.parametrize("sigma", [0.0, 1e-8, 1e-5])
def test_no_noise_leaves_the_image(sigma):
    image = torch.rand(1, 3, 20, 33, generator=torch.Generator().manual_seed(0))
    restored = BM3D().denoise(image, sigma)
    torch.testing.assert_close(restored, image, atol=1e-4, rtol=0)
    assert restored.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_a_constant_stays(value):
    image = torch.full((1, 3, 24, 30), value)
    torch.testing.assert_close(BM3D().denoise(image, 0.1), image, atol=1e-5, rtol=0)


def test_double_precision_input():
    _, y = noisy_picture(24, 24, 3, 0.1)
    restored = BM3D().denoise(y.double(), 0.1)
    assert restored.dtype == torch.float64
    torch.testing.assert_close(restored.float(), BM3D().denoise(y, 0.1), atol=1e-6, rtol=0)


def test_a_step_of_plug_and_play_may_take_the_first_pass_alone():
    clean, y = noisy_picture(48, 40, 3, 0.1)
    once, whole = BM3D(passes=1), BM3D()
    assert torch.equal(once.denoise(y, 0.1), whole.denoise(y, 0.1))
    image = once.denoise_in_step(y, 0.1, 0)
    assert not torch.equal(image, whole.denoise_in_step(y, 0.1, 0))
    assert metrics.psnr(image[0].numpy(), clean) > restored_psnr(clean, y, 0.1) - 1.5


def test_a_step_of_plug_and_play_takes_fewer_references_and_others_in_the_next():
    clean, y = noisy_picture(96, 90, 1, 0.1)
    first, second = (BM3D().denoise_in_step(y, 0.1, step) for step in (0, 1))
    torch.testing.assert_close(first, BM3D(step=6).denoise(y, 0.1), atol=0, rtol=0)
    assert not torch.equal(first, second)
    for image in (first, second):
        assert metrics.psnr(image[0].numpy(), clean) > restored_psnr(clean, y, 0.1) - 1


def test_threads_do_not_change_a_bit():
    _, y = noisy_picture(150, 170, 3, 0.1)
    with threads(1):
        one = BM3D().denoise(y, 0.1)
    with threads(3):
        three = BM3D().denoise(y, 0.1)
    assert torch.equal(one, three)


def test_batch_is_treated_like_its_images_and_not_changed():
    y = torch.cat([noisy_picture(30, 40, 3, s)[1] for s in (0.05, 0.1, 0.2)])
    before = y.clone()
    loop = torch.cat([BM3D().denoise(image[None], 0.1) for image in y])
    torch.testing.assert_close(BM3D().denoise(y, 0.1), loop, atol=1e-6, rtol=0)
    assert torch.equal(y, before)


@pytest.mark.parametrize(
    "step", [2, 4, 6, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 5, 8))]
)
def test_every_pixel_is_covered_at_any_step(step):
    clean, y = noisy_picture(37, 46, 1, 0.1)
    restored = BM3D(step=step, reach=7).denoise(y, 0.1)
    assert metrics.psnr(restored[0].numpy(), clean) > metrics.psnr(y[0].numpy(), clean) + 5


def test_more_reference_blocks_are_better():
    clean = photo_crop("camera")[0].numpy()
    noise = np.random.default_rng(0).standard_normal(clean.shape)
    y = torch.from_numpy((clean + 0.1 * noise)[None].astype(np.float32))
    scores = [restored_psnr(clean, y, 0.1, step=step) for step in (6, 4, 2)]
    assert scores[0] + 0.1 < scores[1] < scores[2] - 0.1


def test_alike_blocks_are_found_within_reach():
    """The picture repeats itself after 12 pixels and not before."""
    rng = np.random.default_rng(0)
    clean = np.tile(rng.random((12, 12)), (5, 5))[None].astype(np.float32)
    noise = rng.standard_normal(clean.shape)
    y = torch.from_numpy((clean + 0.1 * noise)[None].astype(np.float32))
    scores = [restored_psnr(clean, y, 0.1, reach=reach) for reach in (11, 12)]
    assert scores[1] > scores[0] + 3


def test_what_is_tuned_is_compiled_before_the_clock_starts(monkeypatch):
    used, matcher = set(), matching.matcher
    monkeypatch.setattr(matching, "matcher", lambda *sizes: used.add(sizes[1]) or matcher(*sizes))
    _, y = noisy_picture(24, 24, 1, 0.1)
    BM3D().prepare(torch.device("cpu"), 1)
    prepared = used.copy()
    for variant in BM3D().variants():
        for step in (0, 1):
            variant.denoise_in_step(y, 0.1, step)
    assert used == prepared
