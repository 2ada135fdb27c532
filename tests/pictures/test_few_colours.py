"""Pixel art is not taken for noise, whatever its texture; a noisy picture of few levels is."""

import numpy as np
import pytest

from priorlab.pictures import few_colours
from priorlab.pictures.noise_profile import profile
from priorlab.pictures.picture import Picture


def art(channels: int, colours: int, side: int = 64) -> np.ndarray:
    rng = np.random.default_rng(1)
    palette = rng.integers(1, 255, (colours, channels))
    if channels == 1:
        palette = 20 + np.arange(colours)[:, None] ** 2 + 5 * np.arange(colours)[:, None]
    return np.moveaxis(palette[rng.integers(0, colours, (side, side))], -1, 0) / 255


def noise(sigma: float, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(0, sigma / 255, shape)


def stored(image: np.ndarray, levels: int = 255) -> Picture:
    return Picture(image=(np.rint(levels * image.clip(0, 1)) / levels).astype(np.float32))


@pytest.mark.parametrize(("channels", "colours"), [(3, 4), (3, 48), (1, 4), (1, 12)])
def test_art_has_no_noise(channels: int, colours: int) -> None:
    found = profile(stored(art(channels, colours)))
    assert found.noise.level < 0.5 / 255
    assert f"it holds {colours} colours" in found.text


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("levels", [255, 31, 15])
def test_noise_is_found_in_pictures_of_few_levels(channels: int, levels: int) -> None:
    scene = np.linspace(0.3, 0.7, 128)[None, None] * np.ones((channels, 128, 1))
    noisy = stored(scene + noise(20, scene.shape), levels)
    assert few_colours.count(noisy) == 0
    assert 255 * profile(noisy).noise.level == pytest.approx(20, rel=0.15)


def test_specks_on_few_colours_are_said() -> None:
    picture = 0.3 + 0.4 * art(3, 8, 8).repeat(8, axis=1).repeat(8, axis=2)
    hit = np.random.default_rng(0).random((64, 64))
    picture[:, hit < 0.02], picture[:, hit > 0.98] = 0, 1
    assert "specks, for which there is denoise-impulse" in profile(stored(picture)).text


def test_what_is_little_has_few_colours_by_chance() -> None:
    assert few_colours.count(stored(np.random.default_rng(0).random((3, 16, 4)))) == 0


def test_dark_noise_of_little_contrast_is_noise() -> None:
    noisy = stored(0.5 + noise(3, (1, 128, 128)))
    assert few_colours.count(noisy) == 0
