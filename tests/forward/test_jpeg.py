"""JPEG as a noise model: the real encoder, and a data fidelity with an exact gradient and prox."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mostly_slow import mostly_slow
from PIL import Image
from sample_pictures import photo_crop, picture
from torch import Tensor

from priorlab import plugins, restoration
from priorlab.errors import UsageError
from priorlab.forward import jpeg, jpeg_files
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import NoNoise
from priorlab.pictures.picture import Picture
from priorlab.pictures.reading import read
from priorlab.tasks.builtin import Dejpeg

SIZES = [(16, 16), (17, 41), (16, 200), (32, 24)]
MODELS = [
    jpeg.standard(10),
    jpeg.standard(90),
    jpeg.standard(10, "4:2:0"),
    dataclasses.replace(jpeg.standard(10, "4:2:2"), orientation=6),
    dataclasses.replace(jpeg.standard(10, "4:4:0"), orientation=7),
    jpeg.standard(10, "4:1:1"),
    dataclasses.replace(jpeg.standard(10, "4:2:0"), begins=(3, 13)),
]
IDS = ["10", "90", "10-4:2:0", "4:2:2-turned", "4:4:0-turned", "4:1:1", "cut out"]


RNG = np.random.default_rng(0)  # the encoder draws nothing


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
@pytest.mark.parametrize("size", mostly_slow(SIZES, SIZES[-1]))
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
    far, near = noise.prox(v, y, 1e-9), noise.prox(v, y, 1e6)
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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("noise", MODELS, ids=IDS)
def test_what_is_possible_is_near_the_data_and_the_truth_is(
    noise: jpeg.JpegQuantisation, channels: int
) -> None:
    clean = torch.from_numpy(picture(44, 50, channels))[None].clamp(0.15, 0.85)
    written = noise.subsampling in jpeg.WRITTEN
    y = torch.from_numpy(noise.sample(clean.numpy(), RNG)).float() if written else clean
    same = noise.possible(clean, y)
    assert float((same - clean).abs().max()) < (0.01 if written else 1e-5)
    far = clean + 0.5 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    near = noise.possible(far, y)
    assert float((near - clean).square().mean()) < 0.95 * float((far - clean).square().mean())
    torch.testing.assert_close(noise.possible(near, y), near, atol=1e-5, rtol=0)
    assert torch.equal(noise.possible(far[..., :7, :7], y[..., :7, :7]), far[..., :7, :7])


def test_a_prior_keeps_to_what_compression_may_have_done() -> None:
    """Stripes are nothing to total variation: it made them gray, whatever the file says."""
    clean = torch.tensor([0.1, 0.9]).repeat(1, 1, 48, 24)
    measurement = Dejpeg(quality=10).measure(clean, seed=0)
    (tv,) = plugins.load().build_priors("tv")
    restored = restoration.run(tv, measurement)
    before = float((measurement.y - clean).square().mean())
    assert float((restored - clean).square().mean()) < max(before, 0.02)


def test_subsampling_shares_the_colour_of_four_pixels() -> None:
    clean = np.full((3, 32, 32), 0.5)
    stripes = (np.arange(32) % 2 - 0.5) * 0.2
    clean += np.linalg.inv(jpeg.TO_YCBCR)[:, 1:2, None] * stripes  # in chroma alone
    full, shared = (
        compressed(jpeg.standard(95, subsampling), clean) for subsampling in ("4:4:4", "4:2:0")
    )
    assert np.abs(full - clean).mean() < 0.02
    assert np.abs(shared - clean).mean() > 0.05
    error = torch.from_numpy(clean - shared)[None]
    zero = torch.zeros_like(error)
    expected = [float(jpeg.standard(95, s).nll(error, zero)) for s in ("4:4:4", "4:2:0")]
    assert expected[1] < 0.5 * expected[0]


def test_level_is_the_error_to_expect() -> None:
    levels = [jpeg.standard(quality).level * 255 for quality in (1, 10, 40, 80, 95, 100)]
    assert levels == sorted(levels, reverse=True)
    assert 9 < levels[1] < 14 and 5 < levels[2] < 9
    assert levels[-1] == pytest.approx(NoNoise().level * 255, rel=0.01)
    least, greatest = jpeg.standard(10).spread
    assert 0 < least < greatest == jpeg.standard(10).level


@pytest.mark.parametrize("quality", [98, 99, 100])
def test_level_of_a_good_file_is_the_error_of_whole_numbers(quality: int) -> None:
    clean = torch.from_numpy(np.rint(picture(96, 96) * 255) / 255)[None].float()
    clean += 0.02 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    clean = (255 * clean.clamp(0, 1)).round() / 255
    error = (Dejpeg(quality=quality).measure(clean, 0).y - clean).square().mean().sqrt()
    assert jpeg.standard(quality).level == pytest.approx(float(error), rel=0.2)


@pytest.mark.parametrize("channels", [1, 3])
def test_task_is_the_same_for_all_seeds(channels: int) -> None:
    clean = torch.from_numpy(picture(33, 26, channels))[None]
    first, second = Dejpeg().measure(clean, 0), Dejpeg().measure(clean, 1)
    assert isinstance(first, Measurement) and torch.equal(first.y, second.y)
    assert not torch.equal(first.y, Dejpeg(quality=20).measure(clean, 0).y)


class TestTablesOfAFile:
    @pytest.mark.parametrize("subsampling", jpeg.WRITTEN)
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
        Image.new("CMYK", (20, 20)).save(path)
        with pytest.raises(UsageError, match="stores CMYK colours; expected luma and chroma"):
            jpeg_files.read(path)
        Image.new("RGB", (20, 20)).save(path, keep_rgb=True)
        with pytest.raises(UsageError, match="stores RGB colours"):
            jpeg_files.read(path)

    def test_no_jpeg(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        Image.new("RGB", (20, 20)).save(path)
        with pytest.raises(UsageError, match=r"a\.png is not a JPEG file"):
            jpeg_files.read(path)
        with pytest.raises(UsageError, match=r"cannot read .*missing\.jpg: No such file"):
            jpeg_files.read(tmp_path / "missing.jpg")

    def test_nothing_else_may_be_given(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        Image.new("L", (20, 20)).save(path)
        with pytest.raises(UsageError, match="or quality and subsampling"):
            Dejpeg(tables=str(path), quality=20)


@pytest.mark.parametrize("subsampling", ["4:2:2", "4:2:0", "4:4:0", "4:1:1"])
def test_pixels_that_share_a_chroma_value(subsampling: str) -> None:
    """What differs among them is nearly free, and what is their mean is not; luma does not care."""
    down, across = jpeg.FACTORS[subsampling]
    noise, plain = jpeg.standard(100, subsampling), jpeg.standard(100)
    y = torch.full((1, 3, 32, 64), 0.5, dtype=torch.float64)
    gray, colour = torch.ones(3).double(), torch.tensor([1, -0.509, 0]).double()

    def ratio(pattern: Tensor, direction: Tensor) -> float:
        u = y + 0.02 * direction[:, None, None] * pattern
        return float(noise.nll(u, y) / plain.nll(u, y))

    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(64), indexing="ij")
    means = (-1.0) ** (rows // (8 * down) + columns // (8 * across)).double()
    if across > 1:
        assert ratio((-1.0) ** columns.double(), colour) < 0.1
    if down > 1:
        assert ratio((-1.0) ** rows.double(), colour) < 0.1
    if down == 1:
        assert ratio((-1.0) ** rows.double(), colour) > 0.25
    assert ratio(means, colour) > 0.25
    assert ratio((-1.0) ** columns.double(), gray) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_blocks_of_a_file_lie_as_it_was_stored(orientation: int, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[jpeg_files.ORIENTATION] = orientation
    stored = np.rint(255 * picture(44, 52, 3)).astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(stored).save(path, quality=10, subsampling="4:2:2", exif=exif)
    shown = Picture(image=read(path), path=path)
    task, notes = Dejpeg().for_picture(shown, typed=())
    assert "quality 10 or so, subsampling 4:2:2" in notes[0]
    assert ("orientation" in notes[0]) == (orientation > 1)
    y = torch.from_numpy(shown.image)[None].double()
    noise = task.noise
    assert isinstance(noise, jpeg.JpegQuantisation)
    assert torch.equal(noise.upright(noise.stored(y)), y)
    # As it lies in the file, it is what a decoder that does not turn it sees.
    raw = np.asarray(Image.open(path), np.float64).transpose(2, 0, 1) / 255
    assert np.allclose(noise.stored(y)[0], raw, atol=1e-6)
    again = noise.sample(y.numpy(), np.random.default_rng(0))
    wrong = dataclasses.replace(noise, orientation=1 if orientation > 1 else 8)
    changed = [np.square(n.sample(y.numpy(), None) - y.numpy()).mean() for n in (noise, wrong)]
    assert again.shape == y.shape and changed[0] < 0.3 * changed[1]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("begins", [(0, 8), (5, 0), (2, 9)])
def test_a_cut_out_has_the_blocks_of_the_whole(channels: int, begins: tuple[int, int]) -> None:
    clean = torch.from_numpy(picture(64, 80, channels))[None].double().clamp(0.15, 0.85)
    whole = jpeg.standard(10, "4:2:0")
    y = torch.from_numpy(whole.sample(clean.numpy(), RNG))
    rows, columns = (slice(-first % 16, None) for first in begins)
    u, data = clean[..., rows, columns], y[..., rows, columns]
    noise = dataclasses.replace(whole, begins=begins)
    assert noise.corner(*u.shape[2:]) == (begins[0] % 8, begins[1] % 8)
    assert torch.equal(noise.without_first(noise.whole_at_first(u)), u)
    # What the border does not cut is as in the whole.
    for found, expected in (
        (noise.prox(u, data, 0.1), whole.prox(clean, y, 0.1)),
        (noise.possible(u + 0.2, data), whole.possible(clean + 0.2, y)),
    ):
        inside = expected[..., rows, columns]
        torch.testing.assert_close(found[..., 16:32, 16:48], inside[..., 16:32, 16:48])
    # The encoder finds the same coefficients: it changes the decoded picture hardly any more.
    again = torch.from_numpy(noise.sample(data.numpy(), RNG))
    elsewhere = torch.from_numpy(whole.sample(data.numpy(), RNG))
    changed, changed_more = (float((one - data).square().mean()) for one in (again, elsewhere))
    assert changed <= 0.2 * changed_more


class TestPicture:
    def saved(self, path: Path, **options: object) -> Picture:
        values = np.rint(255 * picture(40, 48, 3)).astype(np.uint8).transpose(1, 2, 0)
        Image.fromarray(values).save(path, **options)
        return Picture(image=read(path), path=path)

    def test_progressive_and_gray(self, tmp_path: Path) -> None:
        shown = self.saved(tmp_path / "a.jpg", quality=30, progressive=True, subsampling="4:2:0")
        task, _ = Dejpeg().for_picture(shown, typed=())
        assert task.noise == jpeg.standard(30, "4:2:0")
        gray = tmp_path / "gray.jpg"
        Image.new("L", (48, 40)).save(gray, quality=30)
        task, (note,) = Dejpeg().for_picture(Picture(image=read(gray), path=gray), typed=())
        assert "quality 30 or so" in note
        first = dataclasses.replace(shown, path=tmp_path / "a.jpg[0]")
        assert Dejpeg().for_picture(first, typed=())[0].noise == jpeg.standard(30, "4:2:0")

    def test_tables_of_a_picture_of_another_size(self, tmp_path: Path) -> None:
        shown = self.saved(tmp_path / "a.png")
        Image.new("RGB", (40, 48)).save(tmp_path / "b.jpg")
        task = Dejpeg(tables=str(tmp_path / "b.jpg"))
        with pytest.raises(UsageError, match="has 40x48 pixels, but the picture has 48x40"):
            task.for_picture(shown, typed={"tables"})

    def test_what_is_no_jpeg_file_needs_tables_or_quality(self, tmp_path: Path) -> None:
        shown = self.saved(tmp_path / "a.png")
        for unknown in (shown, Picture(image=shown.image)):
            task, _ = Dejpeg().for_picture(unknown, typed=())
            with pytest.raises(UsageError, match=r"tables=FILE\.jpg"):
                task.noise_in(unknown)
        assert Dejpeg(quality=30).for_picture(shown, typed={"quality"}) == (Dejpeg(quality=30), ())
        self.saved(tmp_path / "b.jpg", quality=30)
        task = Dejpeg(tables=str(tmp_path / "b.jpg"))
        assert task.for_picture(shown, typed={"tables"})[0] == task

    def test_subsampling_alone(self, tmp_path: Path) -> None:
        shown = self.saved(tmp_path / "a.jpg")
        with pytest.raises(UsageError, match="needs quality="):
            Dejpeg(subsampling="4:2:0").for_picture(shown, typed={"subsampling"})

    def test_a_quality_that_the_file_contradicts_is_taken_and_said(self, tmp_path: Path) -> None:
        shown = self.saved(tmp_path / "a.jpg", quality=90, subsampling="4:2:0")
        task, (note,) = Dejpeg(quality=10).for_picture(shown, typed={"quality"})
        assert task == Dejpeg(quality=10)
        assert "a.jpg says: tables of quality 90 or so, subsampling 4:2:0; taken is" in note
        same = Dejpeg(quality=90, subsampling="4:2:0")
        assert same.for_picture(shown, typed={"quality", "subsampling"}) == (same, ())


@pytest.mark.parametrize("name", ["tv", "tgv", "tikhonov"])
def test_what_subsampling_took_is_an_error_too(name: str) -> None:
    """The luma of a good file has next to none: a regulariser smoothed the chroma all the more."""
    clean = photo_crop("chelsea", 3, 64)
    measurement = Dejpeg(quality=100, subsampling="4:2:0").measure(clean, seed=0)
    (prior,) = plugins.load().build_priors(name)
    errors = [image - clean for image in (restoration.run(prior, measurement), measurement.y)]
    after, before = (float(error.square().mean()) for error in errors)
    assert after < 1.05 * before


class TestBlocksElsewhere:
    """Where blocks lie is seen by the coefficients that were rounded to zero."""

    def doubts(self, y: np.ndarray, clear: np.ndarray | None = None) -> tuple[str, ...]:
        task = Dejpeg(quality=20)
        return task.doubts(task.adopt(torch.from_numpy(y)[None].float()), clear)

    @pytest.mark.parametrize("quality", [10, 30, 50, 75, 90])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_are_said_and_the_right_ones_are_not(self, channels: int, quality: int) -> None:
        clean = photo(channels)
        y = compressed(jpeg.standard(quality, "4:2:0"), clean)
        assert self.doubts(y) == self.doubts(clean) == ()
        (line,) = self.doubts(y[:, 3:, 5:])
        assert line.startswith("its blocks of 8x8 pixels begin at row 5 and column 3, not at 0")

    def test_are_looked_for_where_the_picture_is_seen(self) -> None:
        y = compressed(jpeg.standard(20), photo(3))
        clear = np.zeros(y.shape[1:], bool)
        clear[:13], clear[:, :9] = True, True
        y[:, clear] = np.random.default_rng(0).random((3, clear.sum()))
        assert self.doubts(y, clear) == ()
        (line,) = self.doubts(y[:, 3:, 5:], clear[3:, 5:])
        assert "at row 5 and column 3" in line

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_are_where_they_belong_in_a_turned_file(self, orientation: int, tmp_path: Path) -> None:
        path, exif = tmp_path / "a.jpg", Image.Exif()
        exif[jpeg_files.ORIENTATION] = orientation
        values = np.rint(255 * photo(1)[0, :115, :98]).astype(np.uint8)
        Image.fromarray(values).save(path, quality=30, exif=exif)
        shown = Picture(image=read(path), path=path)
        task, _ = Dejpeg().for_picture(shown, typed=())
        assert task.doubts(task.adopt(torch.from_numpy(shown.image)[None]), None) == ()

    def test_are_not_looked_for_in_too_few_pixels(self) -> None:
        assert self.doubts(compressed(jpeg.standard(20), photo(1))[:, 3:40, 5:40]) == ()


def photo(channels: int) -> np.ndarray:
    """Return a part of a photograph (C, 128, 128)."""
    return photo_crop("camera" if channels == 1 else "astronaut", channels, 128)[0].numpy()
