"""Wavelets: the filters, the transform without decimation, and shrinkage."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorlab_handcrafted.filters import FILTERS, TightFrame, scaling_filter
from priorlab_handcrafted.wavelet import Wavelet


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


def test_filters_of_known_wavelets():
    root = 3**0.5
    daubechies = np.array([1 + root, 3 + root, 3 - root, 1 - root]) / 8
    ours = np.array(scaling_filter("sym2"))
    assert min(abs(ours - daubechies).max(), abs(ours[::-1] - daubechies).max()) < 1e-12
    symlet = np.array([-0.07576571, -0.02963553, 0.49761867, 0.80373875])  # as tabulated
    ours = np.array(scaling_filter("sym4")) * 2**0.5
    assert min(abs(ours[:4] - symlet).max(), abs(ours[::-1][:4] - symlet).max()) < 1e-7


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(list(FILTERS)),
    levels=st.integers(1, 4),
    height=st.integers(3, 40),
    width=st.integers(3, 40),
)
def test_transform_keeps_the_energy_and_is_inverted_by_its_adjoint(name, levels, height, width):
    frame = TightFrame(name, levels)
    x = torch.randn(2, 1, height, width, dtype=torch.float64)
    coarse, details = frame.analyse(x)
    energy = coarse.square().sum() + sum(b.square().sum() for bands in details for b in bands)
    torch.testing.assert_close(energy, x.square().sum())
    torch.testing.assert_close(frame.synthesise(coarse, details), x)


def test_noise_has_the_scale_that_the_transform_says():
    x = torch.randn(1, 1, 512, 512, generator=torch.Generator().manual_seed(0))
    _, details = TightFrame("sym4", 3).analyse(x)
    for level, bands in enumerate(details):
        for band in bands:
            assert band.std().item() == pytest.approx(TightFrame.noise_scale(level), rel=0.05)


def test_shrinkage_is_the_average_over_all_shifts_of_the_decimated_transform():
    taps = torch.tensor(scaling_filter("sym2"), dtype=torch.float64) * 2**0.5
    high = taps.flip(0) * torch.tensor([1.0, -1, 1, -1])
    size, threshold = 16, 0.3
    matrix = torch.zeros(size, size, dtype=torch.float64)  # orthogonal, one level
    for row in range(size // 2):
        for k in range(4):
            matrix[row, (2 * row + k) % size] += taps[k]
            matrix[size // 2 + row, (2 * row + k) % size] += high[k]
    x = torch.randn(size, size, dtype=torch.float64)
    average = torch.zeros_like(x)
    for down in range(2):
        for right in range(2):
            coefficients = matrix @ x.roll((down, right), (0, 1)) @ matrix.T
            shrunk = torch.nn.functional.softshrink(coefficients, threshold)
            shrunk[: size // 2, : size // 2] = coefficients[: size // 2, : size // 2]
            average += (matrix.T @ shrunk @ matrix).roll((-down, -right), (0, 1)) / 4
    frame = TightFrame("sym2", 1)
    coarse, details = frame.analyse(x[None, None])
    shrunk = [
        [torch.nn.functional.softshrink(b, threshold / 2) for b in bands] for bands in details
    ]
    torch.testing.assert_close(frame.synthesise(coarse, shrunk)[0, 0], average)


def test_result_moves_with_the_image_away_from_the_border():
    scene = torch.rand(1, 1, 150, 150, generator=torch.Generator().manual_seed(1))
    prior = Wavelet(window=5, levels=2)
    here = prior.denoise(scene[..., :128, :128], 0.1)
    there = prior.denoise(scene[..., 3:131, 5:133], 0.1)
    torch.testing.assert_close(here[..., 43:83, 45:85], there[..., 40:80, 40:80], atol=1e-5, rtol=0)


@pytest.mark.parametrize("window", [0, 17])
def test_flat_regions_are_smoothed_and_edges_stay(window):
    clean = torch.zeros(1, 3, 64, 64)
    clean[..., 32:] = 1
    noise = 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    restored = Wavelet(window=window).denoise(clean + noise, 0.1)
    assert (restored - clean).square().mean() < 0.15 * noise.square().mean()


@pytest.mark.parametrize("sigma", [0.0, 1e-8])
def test_no_noise_leaves_the_image(sigma):
    image = torch.rand(1, 3, 33, 20)
    torch.testing.assert_close(Wavelet().denoise(image, sigma), image, atol=1e-5, rtol=0)
