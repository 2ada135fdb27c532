"""How a picture was compressed by JPEG, told from its pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from PIL import Image
from sample_pictures import PHOTOS, photo

import priorlab
from priorlab.forward import jpeg
from priorlab.metrics import psnr
from priorlab.pictures import jpeg_noise, jpeg_traces, noise_profile, reading
from priorlab.pictures.picture import Picture
from priorlab.tasks import error_levels

NAMES = sorted(PHOTOS)


def half(name: str) -> np.ndarray:
    """Return a photograph (C, 128, 128), so small that it shows no JPEG of before."""
    image = photo(name)
    return image.reshape(len(image), 128, 2, 128, 2).mean((2, 4))


def decoded(image: np.ndarray, **options: object) -> np.ndarray:
    """Return the pixels (C, H, W) of what a JPEG file makes of an image."""
    levels = np.rint(255 * image.clip(0, 1)).astype(np.uint8).transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(levels[..., 0] if len(image) == 1 else levels).save(file, "JPEG", **options)
    return np.atleast_3d(np.asarray(Image.open(file), np.float32)).transpose(2, 0, 1) / 255


def told(image: np.ndarray, **facts: object) -> jpeg.JpegQuantisation | None:
    found = jpeg_traces.of_picture(Picture(image=image.astype(np.float32), **facts))
    return None if found is None else found.noise


@pytest.mark.parametrize("quality", mostly_slow([20, 40, 60, 75, 85, 92], 40, 85))
@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_luma_is_told_of_any_cut_out(name: str, quality: int) -> None:
    pixels = decoded(half(name), quality=quality)
    for row, column in ((0, 0), (3, 14)):
        found = told(pixels[:, row:, column:])
        assert found is not None and found.luma == jpeg.standard(quality).luma
        assert found.orientation == 1
        assert found.corner(128 - row, 128 - column) == (-row % 8, -column % 8)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [60, 85])
def test_the_colours_that_pixels_share_are_told(quality: int, subsampling: str) -> None:
    pixels = decoded(photo("coffee"), quality=quality, subsampling=subsampling)
    found = told(pixels[:, 5:, 9:])
    down, across = jpeg.FACTORS[subsampling]
    expected = jpeg.standard(quality, subsampling)
    assert found is not None and found.chroma == expected.chroma
    assert found.subsampling == subsampling
    assert found.begins == (-5 % (8 * down), -9 % (8 * across))


def test_colours_too_faint_to_tell_are_assumed_to_be_shared_and_that_is_said() -> None:
    gray = np.repeat(photo("camera"), 3, axis=0)
    found = jpeg_traces.of_picture(Picture(image=decoded(gray, quality=30, subsampling="4:4:4")))
    assert found is not None and found.text().endswith("subsampling 4:2:0 assumed")
    coloured = decoded(photo("coffee"), quality=60, subsampling="4:2:0")
    found = jpeg_traces.of_picture(Picture(image=coloured))
    assert found is not None and found.text().endswith("subsampling 4:2:0")


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_picture_lies_as_it_was_stored(turns: int, mirrored: bool) -> None:
    """A photograph of a telephone that was stored upright, say."""
    pixels = decoded(photo("chelsea"), quality=40, subsampling="4:2:2")[:, :200]
    seen = np.rot90(pixels, turns, (1, 2))
    seen = (seen[..., ::-1] if mirrored else seen).copy()
    found = told(seen)
    expected = jpeg.standard(40, "4:2:2")
    assert found is not None and (found.luma, found.chroma) == (expected.luma, expected.chroma)
    assert found.subsampling == "4:2:2" and found.orientation == (5 if turns % 2 else 1)
    # The encoder finds the same coefficients again.
    y = torch.from_numpy(seen)[None].double()
    again = torch.from_numpy(found.sample(y.numpy(), np.random.default_rng(0)))
    assert float((again - y).square().mean() ** 0.5) < 1.5 / 255


def test_unusual_tables_are_told_where_there_is_enough() -> None:
    tables = [[9, *range(10, 73)], [14, *range(20, 83)]]
    found = told(decoded(photo("astronaut"), qtables=tables, subsampling="4:4:4"))
    assert found is not None
    low = [0, 1, 2, 8, 9, 16]
    # In a file they lie along diagonals, as Pillow takes them.
    with io.BytesIO() as file:
        Image.new("RGB", (8, 8)).save(file, "JPEG", qtables=tables)
        written = Image.open(file).quantization[0]
    assert [found.luma[place] for place in low[1:]] == [written[place] for place in low[1:]]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_no_jpeg_file_tells_nothing(name: str) -> None:
    image, rng = half(name), np.random.default_rng(0)
    pixels = decoded(photo(name), quality=60)
    levels = np.rint(255 * pixels).astype(np.uint8).transpose(1, 2, 0)
    small = Image.fromarray(levels.squeeze()).resize((200, 180), Image.Resampling.BICUBIC)
    resized = np.atleast_3d(np.asarray(small, np.float32)).transpose(2, 0, 1) / 255
    assert told(np.rint(255 * image) / 255) is None
    assert told(resized) is None
    assert told(np.rint(255 * pixels + rng.normal(0, 3, pixels.shape)) / 255) is None


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
def test_pixels_that_were_repeated_are_no_blocks(size: int) -> None:
    image = photo("camera")[:, : 256 // size, : 256 // size]
    large = np.kron(np.rint(255 * image) / 255, np.ones((1, size, size)))
    for cut in (0, 3):
        assert told(large[:, cut:, cut:]) is None


def test_drawn_patterns_are_no_blocks() -> None:
    rows, columns = np.mgrid[:160, :160]
    checks = (rows // 8 + columns // 8) % 2 * 0.8 + 0.1
    stripes = np.where(columns % 8 < 4, 0.2, 0.7)
    ramp = np.rint((rows + columns) / 320 * 255) / 255
    for plane in (checks, stripes, ramp, np.full_like(ramp, 0.5)):
        assert told(plane[None]) is None


@pytest.mark.parametrize("size", [8, 16])
@pytest.mark.parametrize("colours", [4, 16, 64])
def test_tiles_that_a_drawing_repeats_are_no_blocks(size: int, colours: int) -> None:
    side = np.arange(size)
    for seed in range(2):
        rng = np.random.default_rng(seed)
        palette = rng.integers(0, 256, (3, colours))
        shades = side[:, None] * rng.integers(1, 4) + side * rng.integers(1, 4)
        tiles = palette[:, (shades + np.arange(6)[:, None, None]) % colours]
        drawn = tiles[:, rng.integers(0, 6, (160 // size, 160 // size))]
        image = drawn.transpose(0, 1, 3, 2, 4).reshape(3, 160, 160) / 255
        for cut in (0, 3):
            assert told(image[:, cut:, cut:]) is None
            assert told((image[:1] + rng.integers(0, 2, (160, 160)) / 255)[:, cut:, cut:]) is None


def test_clear_and_bright_parts_do_not_matter() -> None:
    pixels = decoded(photo("rocket"), quality=50)
    opacity = np.ones(pixels.shape[1:], np.float32)
    opacity[:100], pixels[:, :100] = 0, np.float32(0.31)
    pixels[:, 200:, :100] = 1
    found = told(pixels, opacity=opacity)
    assert found is not None and found.luma == jpeg.standard(50).luma


@pytest.mark.parametrize("suffix", mostly_slow([".png", ".tif", ".webp"], ".png"))
def test_a_picture_that_was_a_jpeg_file_is_restored_as_one(suffix, tmp_path) -> None:
    clean = photo("camera")
    levels = np.rint(255 * clean[0]).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "a.jpg", quality=20)
    options = {"lossless": True} if suffix == ".webp" else {}
    Image.open(tmp_path / "a.jpg").save(tmp_path / f"b{suffix}", **options)
    said: list[str] = []
    of_file, of_pixels = (
        priorlab.restore(tmp_path / name, "dejpeg", "unet", say=said.append)
        for name in ("a.jpg", f"b{suffix}")
    )
    assert any(
        "as its pixels show, it was stored as JPEG before: tables of quality 20" in x for x in said
    )
    channel = of_pixels[..., 0] if suffix == ".webp" else of_pixels  # it holds gray as RGB
    assert np.abs(of_file - channel).max() < 1e-4


@pytest.mark.parametrize("again", mostly_slow([80, 95], 95))
def test_a_file_that_was_stored_once_more_is_what_it_was_first(again, tmp_path) -> None:
    clean = photo("chelsea")
    levels = np.rint(255 * clean).astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(levels).save(tmp_path / "a.jpg", quality=20)
    Image.open(tmp_path / "a.jpg").save(tmp_path / "b.jpg", quality=again)
    said: list[str] = []
    restored = priorlab.restore(tmp_path / "b.jpg", "dejpeg", "unet-jpeg", say=said.append)
    assert any("tables of quality 20 or so" in line for line in said)
    before = reading.read(tmp_path / "b.jpg")
    assert psnr(restored.transpose(2, 0, 1), clean) > psnr(before, clean) + 1
    typed = priorlab.restore(tmp_path / "b.jpg", f"dejpeg:quality={again}", "unet-jpeg")
    assert psnr(restored.transpose(2, 0, 1), clean) > psnr(typed.transpose(2, 0, 1), clean) + 0.2


def test_a_cut_out_is_restored_as_the_same_part_of_the_whole() -> None:
    clean = photo("camera")
    pixels = decoded(clean, quality=20)[0]
    whole = priorlab.restore(pixels, "dejpeg", "unet-jpeg")
    part = priorlab.restore(pixels[5:, 11:].copy(), "dejpeg", "unet-jpeg")
    shifted = priorlab.restore(pixels[5:, 11:].copy(), "dejpeg:quality=20", "unet-jpeg")
    same, before = whole[5:, 11:], pixels[5:, 11:]
    gains = [
        psnr(one[None], clean[:, 5:, 11:]) - psnr(before[None], clean[:, 5:, 11:])
        for one in (part, same, shifted)
    ]
    assert gains[0] == pytest.approx(gains[1], abs=0.05) and gains[0] > 1
    assert gains[0] > gains[2] + 0.3, "with blocks where there are none"


def test_the_pictures_of_other_tasks_say_so_too() -> None:
    picture = Picture(image=decoded(half("camera"), quality=30))
    assert "for which there is dejpeg" in noise_profile.profile(picture).text
    level, said = error_levels.of_blurred(picture)
    assert level == jpeg.standard(30).level
    assert said.endswith("the error that JPEG made, as its pixels show")
    stored = jpeg_noise.of_picture(picture)
    assert stored is not None and stored.level == 0
