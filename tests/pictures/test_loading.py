"""What a file says besides its pixels: opacity, bits, metadata, further pictures; rare formats."""

import importlib.util
import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, features
from sample_pictures import planes

from priorlab.errors import UsageError
from priorlab.pictures import png, reading
from priorlab.pictures.picture import Metadata

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (32, 48, 3), dtype=np.uint8)
GRAY = RGB[..., 0]
SMOOTH = np.asarray(Image.fromarray(RGB[:4, :6]).resize((48, 32), Image.Resampling.BICUBIC))


def saved(path, image, **options):
    image.save(path, **options)
    return path


def has(name):
    return importlib.util.find_spec(name) is not None


@pytest.mark.parametrize(("mode", "pixels"), [("L", GRAY), ("RGB", RGB)])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_colours_are_not_mixed_with_white(tmp_path, suffix, mode, pixels):
    image = Image.fromarray(pixels)
    image.putalpha(Image.fromarray(255 - GRAY))
    options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    picture = reading.load(saved(tmp_path / f"a{suffix}", image, **options))
    expected = np.stack([pixels] * 3, -1) if suffix == ".webp" and mode == "L" else pixels
    assert np.allclose(picture.image, planes(expected))
    assert np.allclose(picture.opacity, (255 - GRAY) / 255)


def test_a_clear_colour(tmp_path):
    """By tRNS, in gray of 1, 2, 4, 8 and 16 bits, in RGB of 8 and 16, and in a palette."""
    for depth in (1, 2, 4, 8, 16):
        numbers = np.arange(16) % (2 ** min(depth, 4))
        path = tmp_path / f"gray{depth}.png"
        path.write_bytes(gray_png(np.tile(numbers, (16, 1)), depth, clear=1))
        picture = reading.load(path)
        assert np.array_equal(picture.opacity, np.tile(numbers != 1, (16, 1)))
        white = 2**depth - 1 if depth < 16 else picture.levels.white  # guessed: nothing declares it
        assert np.allclose(picture.image[0, 0] * white, numbers)
        assert picture.quantum == 1 / white
    first = tuple(int(value) for value in RGB[0, 0])
    path = saved(tmp_path / "rgb.png", Image.fromarray(RGB), transparency=first)
    assert np.array_equal(reading.load(path).opacity == 0, (RGB[0, 0] == RGB).all(-1))
    palette = Image.fromarray(RGB).quantize(8)
    path = saved(tmp_path / "palette.png", palette, transparency=3)
    picture = reading.load(path)
    assert np.array_equal(picture.opacity == 0, np.asarray(palette) == 3)
    assert picture.notes == ("its palette was expanded to RGB",)


