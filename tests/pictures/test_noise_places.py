"""Noise that differs from place to place: what is told of it, and what becomes of the picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from numpy.typing import NDArray
from sample_pictures import PHOTOS, photo, stored
from scipy import ndimage

import priorlab
from priorlab.forward.camera import Camera
from priorlab.forward.noise import Gaussian
from priorlab.forward.real_noise import RealNoise
from priorlab.pictures import noise_places, noise_profile

Image = NDArray[np.float64]
Factor = Callable[[Image, Image], Image | float]

CORNERS: Factor = lambda down, across: 1 + down**2 + across**2  # noqa: E731
RIGHT: Factor = lambda down, across: 2 + across  # noqa: E731


def noisy(clean: Image, sigma: float, factor: Factor) -> Image:
    """Return what a file of 8 bits holds of an image with noise that differs by place."""
    sides = (np.linspace(-1, 1, side) for side in clean.shape[1:])
    down, across = np.meshgrid(*sides, indexing="ij")
    drawn = np.random.default_rng(0).normal(0, sigma / 255, clean.shape)
    return stored(clean + factor(down, across) * drawn).image.astype(np.float64)


def found(image: Image) -> noise_profile.NoiseProfile:
    return noise_profile.profile(stored(image))


def error(image: Image, clean: Image) -> float:
    return float(np.square(image - clean).mean())


def test_noise_that_grows_to_the_corners_is_told() -> None:
    told = found(noisy(np.full((3, 300, 400), 0.5), 5, CORNERS))
    assert isinstance(told.noise, RealNoise)
    grid = told.noise.level * 255 * np.array(told.noise.places)
    assert grid[4, 4] == pytest.approx(5, rel=0.15)
    assert [grid[0, 0], grid[8, 8]] == pytest.approx([15, 15], rel=0.2)
    assert "in the middle to" in told.text and told.text.endswith("in the corners")


def test_noise_that_is_stronger_at_a_side_is_told() -> None:
    told = found(noisy(np.full((1, 300, 400), 0.5), 5, RIGHT))
    assert "at the left to" in told.text and told.text.endswith("at the right")


@pytest.mark.parametrize("sigma", [5, 20])
@pytest.mark.parametrize("name", mostly_slow(sorted(PHOTOS), "camera", "gravel"))
def test_noise_that_is_alike_everywhere_counts_as_that(name: str, sigma: float) -> None:
    noise = found(noisy(photo(name), sigma, lambda down, across: 1.0)).noise
    assert isinstance(noise, Gaussian) or len(noise.places) == 1


@pytest.mark.parametrize("name", mostly_slow(sorted(PHOTOS), "coffee"))
def test_what_brightness_explains_is_no_matter_of_place(name: str) -> None:
    camera = Camera(electrons=300, quality=0, smoothing=0)
    noise = found(camera.develop(photo(name), np.random.default_rng(0))).noise
    assert isinstance(noise, Gaussian) or len(noise.places) == 1


@pytest.mark.parametrize("prior", mostly_slow(["dct", "unet", "bm3d", "tv", "wavelet"], "dct"))
@pytest.mark.parametrize("factor", [CORNERS, RIGHT])
def test_no_grain_is_left_where_noise_is_strong(
    factor: Factor, prior: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = ndimage.zoom(photo("astronaut"), (1, 1.5, 1.5), order=1)
    seen = noisy(clean, 8, factor)

    def restored() -> Image:
        return np.asarray(priorlab.restore(seen.transpose(1, 2, 0), prior=prior).transpose(2, 0, 1))

    placed = restored()
    monkeypatch.setattr(noise_places, "found", lambda image, usable: None)
    assert error(placed, clean) < 0.9 * error(restored(), clean)
    part = (slice(None), slice(None, 64), slice(-64, None))
    assert error(placed[part], clean[part]) < 0.2 * error(seen[part], clean[part])


def test_the_picture_s_own_brightness_comes_back() -> None:
    clean = np.full((1, 256, 256), 0.4)
    restored = priorlab.restore(noisy(clean, 5, CORNERS)[0], prior="dct")
    assert np.abs(restored - 0.4).mean() < 0.01
    assert restored.mean() == pytest.approx(0.4, abs=0.001)


def test_the_model_s_noise_is_as_strong_at_each_place_as_it_says() -> None:
    noise = RealNoise((0.04,), places=((0.5, 0.5), (1.3, 1.3)))
    clean = np.full((1, 200, 200), 0.5)
    drawn = noise.sample(clean, np.random.default_rng(0)) - clean
    assert noise.spread == pytest.approx((0.02, 0.052))
    assert [drawn[0, :20].std(), drawn[0, -20:].std()] == pytest.approx([0.0215, 0.05], rel=0.05)
    variance = noise.variance(torch.from_numpy(clean)[None])[0, 0, :, 0]
    assert [float(variance[0]), float(variance[-1])] == pytest.approx([0.02**2, 0.052**2])


def test_the_stabiliser_makes_it_even_and_is_undone() -> None:
    noise = RealNoise((0.04,), curve=(0.8, 1.0, 1.3), places=((0.5, 0.5), (1.3, 1.3)))
    image = torch.linspace(0, 1, 64).expand(1, 1, 64, 64).contiguous()
    stable = noise.stabiliser()
    assert torch.allclose(stable.inverse(stable.forward(image)), image, atol=1e-5)
    step = 1e-3 * noise.variance(image).sqrt()
    change = (stable.forward(image + step) - stable.forward(image - step)) / 2e-3
    assert torch.allclose(change, torch.full_like(change, stable.sigma), rtol=0.05)
