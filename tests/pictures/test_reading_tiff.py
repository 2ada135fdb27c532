"""TIFF files of every kind give the picture that they show."""

import importlib.util
import io

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from sample_pictures import planes

from priorlab.errors import UsageError
from priorlab.pictures import reading

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (32, 48, 3), dtype=np.uint8)
GRAY = RGB[..., 0]

CODECS = importlib.util.find_spec("imagecodecs") is not None
needs_codecs = pytest.mark.skipif(not CODECS, reason="imagecodecs, which is optional, is missing")

TYPES = {
    "u1": lambda v: v.astype(np.uint8),
    "u2": lambda v: v.astype(np.uint16) * 257,
    "f4": lambda v: (v / 255).astype(np.float32),
}


def close(path, expected, error=1e-6):
    image = reading.read(path)
    assert image.shape == expected.shape
    assert abs(image - expected).max() <= error


@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16)}, {"planarconfig": "separate"}])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzma"])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("colours", ["rgb", "minisblack", "miniswhite"])
def test_layouts(tmp_path, colours, kind, compression, byteorder, layout):
    pixels = RGB if colours == "rgb" else GRAY
    if layout.get("planarconfig") and colours != "rgb":
        pytest.skip("one sample has no planes")
    stored = TYPES[kind](pixels)
    if layout.get("planarconfig"):
        stored = np.ascontiguousarray(np.moveaxis(stored, -1, 0))
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric=colours,
        compression=compression,
        byteorder=byteorder,
        predictor=2 if compression == "zlib" and kind != "f4" else None,
        **layout,
    )
    expected = planes(pixels)
    close(tmp_path / "a.tif", 1 - expected if colours == "miniswhite" else expected)


