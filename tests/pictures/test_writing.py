"""Writing images: each format keeps what it can, and a failed write leaves nothing behind."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sample_pictures import planes

from priorlab.errors import UsageError
from priorlab.pictures import reading, writing

RNG = np.random.default_rng(0)
GRAY8 = RNG.integers(0, 256, (20, 24), dtype=np.uint8)
RGB8 = RNG.integers(0, 256, (20, 24, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".TIF", ".tiff", ".bmp", ".webp", ".npy"])
@pytest.mark.parametrize("pixels", [GRAY8, RGB8], ids=["gray", "rgb"])
def test_what_is_written_is_read_back(tmp_path, suffix, pixels):
    path = tmp_path / f"out{suffix}"
    writing.write(path, planes(pixels))
    image = reading.read(path)
    assert_array_equal(image, np.broadcast_to(planes(pixels), image.shape))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


STEPS = {".png": 1 / 255, ".bmp": 1 / 255, ".tif": 1 / 65535, ".npy": 0}
"""The distance of two neighbouring levels."""


@given(seed=st.integers(0, 99), channels=st.sampled_from([1, 3]), suffix=st.sampled_from([*STEPS]))
@settings(deadline=None, max_examples=30, derandomize=True)
def test_writing_rounds_to_the_nearest_level(tmp_path_factory, seed, channels, suffix):
    path = tmp_path_factory.mktemp("out") / f"image{suffix}"
    image = np.random.default_rng(seed).uniform(-0.2, 1.2, (channels, 7, 5)).astype(np.float32)
    notes = writing.write(path, image)
    back = reading.load(path).image
    if suffix == ".npy":
        assert_array_equal(back, image)
        assert notes == ()
    else:
        assert abs(back - image.clip(0, 1)).max() <= STEPS[suffix] / 2 + 1e-7
        assert "beyond black or white, and cut off" in notes[0]
    assert writing.write(path, back) == ()
    assert_array_equal(reading.load(path).image, back)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 31])
@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".npy"])
def test_any_number_of_channels(tmp_path, suffix, channels):
    path = tmp_path / f"out{suffix}"
    image = planes(np.random.default_rng(1).integers(0, 256, (18, 24, channels), dtype=np.uint8))
    writing.write(path, image)
    assert_array_equal(reading.read(path), image)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_files_that_hold_gray_or_rgb_only(tmp_path, suffix, channels):
    path = tmp_path / f"out{suffix}"
    message = f"{suffix} files hold 1 or 3 channels, not {channels}; .tif, .tiff, .npy files hold"
    with pytest.raises(UsageError, match=message):
        writing.write(path, np.zeros((channels, 16, 16)))
    with pytest.raises(UsageError, match=message):
        writing.check_writable(path, channels=channels)
    assert not path.exists()


def test_jpeg_is_written_in_good_quality(tmp_path):
    image = reading.read(Path(reading.__file__).parents[1] / "photos" / "coffee.png")
    writing.write(tmp_path / "out.jpg", image)
    assert abs(reading.read(tmp_path / "out.jpg") - image).mean() < 0.01


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.gif", "suffix is not one of"),
        ("out", "suffix is not one of"),
        ("none/out.png", "there is no folder"),
        ("folder.png", "it is a folder"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, message):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match=message):
        writing.write(tmp_path / name, planes(GRAY8))


def test_nan_is_not_written(tmp_path):
    with pytest.raises(UsageError, match="not finite"):
        writing.write(tmp_path / "out.png", np.full((1, 20, 20), np.nan))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", ["ENOSPC", "EACCES", "EROFS"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, number):
    import errno

    path = tmp_path / "out.png"
    writing.write(path, planes(GRAY8))
    before = path.read_bytes()
    code = getattr(errno, number)

    def fail(*_args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UsageError, match=f"cannot write .*out.png: {os.strerror(code)}"):
        writing.write(path, planes(RGB8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="read-only"):
        writing.write(tmp_path / "out.png", planes(GRAY8))
