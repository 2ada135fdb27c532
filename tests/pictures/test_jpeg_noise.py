"""The white noise that a picture had before it became a JPEG file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mostly_slow import mostly_slow
from numpy.typing import NDArray
from PIL import Image
from sample_pictures import PHOTOS, photo

import priorlab
from priorlab.errors import UsageError
from priorlab.forward import jpeg, jpeg_files
from priorlab.forward.camera import Camera
from priorlab.forward.real_noise import RealNoise
from priorlab.pictures import jpeg_noise, noise_profile, reading
from priorlab.pictures.picture import Picture

TURNED = 6
"""The orientation of a camera that was held upright."""


def noisy(clean: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    return clean + np.random.default_rng(0).normal(0, sigma / 255, clean.shape)


def jpeg_of(image: NDArray[np.float64], path: Path, **options: Any) -> Path:
    pixels = np.rint(255 * image.clip(0, 1)).astype(np.uint8).transpose(1, 2, 0).squeeze()
    Image.fromarray(pixels).save(path, **options)
    return path


def found(path: Path) -> noise_profile.NoiseProfile:
    return noise_profile.profile(reading.load(path))


def psnr(restored: NDArray[np.floating[Any]], clean: NDArray[np.float64]) -> float:
    planes = np.atleast_3d(restored).transpose(2, 0, 1)
    return float(-10 * np.log10(np.square(planes - clean).mean()))


@pytest.mark.parametrize("sigma, quality", [(5, 80), (10, 90), (10, 70), (20, 60), (40, 40)])
@pytest.mark.parametrize(
    "name, subsampling", [("camera", "4:4:4"), ("rocket", "4:4:4"), ("rocket", "4:2:0")]
)
def test_it_is_measured_though_most_of_it_is_gone(
    name: str, subsampling: str, sigma: float, quality: int
) -> None:
    stored = jpeg.standard(quality, subsampling)
    decoded = stored.sample(noisy(photo(name), sigma)[None], np.random.default_rng(0))[0]
    level = 255 * jpeg_noise.white_level(decoded, stored)
    assert level == pytest.approx(sigma, rel=0.15)


@pytest.mark.parametrize("quality", [95, 90, 80, 60, 30])
@pytest.mark.parametrize("name", ["astronaut", "camera", "chelsea", "coffee", "gravel", "rocket"])
def test_in_a_clean_photograph_there_is_none(name: str, quality: int, tmp_path: Path) -> None:
    path = jpeg_of(photo(name), tmp_path / "clean.jpg", quality=quality)
    stored = jpeg_noise.of_picture(reading.load(path))
    assert stored is not None and stored.level == 0


@pytest.mark.parametrize("sigma, quality, gain, more", [(10, 80, 3.0, 0.5), (20, 60, 5.0, 0.7)])
@pytest.mark.parametrize("name", mostly_slow(["camera", "rocket"], "rocket"))
def test_a_file_is_restored_better_than_pixels_of_unknown_history(
    name: str,
    sigma: float,
    quality: int,
    gain: float,
    more: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clean = photo(name)
    path = jpeg_of(noisy(clean, sigma), tmp_path / "noisy.jpg", quality=quality)
    pixels = np.asarray(Image.open(path), np.float32) / 255
    whole, alone = (priorlab.restore(one, prior="dct") for one in (path, pixels))
    monkeypatch.setattr(jpeg_noise, "of_picture", lambda picture: None)
    unknown = priorlab.restore(pixels, prior="dct")
    assert psnr(whole, clean) > psnr(pixels, clean) + gain
    assert psnr(alone, clean) == pytest.approx(psnr(whole, clean), abs=0.01)
    assert psnr(whole, clean) > psnr(unknown, clean) + more


def test_what_is_removed_is_said(tmp_path: Path) -> None:
    said = found(jpeg_of(noisy(photo("camera"), 10), tmp_path / "a.jpg", quality=60)).text
    assert said.startswith("estimated sigma = 10")
    assert "hides a part" in said and "error of JPEG, 6.2" in said


def test_an_error_that_is_larger_than_the_noise_is_said(tmp_path: Path) -> None:
    clean = photo("camera")
    assert "dejpeg" in found(jpeg_of(clean, tmp_path / "a.jpg", quality=60)).text
    assert "dejpeg" not in found(jpeg_of(clean, tmp_path / "b.jpg", quality=98)).text
    assert "dejpeg" not in found(jpeg_of(noisy(clean, 20), tmp_path / "c.jpg", quality=60)).text


def test_grain_of_a_camera_stays_grain(tmp_path: Path) -> None:
    camera = Camera(electrons=100, quality=0)
    seen = camera.develop(photo("coffee"), np.random.default_rng(0))
    path = jpeg_of(seen, tmp_path / "camera.jpg", quality=90)
    alone = noise_profile.profile(Picture(image=reading.read(path)))
    assert not alone.noise.is_independent
    assert found(path).noise == alone.noise


def test_noise_that_depends_on_brightness_does_so_in_a_file(tmp_path: Path) -> None:
    clean = photo("camera")
    drawn = np.random.default_rng(0).normal(0, 1, clean.shape)
    seen = clean + drawn * np.where(clean > 0.5, 25, 8) / 255
    profile = found(jpeg_of(seen, tmp_path / "uneven.jpg", quality=95))
    assert isinstance(profile.noise, RealNoise)
    assert max(profile.noise.curve) > 2 * min(profile.noise.curve)


def test_a_turned_picture_shows_the_same(tmp_path: Path) -> None:
    image = noisy(photo("rocket"), 10)[:, :200]  # not a square
    exif = Image.Exif()
    exif[jpeg_files.ORIENTATION] = TURNED
    straight = jpeg_of(image, tmp_path / "a.jpg", quality=80)
    turned = jpeg_of(image, tmp_path / "b.jpg", quality=80, exif=exif)
    levels = [jpeg_noise.of_picture(reading.load(path)) for path in (straight, turned)]
    assert levels[0] is not None and levels[0].level > 0
    assert levels[0] == levels[1]


def test_cut_pictures_tell_as_much_and_what_was_never_jpeg_nothing(tmp_path: Path) -> None:
    path = jpeg_of(noisy(photo("rocket"), 10), tmp_path / "a.jpg", quality=80)
    cut = jpeg_noise.of_picture(Picture(image=reading.read(path)[:, 3:], path=path))
    assert cut is not None and 255 * cut.level == pytest.approx(10, rel=0.1)
    assert jpeg_noise.of_picture(reading.load(PHOTOS["rocket"])) is None
    unusual = tmp_path / "cmyk.jpg"
    Image.open(path).convert("CMYK").save(unusual)
    with pytest.raises(UsageError):
        jpeg_files.read(unusual)
    assert jpeg_noise.of_picture(reading.load(unusual)) is not None  # by its pixels


def test_the_tables_of_a_file_are_those_of_its_first_picture(tmp_path: Path) -> None:
    path = tmp_path / "two.jpg"
    pictures = [
        Image.fromarray(np.rint(255 * noisy(photo("camera"), 20)[0].clip(0, 1)).astype(np.uint8))
        for _ in range(2)
    ]
    pictures[0].save(path, "MPO", save_all=True, append_images=pictures[1:], quality=60)
    first, second = (jpeg_noise.of_picture(reading.load(one)) for one in (path, f"{path}[1]"))
    assert first is not None and second is not None  # told from its pixels, in a file of others
    assert first.error == pytest.approx(second.error)


@pytest.mark.parametrize("sigma", [0, 5, 10])
def test_specks_are_still_said(sigma: float, tmp_path: Path) -> None:
    image, rng = noisy(photo("camera"), sigma), np.random.default_rng(1)
    drawn = rng.random(image.shape)
    image[drawn < 0.015], image[drawn > 0.985] = 0, 1
    said = found(jpeg_of(image, tmp_path / "a.jpg", quality=85)).text
    assert "denoise-impulse" in said


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_without_a_scene_has_none(value: int, tmp_path: Path) -> None:
    image = np.full((1, 64, 64), value / 255)
    assert jpeg_noise.white_level(image, jpeg.standard(80)) == 0


def test_a_blurred_file_errs_by_its_noise_and_its_compression(tmp_path: Path) -> None:
    path = jpeg_of(noisy(photo("camera"), 10), tmp_path / "a.jpg", quality=60)
    assert 255 * found(path).noise.level == pytest.approx(np.hypot(10, 6.2), rel=0.1)
