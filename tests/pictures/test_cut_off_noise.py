"""Noise that is cut off at black or white nearly everywhere is found out; clean art has none."""

import numpy as np
import pytest

from priorlab.pictures import cut_off_noise
from priorlab.pictures.noise_profile import profile
from priorlab.pictures.picture import Picture


def rounded(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(255 * values.clip(0, 1)) / 255, np.float32)


def disks(side: int = 256) -> np.ndarray:
    """Return black disks on white, with smooth edges."""
    rows, columns = np.mgrid[:side, :side] % 32 - 16.0
    return np.asarray((np.hypot(rows, columns) - 9).clip(0, 1)[None])


@pytest.mark.parametrize("white", [False, True])
@pytest.mark.parametrize("sigma", [5, 20, 50])
def test_drawing(sigma: float, white: bool) -> None:
    drawing = disks() if white else 1 - disks()
    noise = np.random.default_rng(0).normal(0, sigma / 255, drawing.shape)
    found = profile(Picture(image=rounded(drawing + noise)))
    assert 255 * found.noise.level == pytest.approx(sigma, rel=0.1)
    assert "cut off at black or white" in found.text


def test_stars() -> None:
    rng = np.random.default_rng(0)
    sky = np.full((1, 256, 256), 0.02)
    sky.reshape(-1)[rng.integers(0, sky.size, 200)] = 1
    found = profile(Picture(image=rounded(sky + rng.normal(0, 0.1, sky.shape))))
    assert found.noise.level == pytest.approx(0.1, rel=0.1)


def test_a_clean_drawing_has_none() -> None:
    found = profile(Picture(image=rounded(disks())))
    assert found.noise.level < 0.5 / 255
    assert "no noise" in found.text


def test_smooth_grain_tells_nothing() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (257, 257))
    smooth = (noise[1:, 1:] + noise[:-1, 1:] + noise[1:, :-1] + noise[:-1, :-1]) / 4
    seen = np.ones(smooth.shape, np.bool_)
    assert cut_off_noise.level(smooth.clip(0, 1), seen, 0) == 0
    assert cut_off_noise.level(noise.clip(0, 1), np.ones(noise.shape, np.bool_), 0) > 0.09


def test_what_is_transparent_does_not_count() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (64, 64)).clip(0, 1)
    noise[:, 32:] *= 3
    seen = np.zeros(noise.shape, np.bool_)
    seen[:, :32] = True
    assert cut_off_noise.level(noise, seen, 0) == pytest.approx(0.1, rel=0.15)
