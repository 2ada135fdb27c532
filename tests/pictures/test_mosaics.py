"""Raw mosaics of cameras that are given as gray pictures."""

from __future__ import annotations

import numpy as np
import pytest
from sample_pictures import PHOTOS, photo

import priorlab
from priorlab.pictures import mosaics

RNG = np.random.default_rng(0)


def mosaic(colours: np.ndarray) -> np.ndarray:
    """Return what a sensor with the filters RGGB sees of a photograph (3, H, W)."""
    red, green, blue = colours
    seen = green.copy()
    seen[::2, ::2], seen[1::2, 1::2] = red[::2, ::2], blue[1::2, 1::2]
    return seen[None]


def noisy(image: np.ndarray, sigma: float) -> np.ndarray:
    return (image + RNG.normal(0, sigma / 255, image.shape)).clip(0, 1).astype(np.float32)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("sigma", [0, 10])
def test_photographs_are_none(name: str, sigma: float) -> None:
    gray = photo(name).mean(0, keepdims=True)
    assert not mosaics.is_mosaic(noisy(gray, sigma))


@pytest.mark.parametrize("sigma", [0, 10])
def test_mosaics_are_told(sigma: float) -> None:
    colours = photo("chelsea")
    assert mosaics.is_mosaic(noisy(mosaic(colours), sigma))
    assert not mosaics.is_mosaic(noisy(colours, sigma))


def test_other_alternations_are_none() -> None:
    noise = RNG.normal(0.5, 0.1, (1, 64, 64))
    between = np.zeros((1, 64, 64))  # what is to be filled in
    between[:, ::2, ::2] = noise[:, ::2, ::2]
    combed = noise + 0.1 * (np.arange(64) % 2)[:, None]  # rows of two moments of a film
    doubled = noise[:, :32, :32].repeat(2, 1).repeat(2, 2)
    assert not any(mosaics.is_mosaic(image) for image in (noise, between, combed, doubled))


def test_restore_says_so() -> None:
    said: list[str] = []
    picture = mosaic(photo("chelsea")[:, 64:128, 64:128])[0]
    priorlab.restore(picture, "denoise:sigma=5", "tv", say=said.append)
    assert mosaics.LINE in said
