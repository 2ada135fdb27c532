"""Every algorithm of plug-and-play against what is known in closed form of a Gaussian prior.

The denoiser of the prior N(MEAN, V) is ``D(v) = MEAN + V / (V + s^2) (v - MEAN)``: the prox of its
energy and the mean of its posterior at once. All that is to be found follows from dense matrices.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest
import torch

from priorlab.components import PER_GRAY_LEVEL
from priorlab.errors import UsageError
from priorlab.forward.convolution import Convolution
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise
from priorlab.forward.operators import Identity, Mask
from priorlab.priors import Denoiser
from priorlab.solvers.plug_and_play.catalogue import ALGORITHMS
from priorlab.solvers.plug_and_play.fidelity import Fidelity
from priorlab.solvers.plug_and_play.settings import SolverSettings, check_settings

SIDE, MEAN, NOISE, WEIGHT, LEVEL = 6, 0.5, 0.1, 1.7, 0.12
COUNT = SIDE**2
KERNEL = torch.tensor([[0.0, 0.1, 0.0], [0.2, 0.4, 0.1], [0.0, 0.2, 0.0]])
SAMPLERS = [name for name, one in ALGORITHMS.items() if one.samples]


def variances(shape):
    """Return the prior's variance of each pixel: it differs."""
    generator = torch.Generator().manual_seed(3)
    return (0.02 + 0.03 * torch.rand(shape[-2:], generator=generator))[None, None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GaussianPrior(Denoiser):
    name: ClassVar[str] = "gaussian"

    def denoise(self, v, sigma):
        variance = variances(v.shape)
        return MEAN + variance / (variance + sigma**2) * (v - MEAN)


@pytest.fixture(scope="module")
def blurred():
    operator = Convolution(KERNEL)
    clean = 0.5 + 0.2 * torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    data = Gaussian(NOISE).sample(operator.forward(clean).numpy(), np.random.default_rng(0))
    return Measurement(
        torch.from_numpy(data).float(), operator, Gaussian(NOISE), (1, 1, SIDE, SIDE)
    )


def matrix(operator):
    pixels = torch.eye(COUNT).view(COUNT, 1, SIDE, SIDE)
    return operator.forward(pixels).view(COUNT, COUNT).T.double()


def minimiser(measurement, weight, variance):
    """Return argmin of ``nll(A x) + weight/2 |x - MEAN|^2 / variance``, and the inverse Hessian."""
    a = matrix(measurement.operator)
    precision = torch.diag(weight / variance.flatten().double())
    covariance = torch.linalg.inv(a.T @ a / NOISE**2 + precision)
    right = a.T @ measurement.y.flatten().double() / NOISE**2 + precision @ torch.full(
        (COUNT,), MEAN, dtype=torch.float64
    )
    return (covariance @ right).view(1, 1, SIDE, SIDE).float(), covariance


def fixed(solver, **settings):
    """Return a prior that is always told `LEVEL`."""
    return GaussianPrior(solver=solver, first_level=LEVEL, last_level=LEVEL, **settings)


@pytest.mark.parametrize("solver", ["admm", "drs"])
def test_splitting_with_multipliers_finds_the_mode_of_the_posterior(blurred, solver):
    expected, _ = minimiser(blurred, WEIGHT, variances(blurred.shape))
    restored = fixed(solver, steps=300, data_weight=WEIGHT).restore(blurred)
    torch.testing.assert_close(restored, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("solver", "steps"), [("pgd", 300), ("fista", 100)])
def test_forward_backward_steps_find_the_mode_for_the_weight_of_their_level(blurred, solver, steps):
    weight = Fidelity(blurred).lipschitz * LEVEL**2 / NOISE**2
    expected, _ = minimiser(blurred, weight, variances(blurred.shape))
    restored = fixed(solver, steps=steps).restore(blurred)
    torch.testing.assert_close(restored, expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize("solver", ["hqs", "red"])
def test_splitting_without_multipliers_balances_data_and_denoiser(blurred, solver):
    """The gradient of the data is that of RED's energy: ``nll'(x) + weight (x - D(x)) / s^2 = 0``.

    That energy is ``weight/2 |x - MEAN|^2 / (V + s^2)``. `hqs` returns what is denoised in the end.
    """
    balanced, _ = minimiser(blurred, WEIGHT, variances(blurred.shape) + LEVEL**2)
    prior = fixed(solver, steps=100, data_weight=WEIGHT)
    expected = prior.denoise(balanced, LEVEL) if solver == "hqs" else balanced
    torch.testing.assert_close(prior.restore(blurred), expected, atol=1e-4, rtol=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class White(Denoiser):
    """The same prior, of one variance: the posterior of a blurred image is known by frequency."""

    name: ClassVar[str] = "white"
    variance: ClassVar[float] = 0.04

    def denoise(self, v, sigma):
        return MEAN + self.variance / (self.variance + sigma**2) * (v - MEAN)


@pytest.mark.slow
def test_langevin_samples_have_the_mean_and_the_spread_of_the_posterior():
    level, shape = 0.1, (1, 1, 48, 48)
    operator = Convolution(KERNEL)
    generator = torch.Generator().manual_seed(0)
    y = operator.forward(MEAN + White.variance**0.5 * torch.randn(shape, generator=generator))
    y = y + NOISE * torch.randn(shape, generator=generator)
    measurement = Measurement(y, operator, Gaussian(NOISE), shape)
    prior = White(solver="ula", steps=1000, first_level=level, last_level=level, data_weight=1.0)
    posterior = prior.posterior(measurement)

    # A sample is an image with noise of that level; the mean and the deviation are without it.
    smoothed = White.variance + level**2
    share = White.variance / smoothed
    mean = operator.solve(y, torch.full(shape, MEAN), NOISE**2 / smoothed)
    mean = prior.denoise(mean, level)
    gains = torch.fft.fft2(torch.nn.functional.pad(KERNEL, (0, 45, 0, 45))).abs().square()
    noisy = (1 / (gains / NOISE**2 + 1 / smoothed)).mean()
    deviation = float((share**2 * noisy + share * level**2).sqrt())
    assert float((posterior.mean - mean).square().mean().sqrt()) < 0.2 * deviation
    assert float(posterior.deviation.mean()) == pytest.approx(deviation, rel=0.08)
    assert torch.equal(prior.restore(measurement), posterior.mean)


@pytest.mark.parametrize("steps", [1, 2])
def test_few_steps_of_langevin_sample_too(steps):
    y = torch.full((1, 1, 8, 8), MEAN)
    measurement = Measurement(y, Identity(), Gaussian(NOISE), (1, 1, 8, 8))
    posterior = White(solver="ula", steps=steps).posterior(measurement)
    assert float(posterior.mean.mean()) == pytest.approx(MEAN, abs=0.1)
    assert bool((posterior.deviation > 0).all())


@pytest.mark.parametrize(("solver", "low", "high"), [("diffpir", 0.85, 1.1), ("ascent", 0.7, 1.1)])
def test_missing_pixels_are_drawn_from_the_prior(solver, low, high):
    """Of independent pixels, the known ones say nothing of the others."""
    side = 64
    known = (torch.arange(side) % 2).float().expand(1, 1, side, side).contiguous()
    measurement = Measurement(known * MEAN, Mask(known), NoNoise(), (1, 1, side, side))
    prior = GaussianPrior(solver=solver, steps=150, first_level=1.0, last_level=1 / 255)
    image = prior.restore(measurement, seed=1)
    assert torch.equal(image * known, measurement.y), "exact data are returned exactly"
    # Values are cut off at 0 and 1, 2.2 to 3.5 standard deviations away.
    drawn = ((image - MEAN) / variances(image.shape).sqrt())[known == 0]
    assert abs(float(drawn.mean())) < 0.1
    assert low < float(drawn.std()) < high


@pytest.mark.parametrize("solver", SAMPLERS)
def test_samplers_draw_from_the_seed_for_each_image_by_itself(blurred, solver):
    prior = GaussianPrior(solver=solver, steps=20)
    y = torch.cat([blurred.y, blurred.y.flip(2)])
    batch = Measurement(y, blurred.operator, blurred.noise, (2, 1, SIDE, SIDE))
    together = prior.restore(batch, seed=4)
    alone = [prior.restore(batch.image(index), seed=4) for index in range(2)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=0)
    assert torch.equal(together, prior.restore(batch, seed=4))
    assert not torch.allclose(together, prior.restore(batch, seed=5), atol=1e-4)


def test_only_a_sampler_of_the_posterior_tells_the_deviation(blurred):
    with pytest.raises(UsageError, match="solver=auto returns one image and no posterior"):
        GaussianPrior().posterior(blurred)


@pytest.mark.parametrize("solver", ["pgd", "fista"])
def test_a_setting_without_a_meaning_is_refused(solver):
    with pytest.raises(UsageError, match=f"data_weight= has no meaning with solver={solver}: its"):
        GaussianPrior(solver=solver, data_weight=0.5)
    check_settings("any", SolverSettings(solver=solver, steps=3))


def test_levels_that_rise_are_refused():
    with pytest.raises(UsageError, match="first_level=5 is below last_level=10; levels fall"):
        GaussianPrior(first_level=5 * PER_GRAY_LEVEL, last_level=10 * PER_GRAY_LEVEL)


@pytest.mark.parametrize("solver", ALGORITHMS)
def test_noise_alone_is_denoised_but_by_samplers(solver):
    y = torch.full((1, 1, SIDE, SIDE), 0.9)
    measurement = Measurement(y, Identity(), Gaussian(NOISE), (1, 1, SIDE, SIDE))
    prior = GaussianPrior(solver=solver, steps=10)
    same = torch.equal(prior.restore(measurement), prior.denoise(y, NOISE))
    assert same == (solver not in SAMPLERS)
