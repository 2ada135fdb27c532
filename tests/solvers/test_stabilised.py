"""Noise that is not white Gaussian, removed by methods for white Gaussian noise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop, picture, psnr
from torch import Tensor

from priorlab import plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, Noise
from priorlab.forward.operators import Identity
from priorlab.forward.real_noise import RealNoise, grain
from priorlab.pictures import arrays
from priorlab.pictures.datasets import load
from priorlab.solvers import stabilised
from priorlab.tasks.builtin import DenoisePoisson

CURVE = (0.5, 0.8, 1.0, 1.3, 1.6)


def noisy(clean: Tensor, noise: Noise, seed: int = 0) -> Tensor:
    drawn = noise.sample(clean.double().numpy(), np.random.default_rng(seed))
    return torch.from_numpy(drawn).float()


@pytest.mark.parametrize("fine", [1.0, 0.7, 0.4])
def test_samples_have_the_deviation_and_the_grain_that_the_model_says(fine: float) -> None:
    noise = RealNoise((0.02, 0.04), fine)
    flat = torch.full((1, 2, 256, 256), 0.5)
    error = noisy(flat, noise) - flat
    assert error.std((0, 2, 3)).tolist() == pytest.approx([0.02 * fine, 0.04 * fine], rel=0.05)
    coarse = torch.nn.functional.avg_pool2d(error, 8)
    assert coarse.std((0, 2, 3)).tolist() == pytest.approx([0.02 / 8, 0.04 / 8], rel=0.12)
    assert noise.variance(flat).sqrt()[0, :, 0, 0].tolist() == pytest.approx(
        [0.02 * fine, 0.04 * fine]
    )


def test_the_width_of_the_grain_is_the_inverse_of_its_deviation() -> None:
    assert grain(1.0) == 0 and grain(0.3) > grain(0.5) > grain(0.8) > 0


@pytest.mark.parametrize("curve", [(1.0,), CURVE, CURVE[::-1]])
def test_the_stabiliser_is_inverted_and_levels_the_noise(curve: tuple[float, ...]) -> None:
    noise = RealNoise((0.03,), 1.0, curve)
    stable = noise.stabiliser()
    y = torch.linspace(-0.3, 1.3, 1000).view(1, 1, 1, -1)
    assert torch.allclose(stable.inverse(stable.forward(y)), y, atol=1e-5)
    for brightness in (0.2, 0.5, 0.8):
        flat = torch.full((1, 1, 200, 200), brightness)
        level = float(stable.forward(noisy(flat, noise)).std())
        assert level == pytest.approx(stable.sigma, rel=0.06)


REGISTRY = plugins.load()
PRIORS = {name: REGISTRY.build_priors(name)[0] for name in ("tv", "wavelet", "bm3d", "nlm")}


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_that_is_told_the_noise_does_better_than_with_one_level(name: str) -> None:
    clean = arrays.to_tensor(picture(96, 96, 3))
    noise = RealNoise((0.02, 0.02, 0.16))
    y = noisy(clean, noise)
    told = PRIORS[name].restore(Measurement(y, Identity(), noise, (1, 3, 96, 96)))
    one = Gaussian(noise.level)
    level = PRIORS[name].restore(Measurement(y, Identity(), one, (1, 3, 96, 96)))
    for channel in (0, 1):
        part = slice(channel, channel + 1)
        assert psnr(told[:, part], clean[:, part]) > psnr(level[:, part], clean[:, part]) + 1
        assert psnr(told[:, part], clean[:, part]) > psnr(y[:, part], clean[:, part])


def test_coarse_noise_is_removed_from_coarse_to_fine() -> None:
    clean = arrays.to_tensor(picture(128, 128, 1))
    noise = RealNoise((0.12,), fine=0.5)
    y = noisy(clean, noise)
    as_white = PRIORS["wavelet"].denoise(y, float((y - clean).std()))
    told = stabilised.denoise(PRIORS["wavelet"].denoise, y, noise)
    assert psnr(told, clean) > psnr(as_white, clean) + 0.5


def test_coarse_noise_of_colours_is_removed_from_a_quarter_of_the_size_on() -> None:
    """As cameras leave it, and files with colours at half the resolution."""
    clean = arrays.to_tensor(picture(160, 160, 3))
    noise = RealNoise((0.08,), fine=0.6)
    blotches = np.random.default_rng(1).normal(0, 0.08, (1, 3, 160, 160))
    blotches = scipy.ndimage.gaussian_filter(blotches, (0, 0, 2, 2)) * 4
    y = noisy(clean, noise) + torch.from_numpy(blotches - blotches.mean(1, keepdims=True)).float()
    two, three = (
        stabilised.denoise(PRIORS["wavelet"].denoise, y, noise, scales=scales) for scales in (2, 3)
    )
    assert psnr(three, clean) > psnr(two, clean) + 0.3
    luma = [image.mean(1) for image in (two, three)]
    assert (luma[0] - luma[1]).abs().mean() < 0.002, "brightness begins at half of it"


@pytest.mark.parametrize("name", ["tv", "huber-tv", "tgv", "tikhonov"])
def test_detail_does_not_go_with_the_coarse_noise(name: str) -> None:
    clean = photo_crop("chelsea", 3, 128)
    noise = RealNoise((0.04,), fine=0.6)
    y = noisy(clean, noise)
    (prior,) = REGISTRY.build_priors(name)
    told = restoration.run(prior, Measurement(y, Identity(), noise, tuple(y.shape)))
    assert psnr(told, clean) > psnr(y, clean) + 1


@pytest.mark.parametrize("size", [(33, 47), (64, 50), (16, 200)])
def test_any_size(size: tuple[int, int]) -> None:
    y = arrays.to_tensor(picture(*size, 3))
    noise = dataclasses.replace(RealNoise((0.05,), 0.5), curve=CURVE)
    same = stabilised.denoise(lambda v, sigma: v, y, noise)
    assert torch.allclose(same, y, atol=1e-5), "what changes nothing returns the picture"


def test_scaling_multiplies_the_levels() -> None:
    assert RealNoise((0.1, 0.2), 0.5).scaled(0.5) == RealNoise((0.05, 0.1), 0.5)
    assert Gaussian(0.2).scaled(2) == Gaussian(0.4)


KEEP_LIGHT = ("tv", "huber-tv", "tgv", "tikhonov", "wavelet", "bm3d", "dct", "nlm", "unet", "wcrr")


@pytest.mark.parametrize("peak", mostly_slow([1, 4, 30], 1, 30))
@pytest.mark.parametrize("name", mostly_slow(KEEP_LIGHT, *set(KEEP_LIGHT) - {"wcrr"}))
def test_few_photons_keep_their_light(name: str, peak: int) -> None:
    """A dark picture stays as bright as its data say: one weight for all of it made it black."""
    (image,) = (one.read() for one in load("photos").images if one.name == "camera")
    clean = torch.from_numpy(0.25 * image[None, :, 100:196, 100:196])
    measurement = DenoisePoisson(peak=peak).measure(clean, seed=0)
    (prior,) = REGISTRY.build_priors(name)
    restored = restoration.run(prior, measurement)
    assert float(restored.mean() / measurement.y.mean()) == pytest.approx(1, abs=0.01)
    assert psnr(restored, clean) > {1: 25, 4: 27, 30: 31}[peak]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dark", mostly_slow([1.0, 0.1, 0.05], 0.1))
@pytest.mark.parametrize("name", mostly_slow(["bm3d", "unet", "wnnm"], "bm3d", "unet"))
def test_single_photons_keep_their_light(name: str, dark: float, channels: int) -> None:
    """Of a photon in every tenth to two hundredth pixel the transform says little: some denoisers
    lost three quarters of the light, others made half as much again."""
    clean = dark * photo_crop("chelsea", channels, 64)
    measurement = DenoisePoisson(peak=0.1).measure(clean, seed=1)
    (prior,) = REGISTRY.build_priors(name)
    restored = restoration.run(prior, measurement)
    assert float(restored.mean() / measurement.y.mean()) == pytest.approx(1, abs=0.01)


FITTED_BRIEFLY = ("dip:iterations=20", "siren:iterations=20", "zs-n2n:iterations=20")


@pytest.mark.parametrize("name", FITTED_BRIEFLY)
def test_a_fit_that_ends_early_is_as_bright_as_its_data(name: str) -> None:
    """Networks begin at mid-gray: `dip` left dark pictures with few photons 40 % too bright."""
    clean = 0.1 * photo_crop("chelsea", 3, 32)
    measurement = DenoisePoisson(peak=2).measure(clean, seed=0)
    (prior,) = REGISTRY.build_priors(name)
    restored = restoration.run(prior, measurement).mean((2, 3))
    assert torch.allclose(restored, measurement.y.mean((2, 3)), rtol=0.01)
