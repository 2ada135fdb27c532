"""Whether a picture shows the blur that was estimated from it."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop

import priorlab
from priorlab.forward import kernel_evidence
from priorlab.forward.cropped_convolution import CroppedConvolution
from priorlab.forward.kernel_evidence import contradicts, doubts
from priorlab.tasks import kernels

MOTION = kernels.motion(9, 30)


def blurred(name: str, kernel: np.ndarray) -> torch.Tensor:
    """Return a photograph that a kernel blurred, with a little noise."""
    y = CroppedConvolution(torch.from_numpy(kernel).float()).forward(photo_crop(name, 3, 200))
    return y + torch.randn(y.shape, generator=torch.Generator().manual_seed(0)) / 255


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_the_right_kernel_is_not_doubted(name: str) -> None:
    assert doubts(blurred(name, MOTION), np.pad(MOTION, 1), 1 / 255) == ()


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_a_sharp_picture_was_not_blurred(name: str) -> None:
    (said,) = doubts(blurred(name, np.ones((1, 1))), np.pad(MOTION, 1), 1 / 255)
    assert "no more blur than a sharp one" in said and "worse" in said


def test_a_kernel_that_is_hardly_more_than_a_point_is_said() -> None:
    y = blurred("coffee", MOTION)
    (said,) = doubts(y, np.pad(np.array([[0.1, 0.9]]), 2), 1 / 255)
    assert "no more blur than a sharp one" in said


def test_what_is_out_of_focus_was_not_shaken() -> None:
    (said,) = doubts(blurred("coffee", kernels.gaussian(1.6)), np.pad(MOTION, 1), 1 / 255)
    width = re.search(r"try deblur:width=([0-9.]+)", said)
    assert width and float(width[1]) == pytest.approx(1.6, abs=0.2)


def test_a_picture_that_no_image_blurred_looks_like_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As of sharp print, whose spectrum is none of a photograph.
    monkeypatch.setattr(kernel_evidence, "round_blur", lambda *_: None)
    boxes = torch.full((1, 1, 120, 160), 0.5)
    boxes[..., 20:70, 30:80] = 0.9
    boxes[..., 50:100, 60:140] = 0.1
    sharp = CroppedConvolution(torch.ones(1, 1)).forward(boxes)
    shaken = CroppedConvolution(torch.from_numpy(MOTION).float()).forward(boxes)
    (said,) = doubts(sharp, np.pad(MOTION, 1), 0)
    assert "no image that the kernel found blurs looks like the picture" in said
    assert doubts(shaken, np.pad(MOTION, 1), 0) == ()


@pytest.mark.parametrize("name", mostly_slow(["coffee", "chelsea", "astronaut"], "chelsea"))
def test_a_kernel_that_makes_waves_beyond_black_and_white_is_said(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As of kernels that a picture's spectrum allows, but not its values.
    monkeypatch.setattr(kernel_evidence, "round_blur", lambda *_: None)
    y = blurred(name, MOTION)
    (said,) = doubts(y, np.pad(kernels.motion(15, 30), 1), 1 / 255)
    assert "asks for black or white where the picture shows neither" in said and "worse" in said
    assert doubts(y, np.pad(MOTION, 1), 1 / 255) == ()


@pytest.mark.parametrize("scale", [1, 1 / 8])
def test_a_picture_with_black_and_white_parts_is_not_doubted(scale: float) -> None:
    stretched = (2.5 * (photo_crop("astronaut", 3, 200) - 0.4) + 0.5).clamp(0, 1)
    operator = CroppedConvolution(torch.from_numpy(MOTION).float())
    y = operator.forward(stretched)
    y = scale * (y + torch.randn(y.shape, generator=torch.Generator().manual_seed(0)) / 255)
    assert doubts(y, np.pad(MOTION, 1), scale / 255) == ()


def test_a_kernel_that_is_cut_off_is_said() -> None:
    cut = kernels.motion(21, 0)[:, 6:-6]
    cut = np.pad(cut / cut.sum(), ((4 - cut.shape[0] // 2,) * 2, (0, 0)))
    (said,) = doubts(blurred("coffee", kernels.motion(21, 0)), cut, 1 / 255)
    size = "x".join(map(str, cut.shape[::-1]))
    assert f"reaches the border of its {size} pixels" in said and "larger size=" in said


def test_a_tiny_picture_tells_nothing_of_its_kernel() -> None:
    assert doubts(torch.rand(1, 1, 3, 3), np.pad(np.ones((3, 3)) / 9, 1), 1 / 255) == ()


def said_of(y: torch.Tensor, task: str) -> str:
    """Return what `restore` says of a picture (1, C, H, W)."""
    said: list[str] = []
    priorlab.restore(y[0].permute(1, 2, 0).numpy(), task, "wiener", say=said.append)
    return "; ".join(said)


def test_a_blur_that_was_typed_for_a_sharp_picture_is_doubted() -> None:
    sharp = blurred("chelsea", np.ones((1, 1)))
    task = "deblur:kind=motion,length=9,angle=30,sigma=1"
    assert "no image that is blurred so" in said_of(sharp, task)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_a_blur_that_the_picture_contradicts_is_said_though_it_was_typed(name: str) -> None:
    task, words = "deblur:kind=motion,length=9,angle=30,sigma=1", "no image that is blurred so"
    shaken = blurred(name, MOTION)
    assert words not in said_of(shaken, task)
    assert words in said_of(blurred(name, np.ones((1, 1))), task)
    if name != "rocket":  # whose sky shows little of it
        assert words in said_of(shaken, task.replace("angle=30", "angle=120"))
    framed = torch.nn.functional.pad(shaken, (0, 0, 20, 20))
    assert "between bars of one colour" in said_of(framed, task)


@pytest.mark.parametrize("sigma", mostly_slow([1, 5, 20], 1))
@pytest.mark.parametrize("width", mostly_slow([1.0, 2.5], 1.0))
def test_the_blur_that_was_typed_rightly_is_not_doubted(width: float, sigma: int) -> None:
    y = blurred("astronaut", kernels.gaussian(width))
    y = y + sigma / 255 * torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    quantised = y.clamp(0, 1).mul(255).round().div(255)
    assert "looks like" not in said_of(quantised, f"deblur:width={width}")


@pytest.mark.parametrize("sigma", [1, 3, 8])
def test_a_motion_that_was_typed_rightly_is_not_doubted_whatever_the_noise(sigma: int) -> None:
    y = blurred("astronaut", MOTION)
    y = y + sigma / 255 * torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    assert not contradicts(y, MOTION, sigma / 255)
