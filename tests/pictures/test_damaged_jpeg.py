"""JPEG files whose data are damaged in the middle: decoders go on, so that it must be said."""

import io

import numpy as np
import pytest
from PIL import Image

from priorlab.pictures import datasets, reading
from priorlab.pictures.reading_pillow import DAMAGED

NOTE = DAMAGED.format("JPEG")
KINDS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 2},
}


def encoded(mode="RGB", **options):
    picture = Image.open(datasets.load("photos").images[0].path).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75, **options)
    return buffer.getvalue()


def notes(folder, data):
    path = folder / "photo.jpg"
    path.write_bytes(data)
    return reading.load(path).notes


@pytest.mark.parametrize("kind", KINDS)
def test_lost_data_are_said(tmp_path, kind):
    data = encoded(**KINDS[kind])
    middle = len(data) // 2
    assert notes(tmp_path, data[:middle] + data[middle + 500 :]) == (NOTE,)


def test_a_lost_restart_interval_is_said(tmp_path):
    data = encoded(restart_marker_rows=1)
    first, second = data.index(b"\xff\xd1"), data.index(b"\xff\xd2")
    assert notes(tmp_path, data[:first] + data[second:]) == (NOTE,)


def test_overwritten_data_are_said(tmp_path):
    data = encoded()
    middle = len(data) // 2
    assert notes(tmp_path, data[:middle] + bytes(500) + data[middle + 500 :]) == (NOTE,)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_said_of_a_whole_file(tmp_path, mode, kind):
    data = encoded(mode, **KINDS[kind])
    assert NOTE not in notes(tmp_path, data)
    comment = b"\xff\xfe\x00\x06\xff\xd9\xff\x00"  # is skipped, whatever is in it
    assert NOTE not in notes(tmp_path, data[:2] + comment + data[2:] + b"\xff\xd9 and more")
    before_end = data.rindex(b"\xff\xd9")
    assert NOTE not in notes(tmp_path, data[:before_end] + b"\xff\xff" + data[before_end:])


def test_nothing_is_said_of_a_photograph_with_a_preview_behind_it(tmp_path):
    pictures = [Image.fromarray(np.full((32, 40, 3), value, np.uint8)) for value in (50, 90)]
    path = tmp_path / "photo.mpo"
    pictures[0].save(path, "MPO", save_all=True, append_images=pictures[1:])
    for place in (path, f"{path}[1]"):
        assert reading.load(place).notes == ()
