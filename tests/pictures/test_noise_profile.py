"""The noise that a picture shows: white, uneven, of a camera, or none."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import subprocess
import sys

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest
from mostly_slow import mostly_slow, slow_where
from numpy.typing import NDArray
from sample_pictures import PHOTOS, photo, stored
from scipy import ndimage

from priorlab.errors import UsageError
from priorlab.forward.camera import Camera
from priorlab.forward.noise import Gaussian
from priorlab.forward.real_noise import RealNoise
from priorlab.pictures import noise_profile, reading
from priorlab.pictures.noise_level import estimate_sigma
from priorlab.pictures.noise_profile import profile
from priorlab.pictures.picture import Picture

Image = NDArray[np.float64]


def noisy(clean: Image, sigma: object, seed: int = 0) -> Picture:
    noise = np.random.default_rng(seed).normal(0, 1, clean.shape)
    return Picture(image=(clean + np.asarray(sigma) / 255 * noise).astype(np.float32))


def levels(picture: Picture) -> Image:
    """Return what is found, on the 0-255 scale, for each channel."""
    noise = noise_profile.profile(picture).noise
    found = noise.levels if isinstance(noise, RealNoise) else (noise.level,)
    return 255 * np.broadcast_to(found, len(picture.image))


@pytest.mark.parametrize("sigma", mostly_slow([5, 10, 25, 50], 5, 50))
@pytest.mark.parametrize("name", mostly_slow(sorted(PHOTOS), "astronaut", "gravel"))
def test_white_noise_is_measured(name: str, sigma: float) -> None:
    found = noise_profile.profile(noisy(photo(name), sigma)).noise
    # Gravel itself looks like noise.
    assert found.level * 255 == pytest.approx(sigma, rel=0.08 if name == "gravel" else 0.05)
    assert found.is_independent


@pytest.mark.parametrize("name", sorted(PHOTOS))
def test_clean_photographs_show_hardly_any_noise(name: str) -> None:
    clean = Picture(image=reading.read(PHOTOS[name]))
    most = 3 if name == "gravel" else 1.5
    assert noise_profile.profile(clean).noise.level * 255 < most


def part(name: str, sigma: float, *where: slice) -> Picture:
    """Return a photograph with noise in a part of it only."""
    image = photo(name)
    image[:, *where] = noisy(image[:, *where], sigma).image
    return stored(image)


LEFT, BOTTOM = (slice(None), slice(0, 128)), (slice(128, None), slice(None))


@pytest.mark.parametrize(
    ("name", "where"),
    slow_where(
        lambda name, where: name not in ("camera", "chelsea"),
        [*((name, LEFT) for name in sorted(PHOTOS)), ("chelsea", BOTTOM)],
    ),
)
def test_noise_in_a_part_of_a_picture_is_said(name: str, where: tuple[slice, slice]) -> None:
    found = noise_profile.profile(part(name, 25, *where))
    assert found.noise.level * 255 < 10, "what all of it has"
    said = re.search(r"sigma = (\d+) in about rows (\d+) to (\d+) and columns (\d+) to", found.text)
    assert said and found.part in found.text
    assert float(said[1]) == pytest.approx(25, rel=0.1)
    assert f"noise stays there; give sigma={said[1]}, or restore" in found.text
    assert (int(said[2]), int(said[3])) in [(0, 256), (0, 128), (128, 256)], found.text


def test_noise_in_places_all_over_is_not_said_to_be_in_a_part_that_is_the_whole() -> None:
    image = photo("chelsea")
    for place in ((LEFT[1], LEFT[1]), (BOTTOM[0], BOTTOM[0])):
        image[:, *place] = noisy(image[:, *place], 25).image
    part = profile(stored(image)).part
    assert "in places all over it" in part and "rows" not in part and "by itself" not in part


@pytest.mark.parametrize("name", mostly_slow(["chelsea", "rocket"], "chelsea"))
@pytest.mark.parametrize(("sigma", "black"), [(25, 0.0), (50, 0.0), (25, 0.9)])
def test_noise_that_is_cut_off_in_a_part_is_said(name: str, sigma: float, black: float) -> None:
    image = photo(name)
    image[:, *LEFT] = black + 0.1 * image[:, *LEFT]
    assert not noise_profile.profile(stored(image)).part
    image[:, *LEFT] = noisy(image[:, *LEFT], sigma).image
    said = re.search(r"sigma = (\d+) in about rows 0 to 256", profile(stored(image)).part)
    assert said and float(said[1]) == pytest.approx(sigma, rel=0.15)


def test_specks_and_what_is_clear_are_not_said_to_be_noise_in_a_part() -> None:
    rng, image = np.random.default_rng(0), photo("chelsea")
    specks = np.where(rng.random(image.shape) < 0.4, rng.integers(0, 2, image.shape), image)
    image[:, *LEFT] = specks[:, *LEFT]
    assert not noise_profile.profile(stored(image)).part
    image[:, *LEFT] = noisy(0 * image[:, *LEFT], 25).image
    opacity = np.ones(image.shape[1:], np.float32)
    opacity[LEFT] = 0
    cut_out = dataclasses.replace(stored(image), opacity=opacity)
    assert not noise_profile.profile(cut_out).part


@pytest.mark.parametrize("name", mostly_slow(sorted(PHOTOS), "gravel"))
@pytest.mark.parametrize("sigma", mostly_slow([0, 5, 25, 50], 25))
def test_even_noise_is_not_said_to_be_in_a_part(name: str, sigma: float) -> None:
    for picture in (stored(photo(name)), noisy(photo(name), sigma), part(name, sigma, slice(None))):
        assert not noise_profile.profile(picture).part


@pytest.mark.slow
def test_photon_noise_and_texture_are_not_said_to_be_in_a_part() -> None:
    for name in PHOTOS:
        photons = np.random.default_rng(0).poisson(photo(name) * 50) / 50
        assert not noise_profile.profile(stored(photons)).part
    beside = np.concatenate([photo("rocket"), np.tile(photo("gravel"), (3, 1, 1))], 2)
    assert not noise_profile.profile(stored(beside)).part


def test_noise_of_a_camera_is_found_where_the_finest_scale_shows_little() -> None:
    scene = ndimage.zoom(photo("rocket"), (1, 1.5, 1.5), order=1)
    camera = Camera(electrons=300, smoothing=0.9, quality=90)
    picture = stored(camera.develop(scene, np.random.default_rng(0)))
    deviation = (picture.image - camera.develop(scene)).std() * 255
    found = noise_profile.profile(picture)
    white = np.sqrt(np.mean(estimate_sigma(picture.image) ** 2)) * 255
    assert white < 0.5 * deviation, "what an estimate for white noise sees of it"
    assert 0.8 * deviation < found.noise.level * 255 < 3 * deviation
    assert not found.noise.is_independent and "coarse-grained" in found.text


@pytest.mark.parametrize(
    ("name", "electrons", "least", "most"),
    [("chelsea", 100, 0.75, 1.2), ("chelsea", 1000, 0.75, 1.2), ("camera", 50, 0.55, 1.2)],
)
def test_the_noise_of_a_gray_camera_is_told_as_strong_as_it_is(
    name: str, electrons: int, least: float, most: float
) -> None:
    """It was 40 % too strong, or taken for white noise a third as strong."""
    scene, camera = photo(name).mean(0, keepdims=True), Camera(electrons=electrons)
    picture = stored(camera.develop(scene, np.random.default_rng(0)))
    error = picture.image - camera.develop(scene)
    at_half_size = error[0].reshape(128, 2, 128, 2).mean((1, 3)).std() * 2
    assert least < noise_profile.profile(picture).noise.level / at_half_size < most


@pytest.mark.parametrize(("quality", "smoothing"), [(95, 1.0), (85, 0.7)])
def test_grain_of_which_jpeg_took_all_that_was_white_is_seen(
    quality: int, smoothing: float
) -> None:
    """It was taken for texture: gray pictures of two real cameras of fifteen came back noisy."""
    camera = Camera(electrons=1000, quality=quality, smoothing=smoothing)
    scene = photo("chelsea").mean(0, keepdims=True)
    picture = stored(camera.develop(scene, np.random.default_rng(0)))
    error = picture.image - camera.develop(scene)
    at_half_size = error[0].reshape(128, 2, 128, 2).mean((1, 3)).std() * 2
    assert 0.75 < noise_profile.profile(picture).noise.level / at_half_size < 1.3


def test_each_channel_has_its_level() -> None:
    sigmas = [[[5]], [[5]], [[40]]]
    assert levels(noisy(photo("astronaut"), sigmas)) == pytest.approx([5, 5, 40], rel=0.08)


def test_the_level_depends_on_brightness_as_photons_do() -> None:
    clean = photo("chelsea")
    y = np.random.default_rng(0).poisson(clean * 60) / 60
    noise = noise_profile.profile(Picture(image=y.astype(np.float32), quantum=1 / 60)).noise
    assert isinstance(noise, RealNoise)
    knots = np.linspace(0, 1, len(noise.curve))
    for brightness in (0.3, 0.5, 0.7):
        found = noise.level * np.interp(brightness, knots, noise.curve)
        assert found == pytest.approx((brightness / 60) ** 0.5, rel=0.2)


def test_bars_borders_and_transparency_are_left_out() -> None:
    inside = noisy(photo("coffee"), 25)
    barred = stored(inside.image.astype(np.float64)).image.copy()
    barred[:, :60], barred[:, -60:] = 0, 0
    assert levels(Picture(image=barred)) == pytest.approx([25] * 3, rel=0.1)
    opacity = np.ones(inside.image.shape[1:], np.float32)
    opacity[:, :100] = 0
    erased = np.where(opacity > 0, inside.image, 0.5).astype(np.float32)
    found = levels(Picture(image=erased, opacity=opacity))
    assert found == pytest.approx([25] * 3, rel=0.1)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_the_floor_is_the_rounding_of_the_file(bits: int) -> None:
    quantum = 1 / (2**bits - 1)
    ramp = np.linspace(0.2, 0.8, 128 * 128).reshape(1, 128, 128)
    rounded = (np.rint(ramp / quantum) * quantum).astype(np.float32)
    noise = noise_profile.profile(Picture(image=rounded, quantum=quantum)).noise
    assert noise.level < 2 * quantum


def test_deep_noise_below_one_level_of_eight_bits_is_measured() -> None:
    quantum = 1 / 4095
    clean = ndimage.gaussian_filter(photo("camera"), (0, 2, 2))
    y = clean + np.random.default_rng(0).normal(0, 10 * quantum, clean.shape)
    picture = Picture(image=(np.rint(y / quantum) * quantum).astype(np.float32), quantum=quantum)
    assert noise_profile.profile(picture).noise.level / quantum == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize("size", [(16, 16), (17, 40), (60, 64)])
def test_small_pictures(size: tuple[int, int]) -> None:
    flat = np.full((3, *size), 0.5)
    found = noise_profile.profile(noisy(flat, 20)).noise
    assert isinstance(found, Gaussian | RealNoise)
    assert found.level * 255 == pytest.approx(20, rel=0.3)


@pytest.mark.slow
def test_a_large_picture_is_measured_in_parts() -> None:
    clean = np.tile(photo("coffee")[:1], (1, 9, 9))
    noise = noise_profile.profile(noisy(clean, 15)).noise
    assert noise.level * 255 == pytest.approx(15, rel=0.05)


@pytest.mark.parametrize("name", mostly_slow(["chelsea", "coffee", "astronaut"], "coffee"))
@pytest.mark.parametrize("sigma", [10, 25])
def test_colours_stored_at_half_the_size_do_not_hide_noise(name: str, sigma: float) -> None:
    """By default JPEG files average the colours of 2 x 2 pixels, so only the luma is white."""
    file = io.BytesIO()
    levels = np.rint(noisy(photo(name), sigma).image.clip(0, 1) * 255).astype(np.uint8)
    PIL.Image.fromarray(levels.transpose(1, 2, 0)).save(file, "JPEG", quality=95)
    read = np.asarray(PIL.Image.open(file)).transpose(2, 0, 1) / np.float32(255)
    found = profile(Picture(image=read))
    assert found.noise.level * 255 == pytest.approx(sigma, rel=0.15)
    assert "mostly in the brightness" in found.text


def test_noise_that_is_the_same_in_all_colours_takes_more_to_remove() -> None:
    drawn = np.random.default_rng(0).normal(0, 10 / 255, (1, 256, 256))
    found = profile(stored(photo("coffee") + drawn))
    assert found.noise.level * 255 == pytest.approx(15, rel=0.1)


@pytest.mark.filterwarnings("error")
def test_a_picture_of_one_colour_has_no_noise() -> None:
    assert profile(Picture(image=np.full((3, 64, 64), 0.5, np.float32))).noise.level < 1 / 255


def test_a_picture_of_two_levels_is_refused() -> None:
    bits = (np.random.default_rng(0).random((1, 64, 64)) < 0.5).astype(np.float32)
    with pytest.raises(UsageError, match="two values in each channel"):
        noise_profile.profile(Picture(image=bits))


def test_noise_shows_through_where_a_picture_is_half_transparent():
    noisy = np.random.default_rng(0).normal(0.5, 20 / 255, (3, 96, 96)).astype(np.float32)
    half = np.full((96, 96), 0.5, np.float32)
    assert profile(Picture(image=noisy, opacity=half)).noise.level * 255 == pytest.approx(
        20, rel=0.1
    )


def specks(share):
    rng = np.random.default_rng(0)
    image = np.full((1, 96, 96), 0.5, np.float32)
    hit = rng.random(image.shape) < share
    image[hit] = rng.integers(0, 2, hit.sum())
    return Picture(image=image)


def test_specks_are_named_with_what_removes_them():
    assert "specks, for which there is denoise-impulse" in profile(specks(0.02)).text
    # So many that there is no place between them: before, no noise was said to be there.
    with pytest.raises(UsageError, match="specks, for which there is denoise-impulse"):
        profile(specks(0.4))
    assert "specks" not in profile(Picture(image=np.full((1, 96, 96), 0.5, np.float32))).text


def test_a_picture_without_a_place_for_noise_says_so():
    clear = Picture(image=np.random.default_rng(0).random((1, 64, 64)), opacity=np.zeros((64, 64)))
    with pytest.raises(UsageError, match="nearly everywhere, so its noise cannot be found out"):
        profile(clear)


def page(paper: float, sigma: float) -> Picture:
    """Gray strokes on paper that is nearly white: its noise is cut off nearly everywhere."""
    clean = np.full((3, 128, 128), paper / 255)
    clean[:, 20:100:16, 20:100] = 0.3
    return stored(noisy(clean, sigma).image)


@pytest.mark.parametrize(("paper", "sigma"), [(250, 10), (245, 20), (255, 5)])
def test_noise_that_is_cut_off_nearly_everywhere_is_found(paper: float, sigma: float) -> None:
    assert levels(page(paper, sigma)) == pytest.approx([sigma] * 3, rel=0.1)


def test_lines_of_text_on_a_noisy_page_are_no_stripes() -> None:
    sheet = PIL.Image.new("L", (300, 200), 255)
    for row in range(12):
        text = "The quick brown fox jumps over it"
        PIL.ImageDraw.Draw(sheet).text((10, 10 + 15 * row), text, fill=0)
    noise = np.random.default_rng(0).normal(0, 20 / 255, (1, 200, 300))
    found = profile(stored((np.asarray(sheet)[None] / 255 + noise).clip(0, 1)))
    assert 255 * found.noise.level == pytest.approx(20, rel=0.1)
    assert "stripes" not in found.text


def test_a_channel_in_which_nothing_can_be_measured_is_taken_for_the_others() -> None:
    clean = np.full((3, 128, 128), 0.5)
    clean[2] = 2 / 255
    assert levels(stored(noisy(clean, 15).image)) == pytest.approx([15, 15, 15], rel=0.05)
    clean[2] = 0  # of one value: without noise, which no other channel changes
    picture = noisy(clean, np.array([15, 15, 0])[:, None, None])
    assert levels(stored(picture.image)) == pytest.approx([15, 15, 0.3], abs=0.7)


def sheet(paper: int, spacing: int) -> Image:
    """Return a page of text."""
    page = PIL.Image.new("L", (320, 400), paper)
    pen, font = PIL.ImageDraw.Draw(page), PIL.ImageFont.load_default(size=14)
    for top in range(8, 380, spacing):
        pen.text((8, top), "The quick brown fox jumps over the lazy dog", fill=30, font=font)
    return np.asarray(page)[None] / 255


@pytest.mark.parametrize(
    ("paper", "spacing"),
    slow_where(lambda paper, spacing: paper > 200, [(240, 40), (230, 20), (200, 20)]),
)
def test_text_is_not_taken_for_the_grain_of_a_camera(paper: int, spacing: int) -> None:
    picture = stored(noisy(sheet(paper, spacing), 10).image)
    assert profile(picture).noise.is_independent
    assert levels(picture) == pytest.approx([10], rel=0.15)


@pytest.mark.parametrize("channels", [1, 3])
def test_text_on_a_screen_has_no_noise(channels: int) -> None:
    for spacing in (20, 16):
        picture = stored(np.repeat(sheet(240, spacing), channels, axis=0))
        assert profile(picture).text == "estimated sigma = 0.3 (0-255 scale)"


def as_jpeg(image: Image, quality: int, subsampling: str) -> Picture:
    """Return an image (3, H, W) as a JPEG file holds it."""
    file = io.BytesIO()
    levels = np.rint(image.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    PIL.Image.fromarray(levels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return Picture(image=np.asarray(PIL.Image.open(file), np.float32).transpose(2, 0, 1) / 255)


PAPERS = {"light": (230, 230, 230), "dark": (30, 32, 40), "blue in one channel": (240, 250, 255)}


@pytest.mark.parametrize("paper", mostly_slow(PAPERS, "dark"))
@pytest.mark.parametrize(
    ("quality", "subsampling"), [(85, "4:2:0"), (90, "4:2:0"), (95, "4:4:4"), (98, "4:4:4")]
)
def test_a_page_that_was_stored_as_jpeg_has_no_grain(
    paper: str, quality: int, subsampling: str
) -> None:
    page = PIL.Image.new("RGB", (400, 320), PAPERS[paper])
    pen, font = PIL.ImageDraw.Draw(page), PIL.ImageFont.load_default(size=13)
    ink = [(20, 20, 20), (130, 20, 60), (0, 90, 150)]
    for number, top in enumerate(range(8, 300, 18)):
        fill = (215, 215, 205) if paper == "dark" else ink[number % 3]
        words = "noise stays where the quick brown fox jumps over a lazy dog"
        pen.text((8, top), words[number:] + words, fill=fill, font=font)
    picture = as_jpeg(np.asarray(page).transpose(2, 0, 1) / 255, quality, subsampling)
    assert profile(picture).noise.spread[1] < 2 / 255


def test_the_grain_of_a_photographed_page_is_found() -> None:
    page = 0.1 + 0.8 * np.repeat(sheet(230, 20), 3, axis=0)
    picture = Camera(electrons=300, smoothing=0.7).develop(page, np.random.default_rng(0))
    assert not profile(Picture(image=picture.astype(np.float32))).noise.is_independent


@pytest.mark.parametrize("name", mostly_slow(["astronaut", "coffee", "gravel"], "coffee"))
@pytest.mark.parametrize("where", mostly_slow(["rows", "columns"], "columns"))
def test_the_stripes_of_a_sensor_are_said(name: str, where: str) -> None:
    clean = photo(name)
    side = clean.shape[1] if where == "rows" else clean.shape[2]
    stripe = np.random.default_rng(0).normal(0, 3 / 255, side)
    striped = clean + (stripe[:, None] if where == "rows" else stripe)
    text = profile(stored(striped)).text
    found = re.search(rf"; {where} differ by sigma = ([0-9.]+) all along.*stay", text)
    assert found and float(found[1]) == pytest.approx(3, rel=0.25)
    assert "stripes" not in profile(stored(clean)).text
    assert "stripes" not in profile(noisy(clean, 10)).text


@pytest.mark.slow
@pytest.mark.parametrize("where", ["rows", "columns"])
def test_stripes_are_said_of_pictures_of_which_parts_are_looked_at(where: str) -> None:
    rng = np.random.default_rng(0)
    striped = rng.normal(0.5, 3 / 255, (1300, 1)) + rng.normal(0, 6 / 255, (1, 1300, 1200))
    found = profile(stored(striped if where == "rows" else striped.swapaxes(1, 2))).text
    assert f"{where} differ by sigma = " in found


@pytest.mark.parametrize("sigma", [0, 4, 8])
def test_lines_of_text_are_not_said_to_be_stripes(sigma: float) -> None:
    assert "stripes" not in profile(stored(noisy(sheet(230, 20), sigma).image)).text


ONE_THREAD = """
import time
import numpy as np
from priorlab.pictures.noise_profile import profile
from priorlab.pictures.picture import Picture

noise = np.random.default_rng(0).normal(0.5, 0.1, (3, 400, 400)).astype(np.float32)
profile(Picture(image=noise[:, :64, :64]))
everyone, own = time.process_time(), time.thread_time()
profile(Picture(image=noise))
everyone, own = time.process_time() - everyone, time.thread_time() - own
assert everyone < 1.2 * own, (everyone, own)
"""


@pytest.mark.slow
def test_the_noise_is_found_by_one_thread():
    """Threads that wait for each other took 43 s of a busy machine's two cores, instead of 2."""
    environment = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    command = [sys.executable, "-c", ONE_THREAD]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
