"""Pictures of floats that go beyond black and white themselves, not only by their noise."""

from __future__ import annotations

import numpy as np
import pytest

import priorlab
from priorlab.pictures import beyond_white

RNG = np.random.default_rng(0)
SMOOTH = np.linspace(0, 1, 64, dtype=np.float32)[None, None].repeat(64, 1)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (4 * SMOOTH, [" % of it is brighter than white"]),
        (SMOOTH - 0.5, [" % of it is darker than black"]),
        (3 * SMOOTH - 1, ["brighter than white", "darker than black"]),
    ],
)
def test_what_is_lost_is_said(image: np.ndarray, said: list[str]) -> None:
    lines: list[str] = []
    priorlab.restore(image[0], "denoise:sigma=5", "tv", say=lines.append)
    (line,) = (line for line in lines if "is lost" in line)
    assert all(part in line for part in said)


def test_where_all_is_lost_that_is_all_in_plain_figures() -> None:
    assert beyond_white.lines(SMOOTH / 2 + 1.2)[1].startswith("100 % of it is brighter than white")


@pytest.mark.parametrize("sigma", [0.02, 0.2, 1.0])
def test_noise_is_none(sigma: float) -> None:
    noisy = SMOOTH + RNG.normal(0, sigma, SMOOTH.shape).astype(np.float32)
    assert len(beyond_white.lines(noisy)) == 1


@pytest.mark.parametrize("peak", [0.3, 3, 30])
def test_photons_are_none(peak: float) -> None:
    assert len(beyond_white.lines((RNG.poisson(peak * SMOOTH) / peak).astype(np.float32))) == 1
