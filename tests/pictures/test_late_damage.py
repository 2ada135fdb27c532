"""WebP and AVIF files that are damaged in the middle: decoders go on, so that it must be said."""

import io

import numpy as np
import pytest
from mostly_slow import mostly_slow
from PIL import Image

from priorlab.pictures import avif_files, datasets, reading
from priorlab.pictures.reading_pillow import DAMAGED

PHOTO = Image.open(datasets.load("photos").images[0].path)
OTHER = PHOTO.rotate(90)
CUT_OUT = PHOTO.convert("RGBA")
CUT_OUT.paste(0, (0, 100, 256, 256))
FLAT = Image.new("RGB", (200, 200), "gray")
NOTE = DAMAGED.format("WebP")


def encoded(picture, kind="WEBP", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def notes(folder, data):
    path = folder / "photo.webp"
    path.write_bytes(data)
    return reading.load(path).notes


@pytest.mark.parametrize("change", ["a bit", "zeros", "more"])
@pytest.mark.parametrize("quality", [75, 95])
@pytest.mark.parametrize("kind", ["WebP", "AVIF"])
def test_damage_is_said(tmp_path, change, quality, kind):
    data = encoded(PHOTO, kind, quality=quality)
    middle = len(data) // 2
    changed = {
        "a bit": bytes([data[middle] ^ 16]) + data[middle + 1 :],
        "zeros": bytes(500) + data[middle + 500 :],
        "more": b"more" + data[middle:-4],
    }[change]
    assert notes(tmp_path, data[:middle] + changed) == (DAMAGED.format(kind),)


def test_damage_to_the_first_frame_of_an_animation_is_said(tmp_path):
    data = encoded(PHOTO, save_all=True, append_images=[OTHER])
    at = len(data) // 4
    data = data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]
    assert NOTE in notes(tmp_path, data)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("picture", [PHOTO, CUT_OUT, FLAT, FLAT.resize((16, 16))])
def test_nothing_is_said_of_a_whole_file(tmp_path, picture, lossless):
    exif = Image.Exif()
    exif[271] = "Camera"
    for options in ({}, {"exif": exif}, {"quality": 5, "method": 6}):
        assert notes(tmp_path, encoded(picture, lossless=lossless, **options)) == ()
    both = encoded(picture, lossless=lossless, save_all=True, append_images=[picture.rotate(90)])
    assert NOTE not in notes(tmp_path, both)


def test_noise_as_small_as_it_can_be(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert notes(tmp_path, encoded(Image.fromarray(pixels))) == ()


@pytest.mark.parametrize(
    "picture", mostly_slow([PHOTO, CUT_OUT, FLAT, FLAT.resize((16, 16))], CUT_OUT, FLAT)
)
def test_nothing_is_said_of_a_whole_avif_file(tmp_path, picture):
    exif = Image.Exif()
    exif[271] = "Camera"
    for options in ({}, {"exif": exif}, {"quality": 5}, {"quality": 100}, {"tile_cols": 1}):
        data = encoded(picture, "AVIF", **options)
        assert avif_files.picture_data(data)
        assert notes(tmp_path, data) == ()
    both = encoded(picture, "AVIF", save_all=True, append_images=[picture.rotate(90)])
    assert not any("damaged" in note for note in notes(tmp_path, both))


def test_an_avif_file_that_is_cut_off_does_not_say_where_its_data_are():
    data = encoded(FLAT, "AVIF")
    _, end = avif_files.picture_data(data)
    assert {avif_files.picture_data(data[:cut]) for cut in range(end)} == {None}
