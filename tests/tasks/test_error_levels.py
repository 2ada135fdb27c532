"""What is assumed of a picture's error, if nobody types sigma: too little ruins what is undone."""

from pathlib import Path

import numpy as np
import pytest
from mostly_slow import mostly_slow
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sample_pictures import PHOTOS, photo
from scipy import ndimage

import priorlab
from priorlab.errors import UsageError
from priorlab.forward import jpeg
from priorlab.pictures import jpeg_grid, reading
from priorlab.pictures.picture import Picture
from priorlab.tasks import error_levels
from priorlab.tasks.deblurring import Deblur
from priorlab.tasks.denoising import Denoise
from priorlab.tasks.superresolution import SuperResolution

Values = NDArray[np.float64]
WIDTH = 1.6


def scene() -> Values:
    return photo("coffee")[:, 64:224, 64:224]


def blurred(noise: float = 0, grain: float = 0) -> Values:
    image = ndimage.gaussian_filter(scene(), (0, WIDTH, WIDTH), mode="reflect")
    drawn = np.random.default_rng(0).normal(0, noise / 255, image.shape)
    if grain:  # as strong as before at each pixel
        drawn = ndimage.gaussian_filter(drawn, (0, grain, grain)) * (2 * np.pi**0.5 * grain)
    return image + drawn


