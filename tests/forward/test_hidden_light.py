"""Light beyond white, which a blurred picture hides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import priorlab
from priorlab.forward import hidden_light
from priorlab.forward.cropped_convolution import CroppedConvolution
from priorlab.forward.hidden_light import without_hidden_light
from priorlab.tasks import deblurring
from priorlab.tasks.kernels import gaussian, motion

KERNELS = {"motion": motion(9, 30), "gaussian": gaussian(1.6), "short": motion(5, 0)}


def night(brightest: float) -> torch.Tensor:
    """Return a dark scene with lamps."""
    y, x = np.mgrid[:72, :80]
    scene = 0.2 + 0.1 * np.sin(x / 5) * np.cos(y / 7)
    for top, left in ((12, 20), (40, 55), (55, 15)):
        scene[top : top + 4, left : left + 3] = brightest
    return torch.from_numpy(scene).float()[None, None]


def blurred(scene: torch.Tensor, kernel: np.ndarray) -> tuple[torch.Tensor, CroppedConvolution]:
    """Return the scene as it is blurred, in 8 bits with some noise, and what blurred it."""
    operator = CroppedConvolution(torch.from_numpy(kernel).float())
    y = operator.forward(scene)
    y = y + torch.randn(y.shape, generator=torch.Generator().manual_seed(0)) / 255
    return (y.clamp(0, 1) * 255).round() / 255, operator


@pytest.mark.parametrize("name", KERNELS)
def test_lamps_are_as_bright_as_white(name: str) -> None:
    y, operator = blurred(night(8.0), KERNELS[name])
    sought = operator.forward(night(1.0))
    found = without_hidden_light(y, operator, 1 / 255)
    before, after = ((one - sought).square().mean().sqrt() for one in (y, found))
    assert after < before / 4


@pytest.mark.parametrize("name", KERNELS)
def test_lights_that_were_cut_off_before_hide_nothing(name: str) -> None:
    y, operator = blurred((4 * night(3.0)).clamp(0, 1), KERNELS[name])
    assert bool((y == 1).any())
    assert torch.equal(without_hidden_light(y, operator, 1 / 255), y)


def test_a_wrong_blur_finds_no_light() -> None:
    y, _ = blurred(night(8.0), KERNELS["motion"])
    wrong = CroppedConvolution(torch.from_numpy(motion(9, 120)).float())
    assert torch.equal(without_hidden_light(y, wrong, 1 / 255), y)


def test_parts_are_what_the_whole_is(monkeypatch: pytest.MonkeyPatch) -> None:
    y, operator = blurred(night(8.0), KERNELS["short"])
    whole = without_hidden_light(y, operator, 1 / 255)
    monkeypatch.setattr(hidden_light, "SIDE", 40)
    parts = without_hidden_light(y, operator, 1 / 255)
    assert float((whole - parts).square().mean().sqrt()) < 0.01


def test_that_it_takes_long_is_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def searched(y: torch.Tensor, *rest: object) -> torch.Tensor:
        assert any(line.startswith("looking for light") for line in said)
        return y

    monkeypatch.setattr(hidden_light, "SIDE", 24)
    monkeypatch.setattr(deblurring, "without_hidden_light", searched)
    y = np.full((72, 80), 1.0, np.float32)
    priorlab.restore(y, "deblur:width=1,sigma=1", "wiener", say=said.append)
    assert [line for line in said if "light" in line] == [
        "looking for light that is cut off at white, in about 12 parts of 24 x 24 pixels"
    ]


def test_a_night_is_restored_better_than_it_was() -> None:
    kernel = KERNELS["motion"]
    y, operator = blurred(night(8.0), kernel)
    truth = operator.frame(night(1.0))[0, 0].numpy()
    restored = priorlab.restore(
        y[0, 0].numpy(), "deblur:kind=motion,length=9,angle=30,sigma=1", "tv"
    )
    before, after = (np.square(one - truth).mean() for one in (y[0, 0].numpy(), restored))
    assert after < before / 10
