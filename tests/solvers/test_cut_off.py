"""Black and white whose noise was cut off come out black and white, other pictures as they were."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import priorlab
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.solvers.cut_off import shifted_back
from priorlab.tasks.base import Task
from priorlab.tasks.builtin import Deblur, Inpaint, SuperResolution


def measured(y: torch.Tensor, sigma: float = 0.1) -> Measurement:
    return Measurement(y, Identity(), Gaussian(sigma), (1, 1, 96, 96))


def noise() -> torch.Tensor:
    return 0.1 * torch.randn((1, 1, 96, 96), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("value", [0.0, 0.03, 0.1, 0.5, 0.9, 0.97, 1.0])
def test_mean_of_each_brightness(value: float) -> None:
    y = (value + noise()).clamp(0, 1)
    image = torch.full_like(y, float(y.mean()))
    assert float(shifted_back(image, measured(y)).mean()) == pytest.approx(value, abs=0.008)


def test_noise_that_is_not_there_shifts_nothing() -> None:
    image = torch.full((1, 1, 96, 96), 0.05)
    assert torch.equal(shifted_back(image, measured(image)), image)
    beyond = noise()
    assert torch.equal(shifted_back(image, measured(beyond)), image)


def test_black_bars_beside_a_dark_picture() -> None:
    y = torch.full((1, 1, 96, 96), 0.05)
    y[..., :32] = 0
    shifted = shifted_back(y, measured(y))
    assert torch.equal(shifted[..., 40:], y[..., 40:])


def test_what_lies_elsewhere_makes_no_difference() -> None:
    y = 0.5 + noise().clamp(-0.4, 0.4)
    y[..., 20:50, 30:70] = (y[..., 20:50, 30:70] - 0.5).clamp(0, 1)
    image = torch.full_like(y, 0.5)
    image[..., 20:50, 30:70] = 0.04
    shifted = shifted_back(image, measured(y))
    y[..., 0, 0], y[..., -1, -1] = 0, 0
    wider = shifted_back(image, measured(y))
    assert torch.allclose(shifted[..., 10:60, 20:80], wider[..., 10:60, 20:80], atol=1e-6)


@pytest.mark.parametrize(
    "task", [Deblur(sigma=0.1, boundary="unknown"), SuperResolution(factor=2, sigma=0.1)]
)
def test_behind_an_operator(task: Task) -> None:
    scene = torch.zeros(1, 1, 120, 120)
    scene[..., 60:] = 0.5
    whole = task.measure(scene, seed=0)
    cut = dataclasses.replace(whole, y=whole.y.clamp(0, 1))
    image = task.truth(scene) + 0.04 * (task.truth(scene) == 0)  # as priors return it
    shifted = shifted_back(image, cut)
    assert float(shifted[..., 8:-8, 8:40].mean()) < 0.01
    right = image.shape[-1] // 2 + 8
    assert torch.allclose(shifted[..., right:], image[..., right:], atol=1e-3)
    assert torch.equal(shifted_back(image, whole), image)


def test_behind_a_mask_nothing_is_shifted() -> None:
    measurement = Inpaint(missing=0.5, sigma=0.1).measure(torch.zeros(1, 1, 48, 48), seed=0)
    image = torch.full((1, 1, 48, 48), 0.04)
    cut = dataclasses.replace(measurement, y=measurement.y.clamp(0, 1))
    assert torch.equal(shifted_back(image, cut), image)


@pytest.mark.parametrize("task", ["denoise", "denoise:sigma=20"])
def test_restored_file(tmp_path: Path, task: str) -> None:
    scene = np.zeros((96, 96))
    scene[:, 32:64], scene[:, 64:] = 0.5, 1
    noisy = scene + np.random.default_rng(0).normal(0, 20 / 255, scene.shape)
    path = tmp_path / "noisy.png"
    Image.fromarray(np.rint(255 * noisy.clip(0, 1)).astype(np.uint8)).save(path)
    restored = priorlab.restore(path, task, "tv")
    assert abs(float(restored[..., 4:28].mean()) - 0) < 0.008  # 0.03 as it was
    assert abs(float(restored[..., 68:92].mean()) - 1) < 0.008
