"""What tells noise of coarse grain from texture all over: how both change with the size."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sample_pictures import stored
from scipy import ndimage

import priorlab
from priorlab.forward.camera import Camera
from priorlab.pictures import cut_off_noise, noise_profile

Image = NDArray[np.float64]
COLOURS = np.array([1.0, 0.95, 0.85])[:, None, None]
SIGMA = 4 / 255


def texture(slope: float, deviation: float = 15 / 255, side: int = 256) -> Image:
    """Return a texture all over whose amplitudes fall with frequency, much alike in all colours."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    drawn = np.fft.fft2(np.random.default_rng(0).normal(size=(side, side)))
    plane = np.fft.ifft2(drawn / np.maximum(frequency, 1 / 64) ** slope).real
    plane = ndimage.gaussian_filter(plane, 0.6)
    return COLOURS * (0.5 + plane * deviation / plane.std())


@pytest.mark.parametrize("slope", [0.8, 1.0, 1.2])
def test_texture_all_over_is_not_taken_for_grain(slope: float) -> None:
    clean = texture(slope)
    noisy = clean + np.random.default_rng(1).normal(0, SIGMA, clean.shape)
    found = noise_profile.profile(stored(noisy)).noise
    assert found.is_independent
    assert found.level == pytest.approx(SIGMA, rel=0.15)


def test_a_textured_picture_with_weak_noise_becomes_better() -> None:
    clean = texture(1.0)
    noisy = stored(clean + np.random.default_rng(1).normal(0, SIGMA, clean.shape)).image
    restored = priorlab.restore(noisy.transpose(1, 2, 0), prior="dct").transpose(2, 0, 1)
    assert np.square(restored - clean).mean() < 0.8 * np.square(noisy - clean).mean()


def smooth_noise(sigma: float, channels: int, width: float = 0.8) -> Image:
    noise = np.random.default_rng(0).normal(size=(channels, 256, 256))
    noise = ndimage.gaussian_filter(noise, (0, width, width))
    return np.asarray(noise * (sigma / noise.std()))


def test_strong_grain_of_a_gray_picture_that_may_be_texture_is_said() -> None:
    scene = np.linspace(0.3, 0.7, 256)[None, None]
    found = noise_profile.profile(stored(scene + smooth_noise(25 / 255, 1)))
    assert "taken for texture, which stays: if it is grain, give sigma=" in found.text
    weak = noise_profile.profile(stored(scene + smooth_noise(8 / 255, 1)))
    assert "coarse-grained" in weak.text and "texture" not in weak.text


def test_grain_of_channels_that_are_mostly_cut_off_is_that_of_the_others() -> None:
    scene = np.full((3, 256, 256), 0.4)
    scene[0], scene[0, :64, :64] = 1, 0.4  # too few flat blocks to tell grain from texture
    picture = stored((scene + smooth_noise(10 / 255, 3)).clip(0, 1))
    levels = noise_profile.profile(picture).noise.levels
    assert min(levels) == pytest.approx(max(levels), rel=0.3)


def test_grain_of_a_picture_so_dark_that_black_cuts_it_off_everywhere_is_found() -> None:
    scene = np.linspace(0.01, 0.12, 256) * np.ones((3, 256, 1))
    noisy = Camera(electrons=300).develop(scene, np.random.default_rng(0))
    found = noise_profile.profile(stored(noisy)).noise
    assert not found.is_independent
    assert 15 / 255 < found.level < 50 / 255


def test_black_areas_of_a_clean_picture_are_not_scattered_by_noise() -> None:
    waves = 0.2 * np.sin(np.mgrid[:256, :256] / 7).prod(0) - 0.1 * np.linspace(0, 1, 256)
    dark = stored(np.broadcast_to(waves, (3, 256, 256)).clip(0, 1))
    noise = np.random.default_rng(0).normal(0, 0.2, (3, 256, 256))
    assert not cut_off_noise.is_scattered(dark)
    assert cut_off_noise.is_scattered(stored((waves + noise).clip(0, 1)))
    assert noise_profile.profile(dark).noise.level < 1 / 255
