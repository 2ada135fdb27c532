"""What would take too much memory is refused by what the file says, before it is decoded."""

import struct
import time
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin
from sample_pictures import picture, save

from priorlab.errors import UsageError
from priorlab.pictures import datasets, formats, reading

PILLOW = ["png", "jpg", "bmp", "webp", "gif", "jp2", "ppm", "tga", "pcx", "sgi", "avif", "qoi"]


@pytest.fixture
def small(monkeypatch):
    """The most memory is that of a picture of 40 x 32 pixels in colour."""
    monkeypatch.setattr(formats, "MOST_BYTES", 40 * 32 * 3 * 4)


def never(*arguments, **named):
    raise AssertionError("it is decoded")


@pytest.mark.parametrize("suffix", PILLOW)
def test_no_format_is_decoded_beyond_the_limit(tmp_path, small, suffix, monkeypatch):
    file = tmp_path / f"large.{suffix}"
    try:
        Image.fromarray(np.zeros((33, 40, 3), np.uint8)).save(file)
    except (KeyError, OSError, ValueError):
        pytest.skip("this Pillow does not write such files")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    if suffix == "gif":
        return  # one number for each pixel
    with pytest.raises(UsageError, match=r"40x33 pixels with 3 numbers .* too large"):
        reading.load(file)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    ("shape", "kind"), [((32, 40, 4), np.uint8), ((32, 40), np.float64), ((8, 8, 70), np.uint16)]
)
def test_all_numbers_of_a_tiff_file_count(tmp_path, small, monkeypatch, shape, kind, compression):
    file = tmp_path / "many.tif"
    values, options = np.zeros(shape, kind), {"compression": compression}
    options["photometric"] = "rgb" if shape[-1] == 4 else "minisblack"
    options["planarconfig"] = "contig" if len(shape) > 2 else None
    tifffile.imwrite(file, values, **options)
    if values.size * max(values.itemsize, 4) <= formats.MOST_BYTES:
        monkeypatch.setattr(formats, "MOST_BYTES", values.size * 4 - 1)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", never)
    with pytest.raises(UsageError, match="too large"):
        reading.load(file)


def test_all_numbers_of_an_array_file_count(tmp_path, small):
    np.save(tmp_path / "many.npy", np.zeros((16, 16, 16), np.float32))
    with pytest.raises(UsageError, match="16x16 pixels with 16 numbers of 4 bytes each, too large"):
        reading.load(tmp_path / "many.npy")


def test_each_picture_of_a_file_counts(tmp_path, small):
    pages = [Image.new("RGB", size) for size in ((16, 16), (400, 32))]
    pages[0].save(tmp_path / "two.tif", save_all=True, append_images=pages[1:])
    assert reading.load(tmp_path / "two.tif").image.shape == (3, 16, 16)
    with pytest.raises(UsageError, match=r"400x32 pixels .*too large"):
        reading.load(tmp_path / "two.tif[1]")


def test_tiles_that_are_larger_than_the_picture_count(tmp_path, small):
    file = tmp_path / "tiled.tif"
    tifffile.imwrite(file, np.zeros((16, 16), np.uint8), tile=(128, 128), photometric="minisblack")
    with pytest.raises(UsageError, match=r"128x128 pixels .*too large"):
        reading.load(file)


def test_each_picture_of_a_file_that_pillow_reads_counts(tmp_path, small):
    pages = [Image.new("RGB", size) for size in ((16, 16), (400, 32))]
    pages[0].save(tmp_path / "two.jpg", format="MPO", save_all=True, append_images=pages[1:])
    assert reading.load(tmp_path / "two.jpg").image.shape == (3, 16, 16)
    with pytest.raises(UsageError, match=r"400x32 pixels .*too large"):
        reading.load(tmp_path / "two.jpg[1]")


@pytest.mark.parametrize("compression", ["zlib", "lzma"])
def test_pixels_that_inflate_to_more_than_the_picture(tmp_path, compression, monkeypatch):
    file = tmp_path / "bomb.tif"
    options = {"photometric": "minisblack", "compression": compression}
    tifffile.imwrite(file, np.zeros((64, 64), np.uint16), **options)
    with tifffile.TiffFile(file) as opened:
        tags = opened.pages.first.tags
        places = [tags[code].valueoffset for code in (273, 279)]
    large = tmp_path / "large.tif"
    tifffile.imwrite(large, np.zeros((5000, 5000), np.uint8), rowsperstrip=5000, **options)
    with tifffile.TiffFile(large) as opened:
        start, count = opened.pages.first.dataoffsets[0], opened.pages.first.databytecounts[0]
    data = large.read_bytes()[start : start + count]
    content = bytearray(file.read_bytes())
    for place, value in zip(places, (len(content), len(data)), strict=True):
        struct.pack_into("<I", content, place, value)
    file.write_bytes(content + data)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", never)
    with pytest.raises(UsageError, match="inflate to more than the picture"):
        reading.load(file)


@pytest.mark.parametrize("chunk", ["zTXt", "iTXt", "iCCP"])
def test_texts_and_profiles_that_inflate_are_one_sentence_and_the_folder_goes_on(tmp_path, chunk):
    save(tmp_path / "good.png", picture(32, 40, 3))
    deflated = zlib.compress(bytes(3 * 10**7), 9)
    head = {"zTXt": b"Comment\0\0", "iTXt": b"Comment\0\1\0\0\0", "iCCP": b"profile\0\0"}[chunk]
    info = PngImagePlugin.PngInfo()
    info.add(chunk.encode(), head + deflated)
    Image.new("RGB", (40, 32)).save(tmp_path / "bomb.png", pnginfo=info)
    started = time.process_time()
    found = datasets.load(str(tmp_path))
    assert time.process_time() - started < 0.5
    assert "good" in [image.name for image in found.images]
    assert len(found.images) + len(found.problems) == 2
