"""The simulated camera: what it keeps of a scene, and the noise that it adds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from priorlab.forward.camera import Camera


def scene(channels: int, size: int = 64) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.random((channels, size, size)), (0, 6, 6))
    smooth -= smooth.min()
    return smooth / smooth.max() * 0.6 + 0.2


@pytest.mark.parametrize("channels", [1, 3])
def test_without_noise_a_smooth_scene_comes_out_as_it_is(channels: int) -> None:
    camera = Camera(electrons=100, smoothing=0, quality=0)
    assert np.abs(camera.develop(scene(channels)) - scene(channels)).std() < 0.01


def test_a_flat_colour_survives_mosaic_and_matrices() -> None:
    flat = np.broadcast_to(np.array([0.7, 0.5, 0.4])[:, None, None], (3, 32, 32))
    assert Camera(electrons=100).develop(flat) == pytest.approx(flat, abs=1e-6)


def test_more_light_is_less_noise_and_the_mean_of_many_pictures_has_none() -> None:
    clean = scene(3)
    deviations = []
    for electrons in (200, 3200):
        camera = Camera(electrons=electrons, read_noise=0, quality=0)
        deviations.append((camera.develop(clean, np.random.default_rng(0)) - clean).std())
    assert deviations[0] / deviations[1] == pytest.approx(4, rel=0.15)
    camera = Camera(electrons=800, quality=0)
    mean = np.mean([camera.develop(clean, np.random.default_rng(k)) for k in range(100)], axis=0)
    assert (mean - camera.develop(clean)).std() < 0.2 * deviations[0]


def test_the_noise_is_coarse_grained() -> None:
    clean = scene(3, 128)
    camera = Camera(electrons=500, smoothing=0.7, quality=0)
    noise = camera.develop(clean, np.random.default_rng(0)) - camera.develop(clean)
    neighbours = (noise[:, :, 1:] * noise[:, :, :-1]).mean() / (noise**2).mean()
    assert neighbours > 0.5


def test_pictures_with_noise_have_8_bits() -> None:
    for quality in (0, 80):
        camera = Camera(electrons=500, quality=quality)
        picture = camera.develop(scene(3), np.random.default_rng(0)) * 255
        assert np.abs(picture - np.rint(picture)).max() < 1e-9