def lzw(pixels):
    """Write LZW, which tifffile cannot do alone, by Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF", compression="tiff_lzw")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_white_is_zero_in_a_compression_for_pillow(tmp_path, kind):
    """Pillow turns the numbers itself for 8 bits, and does not for 16."""
    data = bytearray(lzw(TYPES[kind](GRAY)))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        place = file.pages.first.tags["PhotometricInterpretation"].valueoffset
    data[place] = 0
    (tmp_path / "a.tif").write_bytes(data)
    close(tmp_path / "a.tif", 1 - planes(GRAY))


@needs_codecs
@pytest.mark.parametrize("predictor", [None, 3])
@pytest.mark.parametrize("compression", ["lzw", "zstd", "zlib"])
def test_floats_with_codecs(tmp_path, compression, predictor):
    tifffile.imwrite(
        tmp_path / "a.tif",
        TYPES["f4"](RGB),
        photometric="rgb",
        compression=compression,
        predictor=predictor,
        byteorder=">",
    )
    close(tmp_path / "a.tif", planes(RGB))


def test_what_needs_imagecodecs_says_so(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", TYPES["f4"](RGB), photometric="rgb", compression="zlib")

    def refuse(*_args, **_kwargs):
        raise ValueError("<COMPRESSION.ZSTD: 50000> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    with pytest.raises(
        UsageError, match=r"without imagecodecs .* pip install 'priorlab\[formats\]'"
    ):
        reading.read(tmp_path / "a.tif")


@pytest.mark.parametrize("meaning", ["assocalpha", "unassalpha"])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("colours", ["rgb", "minisblack"])
def test_opacity(tmp_path, colours, kind, meaning):
    opacity = np.linspace(0.2, 1, 48) * np.ones((32, 1))
    shown = (RGB if colours == "rgb" else RGB[..., :1]) / 255
    before = shown * opacity[..., None] if meaning == "assocalpha" else shown
    values = np.concatenate([before, opacity[..., None]], -1)
    most = {"u1": 255, "u2": 65535, "f4": 1}[kind]
    stored = (np.rint(values * most) if most > 1 else values).astype(kind)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric=colours,
        planarconfig="contig",
        extrasamples=[meaning],
    )
    picture = reading.load(tmp_path / "a.tif")
    step = 1 / most if most > 1 else 1e-6
    assert abs(picture.opacity - opacity).max() <= step
    assert abs(picture.image - shown.transpose(2, 0, 1)).max() <= 6 * step  # divided by 0.2
    assert picture.quantum == (step if most > 1 else 0) or (kind, meaning) == ("u2", "unassalpha")
    white = shown * opacity[..., None] + 1 - opacity[..., None]
    close(tmp_path / "a.tif", white.transpose(2, 0, 1), 2 * step)


def write_pages(path, pages, **options):
    with tifffile.TiffWriter(path) as file:
        for pixels, reduced in pages:
            file.write(pixels, photometric="rgb", subfiletype=int(reduced), **options)


def test_thumbnails_are_no_pages(tmp_path):
    other = RGB[::-1].copy()
    write_pages(tmp_path / "a.tif", [(RGB[:8, :8], True), (RGB, False), (other, False)])
    picture = reading.load(tmp_path / "a.tif")
    assert np.allclose(picture.image, planes(RGB))
    assert picture.notes == (
        "the first of the 2 pictures in a.tif is used; a.tif[1] is the second",
    )
    second = reading.load(tmp_path / "a.tif[1]")
    assert np.allclose(second.image, planes(other)) and not second.notes
    with pytest.raises(UsageError, match=r"a.tif\[2\] does not exist: a.tif holds pictures 0 to 1"):
        reading.load(tmp_path / "a.tif[2]")


def test_a_full_picture_below_a_thumbnail(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(RGB[:8, :8], photometric="rgb", subfiletype=1, subifds=1)
        file.write(TYPES["u2"](RGB), photometric="rgb")
    close(tmp_path / "a.tif", planes(RGB))


@pytest.mark.parametrize("dtype", [np.int16, np.uint32, np.int32, np.uint64, np.int8])
def test_integers_of_other_sizes(tmp_path, dtype):
    numbers = RNG.integers(0, 128 if dtype == np.int8 else 4096, (32, 48)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", numbers, photometric="minisblack")
    white = 255 if dtype == np.int8 else 4095
    close(tmp_path / "a.tif", (numbers / white)[None])


def test_32_bits_in_full(tmp_path):
    numbers = RNG.integers(0, 2**32, (32, 48), dtype=np.uint32)
    tifffile.imwrite(tmp_path / "a.tif", numbers, photometric="minisblack")
    close(tmp_path / "a.tif", (numbers / (2**32 - 1))[None])


def test_floats_near_one_stay_what_they_are(tmp_path):
    values = RNG.uniform(-0.2, 1.3, (32, 48)).astype(np.float32)
    tag = [(341, "f", 1, 1.25, True)]  # what programs write may be the largest value
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", extratags=tag)
    assert np.array_equal(reading.load(tmp_path / "a.tif").image[0], values)


def test_floats_with_a_declared_range(tmp_path):
    values = RNG.uniform(-1000, 3000, (32, 48)).astype(np.float32)
    tags = [(340, "f", 1, -1000.0, True), (341, "f", 1, 3000.0, True)]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", extratags=tags)
    close(tmp_path / "a.tif", ((values + 1000) / 4000)[None])
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    with pytest.raises(UsageError, match="floats have black at 0 and white at 1"):
        reading.load(tmp_path / "a.tif")


def test_inks_and_lab(tmp_path):
    smooth = Image.fromarray(RGB).resize((64, 64), Image.Resampling.BICUBIC)
    smooth.convert("CMYK").save(tmp_path / "inks.tif")
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    ImageCms.profileToProfile(smooth, srgb, lab, outputMode="LAB").save(tmp_path / "lab.tif")
    expected = planes(np.asarray(smooth))
    for name, said in (("inks", "no profile: converted to RGB"), ("lab", "CIELAB colours")):
        picture = reading.load(tmp_path / f"{name}.tif")
        assert abs(picture.image - expected).mean() < 0.01
        assert said in picture.notes[0]


def test_bigtiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", TYPES["u2"](RGB), photometric="rgb", bigtiff=True)
    close(tmp_path / "a.tif", planes(RGB))


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_a_picture_of_more_strips_than_the_file_has_is_damaged(tmp_path, compression):
    path = tmp_path / "a.tif"
    if compression == "lzw":
        Image.fromarray(np.arange(480, dtype=np.uint8).reshape(20, 24)).save(
            path, compression="tiff_lzw", tiffinfo={278: 5}
        )
    else:
        pixels = np.arange(480, dtype=np.uint16).reshape(20, 24)
        tifffile.imwrite(path, pixels, rowsperstrip=5, compression=compression)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["ImageLength"].overwrite(200)
    with pytest.raises(UsageError, match=r"24x200 pixels lie in 40 strips or tiles, and it has 4$"):
        reading.read(path)
