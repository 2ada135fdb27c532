"""Which number is white: declared, or the sensor's, whatever the container."""

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from priorlab.pictures import datasets, levels, png, reading, writing
from priorlab.pictures.picture import Metadata

RNG = np.random.default_rng(0)


def counts(bits, shape=(20, 24)):
    """Numbers of a sensor that reach from black to white."""
    numbers = RNG.integers(0, 2**bits, shape)
    numbers.flat[:2] = 0, 2**bits - 1
    return numbers


def contained(numbers, bits, how):
    """The same numbers in 16 bits."""
    if how == "counts":
        return numbers.astype(np.uint16)
    up = numbers << (16 - bits)
    return (up if how == "moved up" else up | numbers >> (2 * bits - 16)).astype(np.uint16)


@pytest.mark.parametrize("how", ["counts", "moved up", "repeated below"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_a_picture_is_the_same_in_any_container(tmp_path, bits, how):
    numbers = counts(bits)
    stored = contained(numbers, bits, how)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack")
    picture = reading.load(tmp_path / "a.tif")
    assert abs(picture.image[0] - numbers / (2**bits - 1)).max() < 2e-5
    assert picture.quantum == 1 / (2**bits - 1)
    assert bool(picture.notes) == (how != "repeated below")
    # Written again, the numbers are what they were.
    writing.write(tmp_path / "b.tif", picture.image, like=picture)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), stored)
    again = reading.load(tmp_path / "b.tif")
    assert np.array_equal(again.image, picture.image) and not again.notes


@given(seed=st.integers(0, 99), bits=st.integers(8, 16))
def test_what_is_declared_is_not_guessed(tmp_path_factory, seed, bits):
    path = tmp_path_factory.mktemp("levels") / "a.tif"
    white = 2**bits - 1
    numbers = np.random.default_rng(seed).integers(0, white // 20, (9, 9)).astype(np.uint16)
    tag = [(281, "H", 1, white, True)]
    tifffile.imwrite(path, numbers, photometric="minisblack", extratags=tag)
    picture = reading.load(path)
    assert picture.levels.white == white and not picture.notes
    assert np.allclose(picture.image[0], numbers / white)


def test_the_largest_number_of_one_picture_is_no_white(tmp_path):
    """Some programs write that into the tag."""
    tag = [(281, "H", 1, 3000, True)]
    numbers = counts(12).clip(0, 3000).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", numbers, photometric="minisblack", extratags=tag)
    assert reading.load(tmp_path / "a.tif").levels.white == 4095


def test_noise_may_exceed_white(tmp_path):
    numbers = counts(12) + 20
    tifffile.imwrite(tmp_path / "a.tif", numbers.astype(np.uint16), photometric="minisblack")
    picture = reading.load(tmp_path / "a.tif")
    assert picture.levels.white == 4095 and picture.image.max() > 1
    assert reading.read(tmp_path / "a.tif").max() == 1


@pytest.mark.parametrize("value", [0, 1, 7, 1000, 32768])
def test_of_few_numbers_nothing_is_guessed(value):
    flat = np.array([0, value]) if value else np.array([0])
    assert levels.of_numbers(flat) == levels.DEEP


def test_a_data_set_has_one_white(tmp_path):
    bright, dark = counts(12), counts(12) // 8  # alone, the dark one would be taken for 10 bits
    tifffile.imwrite(tmp_path / "a.tif", bright.astype(np.uint16), photometric="minisblack")
    tifffile.imwrite(tmp_path / "b.tif", dark.astype(np.uint16), photometric="minisblack")
    writing.write(tmp_path / "c.png", np.zeros((1, 20, 24)))
    assert reading.load(tmp_path / "b.tif").levels.white == 1023
    dataset = datasets.load(str(tmp_path))
    assert [image.white for image in dataset.images] == [4095, 4095, 0]
    assert np.allclose(dataset.images[1].read()[0], dark / 4095)
    common, own = dataset.notes
    assert common.startswith("a.tif, b.tif: the largest of its 16-bit numbers is")
    assert common.endswith("taken for 12 bits, with white at 4095")
    assert own.startswith("b.tif: by itself of fewer bits, but dark here")


def test_our_own_dark_files_are_not_stretched(tmp_path):
    image = RNG.uniform(0, 0.01, (3, 20, 24)).astype(np.float32)
    for suffix in (".tif", ".png"):
        deep = reading.Picture(image=image, levels=levels.DEEP)
        writing.write(tmp_path / f"a{suffix}", image, like=deep)
        assert abs(reading.read(tmp_path / f"a{suffix}") - image).max() < 1 / 65535


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("source", ["counts.tif", "counts.png", "declared.pgm"])
def test_counts_are_kept_in_their_own_format_and_elsewhere_white_is_white(tmp_path, source, suffix):
    """Viewers take 65535 for white in both: counts of 12 bits that JPEG 2000 or PGM shows bright,
    and those of a TIFF file in a PNG file, came out nearly black."""
    numbers, path = counts(12).astype(np.uint16), tmp_path / source
    if path.suffix == ".tif":
        tifffile.imwrite(path, numbers, photometric="minisblack")
    elif path.suffix == ".png":
        path.write_bytes(png.encode(numbers[..., None], 12, Metadata()))
    else:
        path.write_bytes(b"P5 24 20 4095 " + numbers.astype(">u2").tobytes())
    picture, result = reading.load(path), tmp_path / f"b{suffix}"
    writing.write(result, picture.image, like=picture)
    stored = np.asarray(Image.open(result)).astype(float)
    white = 4095 if path.suffix == suffix else 65535
    assert np.allclose(stored / white, numbers / 4095, atol=1 / white)
    assert np.allclose(reading.read(result), picture.image, atol=1e-5)
