"""What tells noise of coarse grain from texture all over: how both change with the size."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

import priorlab
from priorlab.pictures import datasets, flat_blocks, noise_profile, reading
from priorlab.pictures.picture import Picture

Image = NDArray[np.float64]
PHOTOS = {image.name: image.path for image in datasets.load("photos").images}
COLOURS = np.array([1.0, 0.95, 0.85])[:, None, None]
SIGMA = 4 / 255


def texture(slope: float, deviation: float = 15 / 255, side: int = 256) -> Image:
    """Return a texture all over whose amplitudes fall with frequency, much alike in all colours."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    drawn = np.fft.fft2(np.random.default_rng(0).normal(size=(side, side)))
    plane = np.fft.ifft2(drawn / np.maximum(frequency, 1 / 64) ** slope).real
    plane = ndimage.gaussian_filter(plane, 0.6)
    return COLOURS * (0.5 + plane * deviation / plane.std())


def stored(image: Image) -> Picture:
    return Picture(image=(np.rint(image.clip(0, 1) * 255) / 255).astype(np.float32))


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


@pytest.mark.parametrize("name", ["coffee", "astronaut", "camera", "rocket"])
def test_noise_that_was_enlarged_with_its_picture_is_measured(name: str) -> None:
    clean = reading.read(PHOTOS[name]).astype(np.float64)[:, :192, :192]
    small = stored(clean + np.random.default_rng(0).normal(0, 10 / 255, clean.shape)).image
    noisy, truth = (ndimage.zoom(one, (1, 2, 2), order=1) for one in (small, clean))
    at_half_size = np.std([flat_blocks.halved(plane) for plane in noisy - truth])
    found = noise_profile.profile(stored(noisy.astype(np.float64))).noise
    assert not found.is_independent
    # As strong as white noise that has this deviation there; twice as much would blur the picture.
    assert found.level == pytest.approx(2 * at_half_size, rel=0.7)