def saved(path: Path, image: Values, **options: int) -> Path:
    levels = np.rint(image.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(levels).save(path, **options)
    return path


def psnr(image: Values) -> float:
    inside = (slice(None), slice(8, -8), slice(8, -8))
    return float(-10 * np.log10(np.square(image - scene())[inside].mean()))


def kept_as_png(image: Values, path: Path) -> Path:
    """A JPEG file that something stored again, cut out and without saying so."""
    with Image.open(saved(path / "a.jpg", image, quality=85)) as file:
        file.save(path / "b.png")
    return path / "b.png"


WAYS = {
    "jpeg": lambda p: saved(p / "b.jpg", blurred(2), quality=85),
    "jpeg once": lambda p: kept_as_png(blurred(2), p),
    "webp": lambda p: saved(p / "b.webp", blurred(2), quality=80),
    "grain": lambda p: saved(p / "b.png", blurred(8, grain=0.7)),
    "noise": lambda p: saved(p / "b.png", blurred(4)),
    "clean": lambda p: saved(p / "b.png", blurred()),
}


@pytest.mark.parametrize("way", mostly_slow(WAYS, "jpeg once"))
def test_undoing_a_blur_makes_a_picture_better_however_it_was_stored(way, tmp_path):
    path = WAYS[way](tmp_path)
    before = psnr(reading.read(path))
    restored = priorlab.restore(path, f"deblur:width={WIDTH}", "bm3d").transpose(2, 0, 1)
    assert psnr(restored) > before + 1


def test_the_tables_of_a_jpeg_file_tell_its_error(tmp_path):
    path = saved(tmp_path / "b.jpg", blurred(), quality=85)
    level, said = error_levels.of_blurred(reading.load(path))
    assert level == jpeg.standard(85).level
    assert (
        said == "no sigma was given: assuming sigma = 4.6 (0-255 scale), the error that JPEG made"
    )
    assert error_levels.of_small(reading.load(path)) == (level, said)
    assert error_levels.of_small(reading.load(f"{path}[0]")) == (level, said)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("quality", [30, 75, 95])
def test_the_steps_of_a_webp_file_tell_its_error(quality, alpha, tmp_path):
    original = np.rint(255 * photo("chelsea")).astype(np.uint8).transpose(1, 2, 0)
    picture = Image.fromarray(original)
    if alpha:
        picture.putalpha(200)
    picture.save(tmp_path / "a.webp", quality=quality)
    (tmp_path / "a.webp").rename(tmp_path / "a.png")  # the content decides
    loaded = reading.load(tmp_path / "a.png")
    true = (255 * loaded.image.transpose(1, 2, 0) - original).std()
    level, said = error_levels.of_small(loaded)
    assert true / 2 < 255 * level < 2 * true
    assert said.endswith("(0-255 scale), the error that WebP made")


def test_webp_that_loses_nothing_has_no_error(tmp_path):
    original = photo("chelsea")
    path = saved(tmp_path / "a.webp", original, lossless=True)
    as_png = saved(tmp_path / "a.png", original)
    found = [error_levels.of_small(reading.load(place)) for place in (path, as_png)]
    assert found[0] == found[1]


@pytest.mark.parametrize("quality", [99, 100])
def test_exact_data_are_never_assumed_of_a_blurred_picture(quality, tmp_path):
    path = saved(tmp_path / "b.jpg", blurred(), quality=quality)
    level, said = error_levels.of_blurred(reading.load(path))
    assert level == error_levels.LEAST_BLURRED
    assert "assuming sigma = 0.5 (0-255 scale), for less cannot be told from rounding" in said


def test_where_nothing_shows_the_noise_a_blur_is_not_undone():
    poster = np.ones((3, 96, 96), np.float32)
    poster[1:, 20:60, 20:60] = 0
    with pytest.raises(UsageError, match=r"two values in each channel.*type sigma="):
        Deblur().for_picture(Picture(image=poster), {"width"})


@pytest.mark.parametrize(
    "task", [Denoise, Deblur, SuperResolution], ids=lambda task: str(task.name)
)
def test_a_sigma_typed_with_white_at_1_is_doubted(task):
    noise = np.random.default_rng(1).normal(0, 20 / 255, scene().shape)
    noisy = Picture(image=(scene() + noise).astype(np.float32))
    clean = Picture(image=scene().astype(np.float32))

    def said(sigma: float, picture: Picture) -> tuple[str, ...]:
        notes = task(sigma=sigma / 255).for_picture(picture, {"sigma", "width", "factor"})[1]
        return tuple(note for note in notes if note.startswith("sigma="))

    (line,) = said(0.08, noisy)
    assert line.startswith("sigma=0.08 counts on 0-255, and the picture shows noise of ")
    assert not said(0, noisy) and not said(5, noisy) and not said(0.3, clean)


def test_noise_of_one_channel_counts():
    image = blurred()
    image[2] += np.random.default_rng(1).normal(0, 15 / 255, image.shape[1:])
    level, said = error_levels.of_blurred(Picture(image=image.astype(np.float32)))
    assert level * 255 > 10
    assert said.startswith("no sigma was given: assuming sigma = 1") and "in blue" in said


@pytest.mark.parametrize("noise", [0, 8])
def test_a_noisy_picture_is_not_enlarged_with_its_noise(noise):
    clean = priorlab.degrade(photo("astronaut").transpose(1, 2, 0), "superres:factor=2")[0]
    small = clean + np.random.default_rng(0).normal(0, noise / 255, clean.shape)
    level, said = error_levels.of_small(Picture(image=small.transpose(2, 0, 1).astype(np.float32)))
    assert level * 255 == pytest.approx(noise, rel=0.1)
    what = "estimated sigma" if noise else "assuming that it has no noise"
    assert said.startswith(f"no sigma was given: {what}")


@pytest.mark.parametrize("name", sorted(PHOTOS))
def test_only_what_was_a_jpeg_file_shows_its_blocks(name, tmp_path):
    image = ndimage.gaussian_filter(photo(name), (0, WIDTH, WIDTH))
    image = np.broadcast_to(image, (3, *image.shape[1:]))
    assert not jpeg_grid.shows(image.mean(0, dtype=np.float64))
    stored = reading.read(saved(tmp_path / "a.jpg", image, quality=85))
    assert jpeg_grid.shows(stored[:, 3:, 5:].mean(0, dtype=np.float64)), "wherever they begin"


@pytest.mark.parametrize("spacing", [10, 12, 16, 20])
def test_lines_of_text_are_not_said_to_be_blocks(spacing):
    page = Image.new("L", (400, 300), 235)
    for top in range(4, 290, spacing):
        ImageDraw.Draw(page).text((4, top), "The quick brown fox jumps over the lazy dog " * 3)
    assert not jpeg_grid.shows(np.asarray(page) / 255)


def little_contrast(noise: float, bits: int) -> Picture:
    """A picture whose values, and whose noise, take a 64th of the range of those of photographs."""
    drawn = np.random.default_rng(0).normal(0, noise / 255, (1, 160, 160))
    values = 0.5 + (blurred()[1:2] + drawn) / 64
    quantum = 1 / (2**bits - 1)
    return Picture(image=(np.rint(values / quantum) * quantum).astype(np.float32), quantum=quantum)


def test_a_gray_level_is_less_in_a_picture_of_little_contrast_with_fine_steps() -> None:
    for noise in (4, 12):
        for find in (error_levels.of_small, error_levels.of_blurred):
            level, said = find(little_contrast(noise, bits=16))
            assert 0.6 * noise < 64 * 255 * level < 1.2 * noise, said
    level, said = error_levels.of_blurred(little_contrast(0, bits=16))
    assert level < 0.5 / 255 / 16 and "sigma = 0.0 " not in said
    assert error_levels.of_small(little_contrast(0, bits=16))[0] == 0


def test_steps_of_eight_bits_are_gray_levels_whatever_the_contrast() -> None:
    assert error_levels.of_small(little_contrast(12, bits=8))[0] == 0
    assert error_levels.of_blurred(little_contrast(0, bits=8))[0] >= error_levels.LEAST_BLURRED
