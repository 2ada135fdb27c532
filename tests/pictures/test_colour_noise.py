"""What is told of the noise of colour pictures, and what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest
from mostly_slow import mostly_slow
from numpy.typing import NDArray
from sample_pictures import PHOTOS, photo, stored
from scipy import ndimage

import priorlab
from priorlab.forward.camera import Camera
from priorlab.pictures import noise_profile, reading

Image = NDArray[np.float64]
COLOUR = sorted(name for name, path in PHOTOS.items() if len(reading.read(path)) == 3)
NAMES = mostly_slow(COLOUR, "chelsea", "coffee")


def restored(noisy: Image) -> tuple[Image, Image]:
    """Return a picture as it is stored, and what is made of it, told nothing."""
    seen = stored(noisy).image
    return seen, priorlab.restore(seen.transpose(1, 2, 0), prior="dct").transpose(2, 0, 1)


def gained(clean: Image, noisy: Image) -> float:
    """Return by how many dB a picture comes closer to the truth."""
    before, after = (np.square(image - clean).mean() for image in restored(noisy))
    return float(10 * np.log10(before / after))


def grain(shape: tuple[int, ...], width: float, shared: float) -> Image:
    """Return noise of standard deviation 1, coarse, and in part the same in all colours."""
    layers = np.random.default_rng(0).normal(size=(4, *shape[1:]))
    layers = ndimage.gaussian_filter(layers, (0, width, width))
    layers /= layers.std()
    return np.asarray(shared**0.5 * layers[:1] + (1 - shared) ** 0.5 * layers[1:])


@pytest.mark.parametrize("name", NAMES)
def test_a_clean_photograph_hardly_changes(name: str) -> None:
    seen, image = restored(photo(name))
    assert 255 * np.sqrt(np.square(image - seen).mean()) < 0.6


@pytest.mark.parametrize("sigma, gain", [(1, 1.0), (2, 2.8)])
@pytest.mark.parametrize("name", NAMES)
def test_weak_white_noise_is_not_taken_for_grain(name: str, sigma: float, gain: float) -> None:
    clean = photo(name)
    noisy = clean + np.random.default_rng(0).normal(0, sigma / 255, clean.shape)
    assert noise_profile.profile(stored(noisy)).noise.is_independent
    assert gained(clean, noisy) > gain


@pytest.mark.parametrize("shared, gain", [(0.0, 3.5), (0.7, 1.3)])
@pytest.mark.parametrize("name", NAMES)
def test_the_grain_of_film_is_removed(name: str, shared: float, gain: float) -> None:
    clean = photo(name)
    assert gained(clean, clean + 10 / 255 * grain(clean.shape, 0.8, shared)) > gain


@pytest.mark.parametrize(
    "electrons, chroma, quality, gain", [(1000, 2.0, 95, 1.25), (300, 0.0, 90, 1.4)]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_a_camera_becomes_better(
    name: str, electrons: int, chroma: float, quality: int, gain: float
) -> None:
    camera = Camera(electrons=electrons, chroma_smoothing=chroma, quality=quality)
    noisy = camera.develop(photo(name), np.random.default_rng(0))
    assert gained(camera.develop(photo(name)), noisy) > gain


@pytest.mark.parametrize("name", NAMES)
def test_noise_that_was_enlarged_with_the_picture_is_removed(name: str) -> None:
    small = photo(name)[:, :128, :128]
    noisy = small + np.random.default_rng(0).normal(0, 10 / 255, small.shape)
    assert gained(*(ndimage.zoom(one, (1, 2, 2), order=1) for one in (small, noisy))) > 4.5
