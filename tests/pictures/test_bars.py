"""Bars of one colour beside a picture are found, and what blurred it did not blur them."""

import io

import numpy as np
import pytest
from mostly_slow import slow_where
from PIL import Image

import priorlab
from priorlab.pictures import bars
from priorlab.pictures.picture import Picture
from priorlab.tasks.builtin import Deblur

BLUR = "deblur:width=1.6,sigma=1"


def blurred_scene(seed=0):
    """Return a scene (H, W, 3), and a picture of it, blurred by `BLUR`."""
    coarse = np.random.default_rng(seed).uniform(0.2, 0.8, (12, 16, 3)).astype(np.float32)
    scene = coarse.repeat(6, 0).repeat(6, 1)
    y, _ = priorlab.degrade(scene, BLUR)
    return scene, y


def in_bars(picture, colour=0.0, above=9, beside=0):
    margins = ((above, above), (beside, beside), (0, 0))
    return np.pad(picture, margins, constant_values=colour)


def saved_as_jpeg(picture):
    file = io.BytesIO()
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file)).astype(np.float32) / 255


@pytest.mark.parametrize(
    ("above", "beside", "colour"),
    slow_where(
        lambda above, beside, colour: above < 2,
        [(9, 0, 0.0), (0, 5, 1.0), (1, 0, 0.0), (20, 30, 0.4)],
    ),
)
def test_a_film_between_bars_is_deblurred_as_without_them(above, beside, colour):
    _, blurred = blurred_scene()
    said = []
    alone = priorlab.restore(blurred, BLUR, "wiener")
    framed = in_bars(blurred, colour, above, beside)
    restored = priorlab.restore(framed, BLUR, "wiener", say=said.append)
    height, width = blurred.shape[:2]
    within = restored[above : above + height, beside : beside + width]
    assert np.abs(within - alone).max() < 1e-5
    restored[above : above + height, beside : beside + width] = blurred
    assert np.array_equal(restored, framed)
    assert said == [
        f"restoring the {width}x{height} pixels between bars of one colour, which were added later"
        " and stay"
    ]


def test_what_jpeg_carried_into_a_bar_is_no_part_of_the_picture():
    _, blurred = blurred_scene()
    framed = saved_as_jpeg(in_bars(blurred, 0.0, 24))
    rows, _ = bars.picture_within(framed.transpose(2, 0, 1))
    assert 22 <= rows.start <= 26
    assert Deblur(width=1.6, sigma=1 / 255, boundary="unknown").part_of(
        Picture(image=framed.transpose(2, 0, 1))
    )


def test_bars_that_were_blurred_with_the_scene_are_part_of_it():
    scene, _ = blurred_scene()
    framed = in_bars(scene, 0.0, 24)
    blurred, _ = priorlab.degrade(framed, "deblur:width=1.6,sigma=0.2")
    picture = Picture(image=blurred.transpose(2, 0, 1))
    assert bars.picture_within(picture.image)
    assert Deblur(width=1.6, sigma=0.2 / 255, boundary="unknown").part_of(picture) is None


def test_a_border_that_was_typed_is_that_of_the_whole_picture():
    _, blurred = blurred_scene()
    picture = Picture(image=in_bars(blurred).transpose(2, 0, 1))
    assert Deblur(width=1.6, boundary="reflect").part_of(picture) is None


def test_a_kernel_is_estimated_between_the_bars():
    scene, _ = blurred_scene(seed=1)
    blurred, _ = priorlab.degrade(scene, "deblur:kind=motion,length=7,angle=60,sigma=0.5")
    picture = in_bars(blurred, above=12).transpose(2, 0, 1)
    task = Deblur(kind="estimate", size=13, sigma=0.5 / 255, boundary="unknown")
    part = task.part_of(Picture(image=picture))
    assert part == (slice(12, 12 + blurred.shape[0]), slice(0, blurred.shape[1]))


@pytest.mark.parametrize(
    "image",
    [np.zeros((1, 40, 40)), np.random.default_rng(0).random((3, 40, 40)), np.eye(40)[None]],
    ids=["of one colour", "without bars", "hardly anything"],
)
def test_pictures_without_bars(image):
    assert bars.picture_within(image.astype(np.float32)) is None


def test_a_picture_that_is_smaller_than_the_least_is_no_picture_between_bars():
    image = np.zeros((1, 40, 40), np.float32)
    image[:, 16:24] = np.linspace(0.2, 0.8, 40)
    assert bars.picture_within(image) is None
