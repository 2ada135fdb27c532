"""What tells noise of coarse grain from texture all over: how both change with the size."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sample_pictures import stored
from scipy import ndimage

import priorlab
from priorlab.pictures import noise_profile

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
