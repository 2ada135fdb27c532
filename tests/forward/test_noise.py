"""Noise models: statistics of the samples, gradients and proxes of the data fidelity."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from torch import Tensor

from priorlab.forward.jpeg import standard
from priorlab.forward.noise import ROUNDING, Gaussian, Noise, NoNoise, Poisson, SaltAndPepper
from priorlab.forward.real_noise import RealNoise

MODELS: list[Noise] = [
    Gaussian(0.1),
    NoNoise(),
    Poisson(30.0),
    Poisson(2.0),
    SaltAndPepper(0.3),
    RealNoise((0.1,), 0.6),
]
IDS = [repr(model) for model in MODELS]

noises = st.one_of(
    st.floats(1e-3, 1).map(Gaussian),
    st.floats(0.1, 1e4).map(Poisson),
    st.floats(0.01, 1).map(SaltAndPepper),
)


def scalar(value: float) -> Tensor:
    return torch.full((1, 1, 1, 1), value, dtype=torch.float64)


@given(noises, st.floats(-2, 3), st.floats(0, 2), st.floats(-4, 2))
def test_prox_is_the_minimiser(noise: Noise, v: float, y: float, exponent: float) -> None:
    step = 10**exponent
    prox = float(noise.prox(scalar(v), scalar(y), step))

    def objective(u: float) -> float:
        return float(noise.nll(scalar(u), scalar(y))) + (u - v) ** 2 / (2 * step)

    lowest = 1e-6 if isinstance(noise, Poisson) else -10.0  # Poisson means are not negative
    best = minimize_scalar(
        objective, bounds=(lowest, 10), method="bounded", options={"xatol": 1e-9}
    )
    found = objective(max(prox, lowest))
    assert found <= best.fun + 1e-6 * max(1, abs(best.fun))
    if isinstance(noise, Poisson):
        assert prox >= 0


@given(noises, st.floats(-1, 2), st.floats(0, 2), st.floats(-4, 2))
def test_prox_in_single_precision(noise: Noise, v: float, y: float, exponent: float) -> None:
    step = 10**exponent
    exact = float(noise.prox(scalar(v), scalar(y), step))
    single = float(noise.prox(scalar(v).float(), scalar(y).float(), step))
    assert single == pytest.approx(exact, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("noise", MODELS, ids=IDS)
def test_nll_is_a_sum_over_each_image_with_its_gradient(noise: Noise) -> None:
    generator = torch.Generator().manual_seed(0)
    u, y = torch.rand(2, 3, 2, 4, 5, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    together = noise.nll(u, y)
    assert together.shape == (3,)
    alone = torch.cat([noise.nll(u[i : i + 1], y[i : i + 1]) for i in range(3)])
    assert torch.allclose(together, alone)
    u.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda u: noise.nll(u, y), (u,))


@pytest.mark.parametrize("noise", MODELS, ids=IDS)
def test_nll_is_least_at_the_data(noise: Noise) -> None:
    y = torch.rand(1, 1, 8, 8, dtype=torch.float64) + 0.05
    for other in (y * 0.9, y * 1.1, y + 0.01):
        assert float(noise.nll(y, y)) < float(noise.nll(other, y))


@pytest.mark.parametrize("noise", MODELS, ids=IDS)
def test_the_loss_of_fits_is_the_likelihood_near_the_data(noise: Noise) -> None:
    y = torch.rand(2, 1, 8, 8, dtype=torch.float64) + 0.2
    torch.testing.assert_close(noise.fit_loss(1.1 * y, y), noise.nll(1.1 * y, y))


@given(st.integers(0, 5), st.floats(-0.1, 0.1), st.floats(1, 1000))
@example(0, -2.2e-247, 1.25)
def test_photons_in_the_dark_do_not_outweigh_the_rest_of_a_picture(
    count: int, u: float, peak: float
) -> None:
    """The slope of the likelihood is not bounded where no light is expected but some was seen."""
    noise, y = Poisson(peak), torch.full((1, 1, 1, 1), count / peak, dtype=torch.float64)
    dark = torch.full_like(y, u, requires_grad=True)
    assert torch.autograd.gradcheck(lambda u: noise.fit_loss(u, y), (dark,))
    (slope,) = torch.autograd.grad(noise.fit_loss(dark, y).sum(), dark)
    distance = peak * u - count  # in photons
    rounding = 1e-14 * peak * abs(distance)
    assert float(slope) * distance >= -rounding, "away from the data"
    if u >= 0:
        assert abs(float(slope)) <= peak * (1 + 8 * count)
    least = max(0.25 / peak, 0.02)
    if not count and u < least:
        assert float(slope) == pytest.approx(distance / least), "no light: the least is there"


@pytest.mark.parametrize("noise", MODELS, ids=IDS)
def test_sample(noise: Noise) -> None:
    clean = np.linspace(0, 1, 3 * 200 * 200).reshape(3, 200, 200)
    copy = clean.copy()
    first = noise.sample(clean, np.random.default_rng(0))
    again = noise.sample(clean, np.random.default_rng(0))
    other = noise.sample(clean, np.random.default_rng(1))
    assert first.shape == clean.shape and first.dtype == np.float64
    assert np.array_equal(first, again) and np.array_equal(clean, copy)
    assert isinstance(noise, NoNoise) or not np.array_equal(first, other)


def test_gaussian_sample_has_its_level() -> None:
    noise = Gaussian(0.2)
    residual = noise.sample(np.full(100_000, 0.5), np.random.default_rng(0)) - 0.5
    assert residual.mean() == pytest.approx(0, abs=4 * 0.2 / math.sqrt(100_000))
    assert residual.std() == pytest.approx(0.2, rel=0.01)
    assert noise.level == 0.2


def test_no_noise_is_none_but_has_the_level_of_rounding() -> None:
    clean = np.random.default_rng(0).random((1, 64, 64))
    assert np.array_equal(NoNoise().sample(clean, np.random.default_rng(1)), clean)
    rounding = np.round(clean * 255) / 255 - clean
    assert NoNoise().level == pytest.approx(rounding.std(), rel=0.05)


@pytest.mark.parametrize("peak", [0.5, 5.0, 200.0])
def test_poisson_sample_has_its_mean_and_variance(peak: float) -> None:
    noise = Poisson(peak)
    for mean in (0.1, 0.5, 1.0):
        sample = noise.sample(np.full(200_000, mean), np.random.default_rng(0))
        assert sample.mean() == pytest.approx(mean, rel=0.03)
        assert sample.var() == pytest.approx(mean / peak, rel=0.03)
        assert np.allclose(sample * peak, np.round(sample * peak))
    dark = noise.sample(np.array([0.0, -0.1]), np.random.default_rng(0))
    assert not dark.any()
    assert noise.level == pytest.approx(math.sqrt(0.5 / peak))


def test_impulses_hit_the_stated_fraction_of_each_channel_independently() -> None:
    clean = np.full((1, 3, 300, 300), 0.4)
    noisy = SaltAndPepper(0.3).sample(clean, np.random.default_rng(0))
    hit = noisy != clean
    assert abs((hit[:, 0] & hit[:, 1]).mean() - 0.09) < 0.01
    assert (noisy == 0).mean() == pytest.approx(0.15, abs=0.005)
    assert (noisy == 1).mean() == pytest.approx(0.15, abs=0.005)
    assert ((noisy == 0) | (noisy == 1) | (noisy == 0.4)).all()


def test_poisson_prox_keeps_its_digits_where_the_counts_are_many() -> None:
    v, y, step, peak = 0.5, 0.4, 1.0, 1e6
    prox = float(Poisson(peak).prox(scalar(v).float(), scalar(y).float(), step))
    assert prox == pytest.approx(0.4, rel=1e-5)


@pytest.mark.parametrize(
    "noise", [Gaussian(0.1), Poisson(20.0), SaltAndPepper(0.3)], ids=lambda n: type(n).__name__
)
@pytest.mark.parametrize("value", [0.2, 0.7])
def test_the_variance_is_that_of_its_samples(noise, value):
    samples = noise.sample(np.full(200_000, value), np.random.default_rng(0))
    expected = noise.variance(torch.full((1,), value, dtype=torch.float64))
    assert np.mean((samples - value) ** 2) == pytest.approx(float(expected), rel=0.02)
    error = abs(samples.mean() - value) / (float(expected) / 200_000) ** 0.5
    assert (error < 3) == noise.is_zero_mean


def test_complex_data_have_the_noise_in_both_parts():
    noise, clean = Gaussian(0.1), np.full(100_000, 0.3 + 0.4j)
    samples = noise.sample(clean, np.random.default_rng(0))
    for part in (samples.real - 0.3, samples.imag - 0.4):
        assert part.std() == pytest.approx(0.1, rel=0.02)
    u, y = torch.zeros(1, 3, dtype=torch.complex64), torch.tensor([[0.3 + 0.4j, 0, 0]])
    assert float(noise.nll(u, y)) == pytest.approx(0.25 / (2 * 0.01))
    squares = np.mean(abs(samples - clean) ** 2)
    assert float(noise.variance(u).mean()) == pytest.approx(squares, rel=0.02)
    assert noise.variance(u).dtype == torch.float32


def test_the_stabiliser_of_counts_makes_their_noise_constant():
    noise = Poisson(20.0)
    stable = noise.stabiliser()
    for value in (0.2, 0.5, 1.0):
        y = torch.from_numpy(noise.sample(np.full(100_000, value), np.random.default_rng(0)))
        transformed = stable.forward(y)
        assert float(transformed.std()) == pytest.approx(stable.sigma, rel=0.03)
        assert float(stable.inverse(transformed.mean())) == pytest.approx(value, rel=0.003)
    assert all(other.stabiliser() is None for other in (Gaussian(0.1), SaltAndPepper(0.1)))


def test_models_say_what_they_are():
    jpeg = standard(10)
    models = [Gaussian(0.1), NoNoise(), Poisson(9.0), SaltAndPepper(0.2), jpeg]
    assert [noise.is_gaussian for noise in models] == [True, True, False, False, False]
    assert [noise.is_zero_mean for noise in models] == [True, True, True, False, True]
    assert [noise.is_independent for noise in models] == [True, True, True, True, False]
    assert [noise.has_outliers for noise in models] == [False, False, False, True, False]
    y = torch.tensor([[[[0.0, 0.5], [1.0, 0.2]]]])
    for noise in models:
        kept = noise.reliable_pixels(y).flatten().tolist()
        assert kept == ([False, True, False, True] if noise.has_outliers else [True] * 4)


def test_rounding_can_be_finer_than_eight_bits():
    fine = dataclasses.replace(NoNoise(), sigma=1 / (65535 * 12**0.5))
    assert fine.level < NoNoise().level / 200
    assert NoNoise() == NoNoise(ROUNDING) != Gaussian(ROUNDING)