def gray_png(numbers, depth, clear=None):
    """A gray PNG of any depth, 16 pixels wide."""
    bits = (numbers[..., None] >> np.arange(depth)[::-1] & 1).astype(np.uint8)
    rows = np.packbits(bits.reshape(len(numbers), -1), axis=1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", 16, len(numbers), depth, 0, 0, 0, 0)
    parts = [(b"IHDR", head)]
    if clear is not None:
        parts.append((b"tRNS", struct.pack(">H", clear)))
    parts += [(b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_bits_that_a_png_declares(tmp_path, bits):
    numbers = RNG.integers(0, 2**bits // 20, (16, 16, 3)).astype(np.uint16)
    path = tmp_path / "a.png"
    path.write_bytes(png.encode(numbers, bits, Metadata()))
    picture = reading.load(path)
    assert picture.quantum == 1 / (2**bits - 1) and not picture.notes
    assert np.allclose(picture.image, numbers.transpose(2, 0, 1) / (2**bits - 1))


def test_inks_by_their_profile(tmp_path, monkeypatch):
    """No profile of inks comes with Pillow: one of RGB stands for it."""
    inks = Image.fromarray(SMOOTH).convert("CMYK")
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = b"CMYK"
    asked = []

    def convert(image, source, target, outputMode):
        asked.append(image.mode)
        return image.convert(outputMode)

    monkeypatch.setattr(ImageCms, "profileToProfile", convert)
    monkeypatch.setattr(ImageCms, "ImageCmsProfile", Profile)
    for name in ("a.jpg", "a.tif"):
        picture = reading.load(saved(tmp_path / name, inks, icc_profile=bytes(profile)))
        assert picture.notes == ("its CMYK colours were converted to sRGB by its profile",)
        assert picture.metadata.icc_profile == b"sRGB"
    assert asked == ["CMYK", "CMYK"]


class Profile:
    def __init__(self, source):
        pass

    def tobytes(self):
        return b"sRGB"


@pytest.mark.parametrize("suffix", [".avif", ".gif", ".jp2", ".ppm", ".tga", ".pcx", ".sgi"])
def test_formats_that_are_read_alone(tmp_path, suffix):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("Pillow has no AVIF here")
    exact = suffix not in (".avif", ".gif")
    path = saved(tmp_path / f"a{suffix}", Image.fromarray(SMOOTH))
    image = reading.read(path)
    assert image.shape == (3, 32, 48)
    assert abs(image - planes(SMOOTH)).mean() < (1e-6 if exact else 0.03)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_of_several_pictures_one_can_be_asked_for(tmp_path, suffix):
    few = Image.fromarray(RGB).quantize(16).convert("RGB")
    other = few.rotate(180)
    options = {"lossless": True} if suffix == ".webp" else {}
    path = saved(tmp_path / f"a{suffix}", few, save_all=True, append_images=[other], **options)
    first, second = reading.load(path), reading.load(f"{path}[1]")
    assert first.notes[0].startswith(f"the first of the 2 pictures in a{suffix} is used")
    assert np.allclose(first.image, planes(np.asarray(few)))
    assert np.allclose(second.image, planes(np.asarray(other)))
    with pytest.raises(UsageError, match=r"\[2\] does not exist: .* holds pictures 0 to 1"):
        reading.load(f"{path}[2]")


def test_a_file_with_brackets_in_its_name(tmp_path):
    path = saved(tmp_path / "a[1].png", Image.fromarray(RGB))
    assert np.allclose(reading.read(path), planes(RGB))
    saved(tmp_path / "a[1].png[2]", Image.fromarray(GRAY), format="PNG")
    assert reading.read(tmp_path / "a[1].png[2]").shape[0] == 1


def test_damaged_exif_is_said(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(RGB).save(path, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff\0\0")
    picture = reading.load(path)
    assert picture.metadata.exif == b"" and picture.image.shape == (3, 32, 48)


@pytest.mark.skipif(not has("pillow_heif"), reason="pillow-heif, which is optional, is missing")
def test_heic(tmp_path):
    import pillow_heif

    pillow_heif.from_pillow(Image.fromarray(SMOOTH)).save(tmp_path / "a.heic", quality=95)
    assert abs(reading.read(tmp_path / "a.heic") - planes(SMOOTH)).mean() < 0.02


@pytest.mark.skipif(has("pillow_heif"), reason="pillow-heif is there")
def test_heic_without_its_library(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(12))
    with pytest.raises(UsageError, match=r"needs pillow-heif: pip install 'priorlab\[formats\]'"):
        reading.read(tmp_path / "a.heic")


@pytest.mark.skipif(has("rawpy"), reason="rawpy is there")
def test_raw_data_without_their_library(tmp_path):
    (tmp_path / "a.NEF").write_bytes(b"II*\0" + bytes(12))
    with pytest.raises(UsageError, match=r"needs rawpy: pip install 'priorlab\[formats\]'"):
        reading.read(tmp_path / "a.NEF")


@pytest.mark.skipif(not has("rawpy"), reason="rawpy, which is optional, is missing")
def test_raw_data_that_are_none(tmp_path):
    (tmp_path / "a.nef").write_bytes(io.BytesIO(b"II*\0" + bytes(100)).getvalue())
    with pytest.raises(UsageError, match="no raw data that LibRaw can develop"):
        reading.read(tmp_path / "a.nef")


@pytest.mark.skipif(not has("rawpy"), reason="rawpy, which is optional, is missing")
@pytest.mark.parametrize("name", ["a.dng", "a.tif"])
def test_raw_data(tmp_path, name):
    """A sensor of 12 bits behind a Bayer filter that sees gray, brighter in one half."""
    sensor = np.full((64, 96), 2000, np.uint16)
    sensor[::2, ::2] = sensor[1::2, 1::2] = 1000
    sensor[:, 48:] //= 2
    one, half = (1, 1), (1, 2)
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True),  # the version of DNG, its colours, its white
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50717, "I", 1, 4095, True),
        (50721, "2i", 9, (*one, 0, 1, 0, 1, 0, 1, *one, 0, 1, 0, 1, 0, 1, *one), True),
        (50728, "2I", 3, (*half, *one, *half), True),
    ]
    tifffile.imwrite(tmp_path / name, sensor, photometric="cfa", extratags=tags, metadata=None)
    picture = reading.load(tmp_path / name)
    assert picture.image.shape == (3, 64, 96) and picture.levels.container == "uint16"
    assert "developed to sRGB of 16 bits" in picture.notes[0]
    assert (picture.image[:, 20, 10] > 1.2 * picture.image[:, 20, 80]).all()
