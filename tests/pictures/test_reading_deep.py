"""Formats of which Pillow keeps 8 bits alone: all bits are read, or the loss is said."""

import builtins
import importlib.util
import struct

import numpy as np
import pytest

from priorlab.errors import UsageError
from priorlab.pictures import reading, writing

needs_codecs = pytest.mark.skipif(
    not importlib.util.find_spec("imagecodecs"), reason="imagecodecs, which is optional, is missing"
)
RNG = np.random.default_rng(0)


def numbers(white, *shape):
    """Random numbers from black to white, a corner of them white."""
    found = RNG.integers(0, white + 1, shape, dtype=np.uint16)
    found[:4, :4] = white
    return found


def planes(pixels, white):
    """The image (C, H, W) in [0, 1] that numbers stand for."""
    return (np.atleast_3d(pixels) / white).transpose(2, 0, 1)


@pytest.mark.parametrize("white", [1000, 1023, 4095, 65535])
@pytest.mark.parametrize(("kind", "shape"), [("2", ()), ("5", ()), ("3", (3,)), ("6", (3,))])
def test_netpbm_keeps_all_bits(white, kind, shape, tmp_path):
    pixels = numbers(white, 20, 24, *shape)
    head = f"P{kind}\n# a camera\n24 20\n{white}\n".encode()
    plain = " ".join(map(str, pixels.ravel())).encode()
    content = plain if kind in "23" else pixels.astype(">u2").tobytes()
    (tmp_path / "a.pnm").write_bytes(head + content)
    picture = reading.load(tmp_path / "a.pnm")
    assert np.allclose(picture.image, planes(pixels, white), atol=0.5 / 65535 + 1e-6)
    writing.write(tmp_path / "b.tif", picture.image, picture)
    # White is 65535 there, since viewers take it so; the numbers come out again.
    again = white * reading.read(tmp_path / "b.tif")
    assert np.array_equal(np.rint(again), np.rint(white * planes(pixels, white)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bytes(2 * 20 * 24 * 3 - 3), "1438 of 1440 numbers"),
        (b"\xff" * 2 * 20 * 24 * 3, "a number is 65535, and white is 1023"),
    ],
)
def test_damaged_netpbm_is_said(content, reason, tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6 24 20 1023 " + content)
    with pytest.raises(UsageError, match=f"damaged or cut short: {reason}$"):
        reading.load(tmp_path / "a.ppm")


@needs_codecs
@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", ["jp2", "j2k"])
def test_jpeg_2000_keeps_all_bits_and_white_stays_white(bits, samples, suffix, tmp_path):
    import imagecodecs

    if suffix == "j2k" and samples == 2:
        pytest.skip("a bare stream does not say what the second sample is")
    white = 2**bits - 1
    pixels = numbers(white, 20, 24, *([samples] if samples > 1 else []))
    encoded = imagecodecs.jpeg2k_encode(pixels, bitspersample=bits, codecformat=suffix)
    (tmp_path / "a.jp2").write_bytes(encoded)
    picture = reading.load(tmp_path / "a.jp2")
    found = picture.image if picture.opacity is None else [*picture.image, picture.opacity]
    assert np.allclose(found, planes(pixels, white), atol=1e-6)


def test_what_of_jpeg_2000_needs_imagecodecs_says_so(tmp_path, monkeypatch):
    codecs = pytest.importorskip("imagecodecs")
    (tmp_path / "a.jp2").write_bytes(codecs.jpeg2k_encode(numbers(65535, 20, 24, 3)))
    real = builtins.__import__

    def without(name, *given, **named):
        if name == "imagecodecs":
            raise ImportError(name)
        return real(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"without imagecodecs \(JPEG 2000 of 16 bits\): pip"):
        reading.load(tmp_path / "a.jp2")


def test_bits_that_nothing_reads_are_said(tmp_path):
    pixels = numbers(65535, 20, 24, 3)
    head = struct.pack(">HBBHHHHII", 474, 0, 2, 3, 24, 20, 3, 0, 65535) + bytes(492)
    content = pixels[::-1].transpose(2, 0, 1).astype(">u2").tobytes()
    (tmp_path / "a.sgi").write_bytes(head + content)
    picture = reading.load(tmp_path / "a.sgi")
    assert picture.notes[0].startswith("8 of its 16 bits are read")
    assert np.allclose(picture.image, planes(pixels, 65535), atol=1 / 255)


@needs_codecs
def test_bits_of_avif_that_are_not_read_are_said(tmp_path):
    import imagecodecs

    for bits in (8, 10, 12):
        pixels = numbers(2**bits - 1, 32, 32, 3)
        pixels = pixels.astype(np.uint8) if bits == 8 else pixels
        (tmp_path / "a.avif").write_bytes(imagecodecs.avif_encode(pixels, bitspersample=bits))
        notes = reading.load(tmp_path / "a.avif").notes
        assert [note.partition(":")[0] for note in notes] == (
            [] if bits == 8 else [f"8 of its {bits} bits are read"]
        )


def test_bits_of_heif_that_are_not_read_are_said(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    pixels = numbers(65535, 32, 32, 3)
    heif.encode("RGB;16", (32, 32), pixels.tobytes(), str(tmp_path / "a.heic"))
    assert reading.load(tmp_path / "a.heic").notes[0].startswith("8 of its 10 bits are read")
