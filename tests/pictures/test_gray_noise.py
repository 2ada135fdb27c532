"""What is told of the noise of gray pictures, and what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest
from mostly_slow import mostly_slow
from numpy.typing import NDArray
from sample_pictures import PHOTOS, photo, stored

import priorlab
from priorlab.forward.camera import Camera
from priorlab.forward.jpeg import TO_YCBCR

Image = NDArray[np.float64]
NAMES = mostly_slow(sorted(PHOTOS), *sorted(PHOTOS)[2:])


LEAST_GAIN = {"gravel": -0.01, "chelsea": 0.7}
"""In dB: gravel is fine texture all over, and in fur weak noise is hardly seen."""


def gray(image: Image) -> Image:
    return np.tensordot(TO_YCBCR[0], image, axes=1)[None] if len(image) == 3 else image


def gained(clean: Image, noisy: Image) -> float:
    """Return by how many dB a picture comes closer to the truth, told nothing."""
    seen = stored(noisy).image
    restored = priorlab.restore(seen[0], prior="dct")[None]
    before, after = (np.square(image - clean).mean() for image in (seen, restored))
    return float(10 * np.log10(before / after))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("electrons", [300, 3000])
def test_a_picture_of_a_gray_camera_becomes_better(name: str, electrons: int) -> None:
    scene, camera = gray(photo(name)), Camera(electrons=electrons, quality=0)
    noisy = camera.develop(scene, np.random.default_rng(0))
    assert gained(camera.develop(scene), noisy) > LEAST_GAIN.get(name, 1.5)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_a_colour_camera_that_was_made_gray_becomes_better(name: str) -> None:
    scene, camera = photo(name), Camera(electrons=1000)
    noisy = gray(camera.develop(scene, np.random.default_rng(0)))
    assert gained(gray(camera.develop(scene)), noisy) > LEAST_GAIN.get(name, 1.5)


@pytest.mark.parametrize("name", NAMES)
def test_a_clean_photograph_made_gray_hardly_changes(name: str) -> None:
    clean = stored(gray(photo(name))).image
    restored = priorlab.restore(clean[0], prior="dct")[None]
    assert 255 * np.sqrt(np.square(restored - clean).mean()) < 0.6
