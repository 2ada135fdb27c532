"""Reading images: every kind of pixel, exactly, and one clear sentence if not."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image
from sample_pictures import planes

from priorlab.errors import UsageError
from priorlab.pictures import formats, reading

RNG = np.random.default_rng(0)
GRAY8 = RNG.integers(0, 256, (20, 24), dtype=np.uint8)
RGB8 = RNG.integers(0, 256, (20, 24, 3), dtype=np.uint8)
GRAY16 = RNG.integers(0, 65536, (20, 24), dtype=np.uint16)
RGB16 = RNG.integers(0, 65536, (20, 24, 3), dtype=np.uint16)

PNG_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


def png16(pixels, colour, filters=(0,)):
    """Encode a 16-bit PNG by hand: Pillow cannot; the filters are used row by row in turn."""
    raw = pixels.astype(">u2").reshape(len(pixels), -1)
    lines = raw.view(np.uint8).reshape(len(pixels), -1).astype(int)
    step = 2 * PNG_CHANNELS[colour]
    data = b""
    for i, line in enumerate(lines):
        above = lines[i - 1] if i else np.zeros_like(line)
        left = np.concatenate([np.zeros(step, int), line[:-step]])
        corner = np.concatenate([np.zeros(step, int), above[:-step]])
        guess = left + above - corner
        near = [abs(guess - side) for side in (left, above, corner)]
        paeth = np.where(
            (near[0] <= near[1]) & (near[0] <= near[2]),
            left,
            np.where(near[1] <= near[2], above, corner),
        )
        kind = filters[i % len(filters)]
        predicted = (0 * line, left, above, (left + above) // 2, paeth)[kind]
        data += bytes([kind]) + ((line - predicted) % 256).astype(np.uint8).tobytes()

    def chunk(name, content):
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in ((b"IHDR", head), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    )


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def read(folder: Path, data: bytes, name="image"):
    path = folder / name
    path.write_bytes(data)
    return reading.read(path)


# What is stored without loss must come back without loss.


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("pixels", [GRAY8, RGB8], ids=["gray", "rgb"])
def test_8_bits(tmp_path, kind, pixels):
    options = {"lossless": True} if kind == "WEBP" else {}
    image = read(tmp_path, encoded(Image.fromarray(pixels), kind, **options))
    assert image.dtype == np.float32 and image.flags.c_contiguous
    if kind == "WEBP" and pixels.ndim == 2:  # WebP has no gray
        pixels = np.stack([pixels] * 3, -1)
    assert_array_equal(image, planes(pixels))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("pixels", [GRAY8, RGB8, GRAY16], ids=["gray", "rgb", "gray16"])
def test_compressed_tiff(tmp_path, compression, pixels):
    data = encoded(Image.fromarray(pixels), "TIFF", compression=compression)
    assert_array_equal(read(tmp_path, data), planes(pixels))


def test_16_bit_gray_png(tmp_path):
    assert_array_equal(read(tmp_path, encoded(Image.fromarray(GRAY16), "PNG")), planes(GRAY16))


@given(
    filters=st.lists(st.integers(0, 4), min_size=1, max_size=6),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    seed=st.integers(0, 99),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_16_bit_colour_png_keeps_all_bits(tmp_path, filters, height, width, seed):
    shape = (height, width, 3)
    pixels = np.random.default_rng(seed).integers(0, 65536, shape, dtype=np.uint16)
    assert_array_equal(read(tmp_path, png16(pixels, 2, filters)), planes(pixels))


@pytest.mark.parametrize("colour", [4, 6])
def test_16_bit_png_with_alpha(tmp_path, colour):
    channels = PNG_CHANNELS[colour]
    pixels = RNG.integers(0, 65536, (20, 24, channels), dtype=np.uint16)
    pixels[:10, :, -1] = 65535
    alpha = planes(pixels)[-1:]
    expected = planes(pixels)[:-1] * alpha + (1 - alpha)
    image = read(tmp_path, png16(pixels, colour, (4, 1, 3)))
    assert_array_equal(image[:, :10], planes(pixels)[:-1, :10])
    assert_array_equal(image, expected)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float16, np.float64])
def test_deep_colour_tiff(tmp_path, byteorder, compression, planar, dtype):
    pixels = RGB16 if dtype == np.uint16 else (RGB16 / 65535).astype(dtype)
    stored = pixels if planar == "contig" else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    path = tmp_path / "image.tif"
    tifffile.imwrite(
        path,
        stored,
        photometric="rgb",
        planarconfig=planar,
        compression=compression,
        byteorder=byteorder,
    )
    expected = planes(pixels) if dtype == np.uint16 else pixels.transpose(2, 0, 1)
    assert_array_equal(reading.read(path), expected.astype(np.float32))


def test_16_bit_colour_tiff_in_a_compression_that_tifffile_does_not_know(tmp_path, monkeypatch):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, RGB16, photometric="rgb", compression="zlib")

    def refuse(*_args, **_kwargs):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    assert_array_equal(reading.read(path), planes(RGB16))


@pytest.mark.parametrize("pixels", [GRAY16, (GRAY16 / 65535).astype(np.float32)])
def test_deep_gray_tiff(tmp_path, pixels):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack")
    expected = planes(pixels) if pixels.dtype == np.uint16 else pixels[None]
    assert_array_equal(reading.read(path), expected)
    tifffile.imwrite(path, pixels, photometric="miniswhite")
    assert np.allclose(reading.read(path), 1 - expected, atol=1e-7)


def test_deep_tiff_with_alpha(tmp_path):
    path = tmp_path / "image.tif"
    alpha = RNG.integers(0, 65536, (20, 24, 1), dtype=np.uint16)
    tifffile.imwrite(
        path, np.dstack([RGB16, alpha]), photometric="rgb", extrasamples=["unassalpha"]
    )
    opacity = planes(alpha)
    assert_array_equal(reading.read(path), planes(RGB16) * opacity + (1 - opacity))


# Any number of channels.


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    ("colours", "channels"), [("minisblack", 2), ("minisblack", 5), ("rgb", 4)]
)
def test_further_samples_of_a_tiff_are_channels(
    tmp_path, dtype, planar, compression, colours, channels
):
    pixels = RNG.integers(0, 256, (20, 24, channels), dtype=np.uint8)
    expected = planes(pixels)
    stored = pixels.astype(dtype) * (257 if dtype == np.uint16 else 1)
    if dtype == np.float32:
        stored = expected.transpose(1, 2, 0)
    if planar == "separate":
        stored = np.ascontiguousarray(stored.transpose(2, 0, 1))
    path = tmp_path / "image.tif"
    tifffile.imwrite(
        path,
        stored,
        photometric=colours,
        planarconfig=planar,
        compression=compression,
        extrasamples=["unspecified"] * (channels - (3 if colours == "rgb" else 1)),
    )
    assert_array_equal(reading.read(path), expected)


@pytest.mark.parametrize("kind", ["assocalpha", "unassalpha"])
@pytest.mark.parametrize("place", [0, 1])
def test_opacity_among_the_further_samples_is_no_channel(tmp_path, kind, place):
    path = tmp_path / "image.tif"
    pixels = RNG.integers(0, 65536, (20, 24, 5), dtype=np.uint16)
    extra = ["unspecified", "unspecified"]
    extra[place] = kind
    tifffile.imwrite(path, pixels, photometric="rgb", planarconfig="contig", extrasamples=extra)
    image, opacity = planes(pixels[..., [0, 1, 2, 4 - place]]), planes(pixels[..., [3 + place]])
    expected = image * opacity + (1 - opacity)
    if kind == "assocalpha":  # no colour is brighter than white
        expected = np.minimum(image, opacity) + (1 - opacity)
    assert abs(reading.read(path) - expected).max() < 1e-6


def test_white_at_zero_concerns_the_first_sample_alone(tmp_path):
    path = tmp_path / "image.tif"
    pixels = RNG.integers(0, 65536, (20, 24, 2), dtype=np.uint16)
    tifffile.imwrite(
        path,
        pixels,
        photometric="miniswhite",
        planarconfig="contig",
        extrasamples=["unspecified"],
    )
    expected = planes(np.dstack([65535 - pixels[..., 0], pixels[..., 1]]))
    assert abs(reading.read(path) - expected).max() < 1e-6


def test_channels_in_a_compression_that_tifffile_does_not_know(tmp_path, monkeypatch):
    path = tmp_path / "image.tif"
    tifffile.imwrite(
        path,
        RNG.integers(0, 256, (20, 24, 4), dtype=np.uint8),
        photometric="rgb",
        extrasamples=["unspecified"],
    )

    def refuse(*_args, **_kwargs):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    with pytest.raises(
        UsageError, match=r"without imagecodecs \(NONE compression, 8 bits\): pip inst"
    ):
        reading.read(path)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("shape", [(20, 24), (20, 24, 1), (20, 24, 3), (20, 24, 4)])
@pytest.mark.parametrize("kind", ["u1", "u2", "f2", "f4", "f8"])
def test_numpy_file(tmp_path, byteorder, shape, kind):
    values = RNG.integers(0, 256, shape)
    expected = planes(values.astype(np.uint8))
    stored = {"u1": values, "u2": values * 257}.get(kind, values / 255)
    np.save(tmp_path / "image.npy", stored.astype(byteorder + kind))
    image = reading.read(tmp_path / "image.npy")
    assert image.dtype == np.float32 and image.flags.c_contiguous and image.flags.writeable
    assert_array_equal(image.shape, expected.shape)
    assert np.allclose(image, expected, atol=1e-3 if kind == "f2" else 1e-7)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(20), r"has shape \(20,\); expected \(H, W\) or \(H, W, C\)"),
        (np.zeros((1, 20, 20, 3)), "has shape"),
        (np.full((20, 20), 7), "stores int64 values; expected uint8, uint16, floats or booleans"),
        (np.zeros((20, 20), complex), "stores complex128 values"),
        (np.zeros((0, 20)), r"is empty: the shape of its array is \(0, 20\)"),
        (np.zeros((0, 0), bool), "is empty"),
        (np.full((20, 20), np.nan), "not finite"),
        (np.full((20, 20), 255.0), "from 255 to 255; floats have black at 0"),
        (np.array([[{}]]), "damaged"),
    ],
)
def test_numpy_file_that_is_no_picture(tmp_path, array, message):
    np.save(tmp_path / "image.npy", array, allow_pickle=True)
    with pytest.raises(UsageError, match=f"image.npy .*{message}"):
        reading.read(tmp_path / "image.npy")


@pytest.mark.parametrize("kind", ["?", "<i8", ">i4", "u4", "i1"])
def test_numpy_file_in_black_and_white(tmp_path, kind):
    values = RNG.integers(0, 2, (20, 24))
    np.save(tmp_path / "image.npy", values.astype(kind))
    loaded = reading.load(tmp_path / "image.npy")
    assert_array_equal(loaded.image[0], values)
    assert loaded.quantum == 1


def test_numpy_file_that_is_too_large_or_cut_short(tmp_path, monkeypatch):
    path = tmp_path / "image.npy"
    np.save(path, GRAY8)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UsageError, match="damaged or cut short"):
        reading.read(path)
    np.save(path, GRAY8)
    monkeypatch.setattr(formats, "MOST_PIXELS", 100)
    with pytest.raises(UsageError, match="24x20 pixels, too large"):
        reading.read(path)


# Fewer bits, palettes, transparency, other colours.


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_1_bit(tmp_path, kind):
    image = Image.fromarray(GRAY8 > 127)
    expected = (GRAY8 > 127).astype(np.float32)[None]
    assert_array_equal(read(tmp_path, encoded(image, kind)), expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_palette(tmp_path, kind):
    image = Image.fromarray(RGB8).quantize(16)
    expected = planes(np.asarray(image.convert("RGB")))
    assert_array_equal(read(tmp_path, encoded(image, kind)), expected)


def test_palette_with_transparency_is_shown_on_white(tmp_path):
    image = Image.new("P", (20, 20), 0)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.paste(1, (0, 0, 10, 20))
    shown = read(tmp_path, encoded(image, "PNG", transparency=1))
    assert_array_equal(shown[:, 0, 0], [1, 1, 1])
    assert_array_equal(shown[:, 0, -1], [1, 0, 0])


@pytest.mark.parametrize(("mode", "pixels"), [("L", GRAY8), ("RGB", RGB8)], ids=["gray", "rgb"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_opaque_alpha_changes_nothing(tmp_path, kind, mode, pixels):
    image = Image.fromarray(pixels)
    image.putalpha(255)
    assert image.mode == mode + "A"
    assert_array_equal(read(tmp_path, encoded(image, kind)), planes(pixels))


def test_alpha_is_put_on_white(tmp_path):
    image = Image.fromarray(RGB8)
    image.putalpha(Image.fromarray(GRAY8))
    alpha = planes(GRAY8)
    expected = planes(RGB8) * alpha + (1 - alpha)
    assert_array_equal(read(tmp_path, encoded(image, "PNG")), expected)


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (7, 8, 9))])
def test_a_transparent_colour_is_white(tmp_path, mode, colour):
    image = Image.new(mode, (20, 20), colour)
    assert (read(tmp_path, encoded(image, "PNG", transparency=colour)) == 1).all()


def test_gray_stored_as_colour_stays_colour(tmp_path):
    image = Image.fromarray(GRAY8).convert("RGB")
    assert read(tmp_path, encoded(image, "PNG")).shape == (3, 20, 24)


@pytest.mark.parametrize("pixels", [GRAY8, RGB8], ids=["gray", "rgb"])
def test_jpeg(tmp_path, pixels):
    smooth = np.asarray(Image.fromarray(pixels).resize((64, 48), Image.Resampling.BICUBIC))
    image = read(tmp_path, encoded(Image.fromarray(smooth), "JPEG", quality=98, subsampling=0))
    assert image.shape == planes(smooth).shape
    assert abs(image - planes(smooth)).mean() < 0.02


def test_cmyk_jpeg(tmp_path):
    flat = Image.new("CMYK", (32, 32), (0, 255, 255, 0))  # magenta and yellow: red
    image = read(tmp_path, encoded(flat, "JPEG", quality=95))
    assert np.allclose(image[:, 5, 5], [1, 0, 0], atol=0.02)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "deep"])
def test_orientation(tmp_path, orientation, kind):
    # As stored; the tag tells where its first row and its first column belong.
    stored = np.zeros((24, 40), np.uint8)
    stored[:8, :8], stored[:8, -8:], stored[-8:, :8] = 85, 170, 255
    path = tmp_path / "image"
    if kind == "deep":
        tag = [(274, 3, 1, orientation, True)]
        tifffile.imwrite(path, np.uint16(stored) * 257, photometric="minisblack", extratags=tag)
    else:
        exif = Image.Exif()
        exif[274] = orientation
        options = {"tiffinfo": {274: orientation}} if kind == "TIFF" else {"exif": exif}
        path.write_bytes(encoded(Image.fromarray(stored), kind, **options))
    transforms = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.T,
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].T,
        8: lambda a: np.rot90(a),
    }
    expected = transforms[orientation](stored)[None] / 255
    image = reading.read(path)
    assert image.shape == expected.shape
    assert abs(image - expected).max() < (0.1 if kind == "JPEG" else 1e-6)


# What cannot be read.


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is an empty file"),
        (b"these are words, not pixels", "is not an image that can be read"),
        (b"\x89PNG\r\n\x1a\n", "damaged or cut short: it begins as a PNG file"),
        (b"GIF89a", "damaged or cut short: it begins as a GIF file"),
        (b"\xff\xd8\xff\xe0", "damaged or cut short: it begins as a JPEG file"),
        (b"RIFF\0\1\0\0WEBPVP8 ", "damaged or cut short"),
        (b"II*\0", "damaged"),
        (encoded(Image.new("RGB", (20, 20)), "DDS"), "not an image that can"),
    ],
)
def test_no_image(tmp_path, data, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, data, "image.png")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*none.png: No such file"):
        reading.read(tmp_path / "none.png")
    with pytest.raises(UsageError, match="is a folder"):
        reading.read(tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
@given(part=st.floats(0.01, 0.9))
@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_truncated_file(tmp_path, kind, part):
    data = encoded(Image.fromarray(RGB8), kind)
    with pytest.raises(UsageError, match=r"damaged or cut short|not an image"):
        read(tmp_path, data[: int(len(data) * part)])


def test_a_wrong_checksum_of_the_header_is_damage(tmp_path):
    data = bytearray(encoded(Image.fromarray(RGB8), "PNG"))
    data[29] ^= 1  # after the signature, and 4 + 4 + 13 bytes of the header
    with pytest.raises(UsageError, match="damaged or cut short"):
        read(tmp_path, bytes(data))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "deep"])
@given(data=st.data())
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damaged_bytes_never_raise_anything_else(tmp_path, kind, data):
    if kind == "deep":
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, RGB16, photometric="rgb", compression="zlib")
        content = bytearray(buffer.getvalue())
    else:
        content = bytearray(encoded(Image.fromarray(RGB8), kind))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        image = read(tmp_path, bytes(content))
    except UsageError as error:
        assert "\n" not in str(error)
    else:
        assert image.ndim == 3 and np.isfinite(image).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 1.01, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_float_tiff_with_bad_values(tmp_path, value, channels):
    pixels = np.full((20, 20, channels), 0.5, np.float32)
    pixels[3, 4, 0] = value
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, pixels.squeeze(), photometric="rgb" if channels == 3 else "minisblack")
    message = r"expected \[0, 1\]|black at 0" if np.isfinite(value) else "not finite"
    with pytest.raises(UsageError, match=message):
        reading.read(path)


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (-7, np.int16, "integers from -7 to -7; expected none below 0"),
        (100_000, np.uint32, "32-bit integers up to 100000, and does not declare which number is"),
        (1, np.complex64, "complex64 values in 1 layers; expected integers or floats in one layer"),
    ],
)
def test_numbers_whose_meaning_is_not_clear(tmp_path, value, dtype, message):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, np.full((20, 20), value, dtype), photometric="minisblack")
    with pytest.raises(UsageError, match=message):
        reading.read(path)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_decompression_bomb(tmp_path, kind):
    options = {"compression": "group4"} if kind == "TIFF" else {}
    data = encoded(Image.new("1", (12_000, 12_000)), kind, **options)
    assert len(data) < 50_000
    with pytest.raises(UsageError, match="12000x12000 pixels, too large"):
        read(tmp_path, data)


def test_a_16_bit_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MOST_PIXELS", 100)
    with pytest.raises(UsageError, match="24x20 pixels, too large; the most is 100"):
        read(tmp_path, png16(RGB16, 2))
