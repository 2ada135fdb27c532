"""JPEG as a noise model: the real encoder, and a data fidelity with an exact gradient and prox."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sample_pictures import picture
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.forward import jpeg
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import NoNoise
from priorlab.tasks.builtin import Dejpeg

SIZES = [(16, 16), (17, 41), (16, 200), (32, 24)]
MODELS = [jpeg.standard(10), jpeg.standard(90), jpeg.standard(10, "4:2:0")]
IDS = ["10", "90", "10-4:2:0"]


def pair(height: int, width: int, channels: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Return random images in double precision."""
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.rand(2, batch, channels, height, width, generator=generator, dtype=torch.float64)
    )


def compressed(noise: jpeg.JpegQuantisation, clean: np.ndarray) -> np.ndarray:
    return noise.sample(clean[None].astype(np.float64), np.random.default_rng(0))[0]


def coefficients(plane: np.ndarray) -> np.ndarray:
    """Return the cosine coefficients (rows, columns, 8, 8) of whole blocks, on 0-255."""
    k, n = np.mgrid[:8, :8]
    cosine = np.cos((2 * n + 1) * k * np.pi / 16) * np.where(k == 0, 0.125**0.5, 0.5)
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3) * 255
    return cosine @ blocks @ cosine.T


def direct_nll(noise: jpeg.JpegQuantisation, error: np.ndarray) -> float:
    """Return the data fidelity of an error without the rounding to 8 bits, by its definition."""
    tables = [np.reshape(noise.luma, (8, 8))] + 2 * [np.reshape(noise.chroma, (8, 8))]
    planes = error if len(error) == 1 else np.einsum("pc,chw->phw", jpeg.TO_YCBCR, error)
    squares = np.add.outer(np.arange(8.0) ** 2, np.arange(8.0) ** 2)
    squares[0, 0] = 0.1
    total = 0.0
    for index, (plane, table) in enumerate(zip(planes, tables, strict=False)):
        variance = (jpeg.WIDTH * table) ** 2
        if index:
            variance = np.minimum(variance, jpeg.CHROMA / squares)
        total += (coefficients(plane) ** 2 / variance).sum() / 2
    return total


@pytest.mark.parametrize("quality", [10, 40])
@pytest.mark.parametrize("channels", [1, 3])
def test_nll_weighs_the_errors_of_the_coefficients(channels: int, quality: int) -> None:
    noise = jpeg.standard(quality)
    u, y = pair(16, 24, channels)
    value = float(noise.nll(u, y))
    direct = direct_nll(noise, (u - y)[0].numpy())
    assert value < direct  # the rounding to 8 bits makes each error a little more likely
    assert value == pytest.approx(direct, rel=0.25)


@pytest.mark.parametrize("noise", MODELS, ids=IDS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_prox_is_the_minimiser(
    noise: jpeg.JpegQuantisation, channels: int, size: tuple[int, int]
) -> None:
    v, y = pair(*size, channels, batch=2)
    for step in (1e-4, 1e-2, 1.0):
        u = noise.prox(v, y, step).requires_grad_()
        (gradient,) = torch.autograd.grad(noise.nll(u, y).sum(), u)
        assert torch.allclose(step * gradient, v - u, atol=1e-9)
        single = noise.prox(v.float(), y.float(), step)
        assert torch.allclose(single.double(), u, atol=1e-5)


@settings(max_examples=20)
@given(st.integers(1, 100), st.integers(16, 34), st.integers(16, 34), st.sampled_from([1, 3]))
def test_any_quality_and_size(quality: int, height: int, width: int, channels: int) -> None:
    noise = jpeg.standard(quality)
    v, y = pair(height, width, channels)
    u = noise.prox(v, y, 0.01)
    assert float(noise.nll(y, y)) == 0 < float(noise.nll(u, y)) < float(noise.nll(v, y))
    far, near = noise.prox(v, y, 1e-8), noise.prox(v, y, 1e6)
    assert torch.allclose(far, v, atol=1e-2) and torch.allclose(near, y, atol=1e-2)


@pytest.mark.parametrize("noise", MODELS, ids=IDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_gradient_and_sum_over_each_image(noise: jpeg.JpegQuantisation, channels: int) -> None:
    u, y = pair(9, 10, channels, batch=2)
    together = noise.nll(u, y)
    assert together.shape == (2,)
    alone = [noise.nll(u[i : i + 1], y[i : i + 1]) for i in range(2)]
    assert torch.allclose(together, torch.cat(alone))
    proxes = [noise.prox(u[i : i + 1], y[i : i + 1], 0.1) for i in range(2)]
    assert torch.allclose(noise.prox(u, y, 0.1), torch.cat(proxes))
    u.requires_grad_()
    assert torch.autograd.gradcheck(lambda u: noise.nll(u, y), (u,), fast_mode=True)


def test_the_data_fidelity_after_inference_mode_has_a_gradient() -> None:
    noise = jpeg.standard(33)  # no other test uses it: nothing is kept yet
    u, y = pair(16, 16, 1)
    with torch.inference_mode():
        noise.nll(u, y)
    u.requires_grad_()
    noise.nll(u, y).sum().backward()
    assert u.grad is not None and u.grad.any()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_sample_is_what_pillow_writes(channels: int, size: tuple[int, int]) -> None:
    clean = picture(*size, channels)
    copy = clean.copy()
    pixels = np.rint(clean * 255).astype(np.uint8).transpose(1, 2, 0)
    file = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    image.save(file, "JPEG", quality=10, subsampling=0)
    expected = np.asarray(Image.open(file)) / 255
    y = compressed(jpeg.standard(10), clean)
    assert np.array_equal(y, expected[None] if channels == 1 else expected.transpose(2, 0, 1))
    assert np.array_equal(clean, copy)


@pytest.mark.parametrize("quality", [10, 40, 90])
def test_truth_lies_within_half_a_step(quality: int) -> None:
    """The tables are those that were used, in the order that the data fidelity takes them in."""
    clean = 0.5 + 0.12 * np.random.default_rng(0).standard_normal((1, 48, 64))
    clean = np.rint(clean.clip(0.1, 0.9) * 255) / 255  # nothing is clipped after decoding
    noise = jpeg.standard(quality)
    error = np.abs(coefficients(clean[0]) - coefficients(compressed(noise, clean)[0]))
    half = np.reshape(noise.luma, (8, 8)) / 2
    assert (error <= half + 2).all()  # 2: the decoded picture was rounded to 8 bits
    assert (error > 0.8 * half).any((0, 1))[half < 40].all()


def test_subsampling_shares_the_colour_of_four_pixels() -> None:
    clean = np.full((3, 32, 32), 0.5)
    stripes = (np.arange(32) % 2 - 0.5) * 0.2
    clean += np.linalg.inv(jpeg.TO_YCBCR)[:, 1:2, None] * stripes  # in chroma alone
    full, shared = (
        compressed(jpeg.standard(95, subsampling), clean) for subsampling in jpeg.SUBSAMPLINGS
    )
    assert np.abs(full - clean).mean() < 0.02
    assert np.abs(shared - clean).mean() > 0.05
    error = torch.from_numpy(clean - shared)[None]
    zero = torch.zeros_like(error)
    expected = [float(jpeg.standard(95, s).nll(error, zero)) for s in jpeg.SUBSAMPLINGS]
    assert expected[1] < 0.5 * expected[0]


def test_level_is_the_error_to_expect() -> None:
    levels = [jpeg.standard(quality).level * 255 for quality in (1, 10, 40, 80, 95, 100)]
    assert levels == sorted(levels, reverse=True)
    assert 9 < levels[1] < 14 and 5 < levels[2] < 9
    assert levels[-1] == pytest.approx(NoNoise().level * 255 * 2**0.5, rel=0.01)
    least, greatest = jpeg.standard(10).spread
    assert 0 < least < greatest == jpeg.standard(10).level


@pytest.mark.parametrize("channels", [1, 3])
def test_task_is_the_same_for_all_seeds(channels: int) -> None:
    clean = torch.from_numpy(picture(33, 26, channels))[None]
    first, second = Dejpeg().measure(clean, 0), Dejpeg().measure(clean, 1)
    assert isinstance(first, Measurement) and torch.equal(first.y, second.y)
    assert not torch.equal(first.y, Dejpeg(quality=20).measure(clean, 0).y)


class TestTablesOfAFile:
    @pytest.mark.parametrize("subsampling", jpeg.SUBSAMPLINGS)
    @pytest.mark.parametrize("channels", [1, 3])
    def test_are_those_it_was_written_with(
        self, channels: int, subsampling: str, tmp_path: Path
    ) -> None:
        pixels = np.rint(picture(20, 30, channels) * 255).astype(np.uint8).transpose(1, 2, 0)
        image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
        path = tmp_path / "a,b.jpg"
        image.save(path, quality=35, subsampling=subsampling)
        noise = Dejpeg(tables=str(path)).noise
        expected = jpeg.standard(35, subsampling)
        if channels == 3:
            assert noise == expected
        assert noise.luma == expected.luma
        assert "quality" not in Dejpeg(tables=str(path)).spec()

    def test_other_sampling(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        Image.new("RGB", (20, 20)).save(path, subsampling="4:2:2")
        with pytest.raises(UsageError, match="neither as 4:4:4 nor as 4:2:0"):
            jpeg.of_file(path)

    def test_no_jpeg(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        Image.new("RGB", (20, 20)).save(path)
        with pytest.raises(UsageError, match=r"a\.png is not a JPEG file"):
            jpeg.of_file(path)
        with pytest.raises(UsageError, match=r"missing\.jpg cannot be read: .*No such file"):
            jpeg.of_file(tmp_path / "missing.jpg")

    def test_nothing_else_may_be_given(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        Image.new("L", (20, 20)).save(path)
        with pytest.raises(UsageError, match="or quality and subsampling"):
            Dejpeg(tables=str(path), quality=20)
