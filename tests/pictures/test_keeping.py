"""Writing keeps what the file carried, as far as the format goes, and says what is lost."""

import io

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from priorlab.errors import UsageError
from priorlab.pictures import levels, reading, writing
from priorlab.pictures.picture import Metadata, Picture

RNG = np.random.default_rng(0)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SHAPE = (3, 20, 24)


def exif_of(path):
    exif = Image.Exif()
    exif.load(reading.load(path).metadata.exif)
    return exif


@pytest.fixture
def photograph(tmp_path):
    """A JPEG of a camera that was held upright."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Artist] = "Camera", "Zoë"
    exif[ExifTags.Base.Orientation] = 6
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.ExposureTime] = 0.01
    details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight] = 24, 20
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    path = tmp_path / "a.jpg"
    pixels = RNG.integers(0, 256, (20, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=exif, icc_profile=SRGB, dpi=(240, 240))
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("factor", [1, 2])
def test_exif_profile_and_resolution(tmp_path, photograph, suffix, factor):
    picture = reading.load(photograph)
    assert picture.image.shape == (3, 24, 20)
    path = tmp_path / f"b{suffix}"
    image = picture.image.repeat(factor, 1).repeat(factor, 2)
    assert writing.write(path, image, like=picture) == ()
    again = reading.load(path)
    assert again.image.shape == image.shape  # upright, and turned no second time
    assert abs(again.image - image).mean() < 0.02
    assert again.metadata.icc_profile == SRGB
    if suffix != ".webp":  # which has no place for it
        assert np.allclose(again.metadata.dpi, 240 * factor, rtol=1e-3)
    exif = exif_of(path)
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    assert exif[ExifTags.Base.Make] == "Camera"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ExposureTime] == 0.01
    assert details[ExifTags.Base.ExifImageWidth] == 20 * factor
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"


@pytest.mark.parametrize("suffix", [".bmp", ".npy"])
def test_what_a_format_does_not_hold_is_said(tmp_path, photograph, suffix):
    picture = reading.load(photograph)
    notes = writing.write(tmp_path / f"b{suffix}", picture.image, like=picture)
    assert notes[0] == f"b{suffix}: its colour profile is not kept"
    assert notes[1].startswith(f"b{suffix}: its EXIF data are not kept")


LINEAR = ((b"gAMA", (100000).to_bytes(4, "big")),)


def test_what_is_never_kept_is_said(tmp_path):
    pixels = Image.fromarray(RNG.integers(0, 256, (20, 24, 3), dtype=np.uint8))
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Copyright", "Zoë")
    pixels.save(tmp_path / "a.png", pnginfo=texts)
    pixels.save(tmp_path / "a.jpg", xmp=b"<x:xmpmeta/>", comment=b"by hand")
    pixels.save(tmp_path / "a.webp", xmp=b"<x:xmpmeta/>", lossless=True)
    iptc = [(33723, "B", 12, b"twelve bytes", True)]
    tifffile.imwrite(tmp_path / "a.tif", np.asarray(pixels), photometric="rgb", extratags=iptc)
    said = {}
    for path in sorted(tmp_path.glob("a.*")):
        picture = reading.load(path)
        (said[path.suffix],) = writing.write(tmp_path / "b.png", picture.image, picture)
    assert said == {
        ".jpg": "b.png: not kept: XMP data, a comment",
        ".png": "b.png: not kept: texts",
        ".tif": "b.png: not kept: IPTC data",
        ".webp": "b.png: not kept: XMP data",
    }


@pytest.mark.parametrize("found", [levels.EIGHT, levels.DEEP])
def test_the_gamma_of_a_png_file(tmp_path, found):
    image = RNG.random(SHAPE).astype(np.float32)
    like = Picture(image=image, levels=found, metadata=Metadata(colour_chunks=LINEAR))
    assert writing.write(tmp_path / "a.png", image, like) == ()
    again = reading.load(tmp_path / "a.png")
    assert again.metadata.colour_chunks == LINEAR
    with Image.open(tmp_path / "a.png") as shown:
        assert shown.info["gamma"] == 1
    assert "a.tif: its gamma or primaries are not kept; .png files hold them" in writing.write(
        tmp_path / "a.tif", image, again
    )


def test_the_usual_gamma_needs_no_note(tmp_path):
    image = RNG.random(SHAPE).astype(np.float32)
    usual = ((b"sRGB", b"\0"), (b"gAMA", (45455).to_bytes(4, "big")))
    like = Picture(image=image, metadata=Metadata(colour_chunks=usual))
    assert writing.write(tmp_path / "a.jpg", image, like) == ()


@pytest.mark.parametrize("big", [False, True])
def test_the_place_on_a_map_is_kept_with_the_size_of_the_picture(tmp_path, big):
    """Of tags that may describe the old pixels, such as layers, it is said that they are not."""
    tags = [
        (315, "s", 0, "Zoe", True),
        (33550, "d", 3, (1.5, 1.5, 0.0), True),
        (34735, "H", 4, (1, 1, 0, 65535), True),
    ]
    others = [(37724, "B", 12, b"some layers.", True), (65000, "s", 0, "an own one", True)]
    pixels = RNG.integers(0, 256, (20, 24, 3), dtype=np.uint8)
    own = {"photometric": "rgb", "extratags": [*tags, *others], "bigtiff": big}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **own)
    picture = reading.load(tmp_path / "a.tif")
    (said,) = writing.write(tmp_path / "b.tif", picture.image, picture)
    assert said == "b.tif: not kept: tags 37724, 65000"
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        kept = {tag.code: (tag.dtype, tag.value) for tag in file.pages.first.tags}
    assert kept[315][1] == "Zoe"
    assert kept[33550] == (tifffile.DATATYPE.DOUBLE, (1.5, 1.5, 0.0))
    assert kept[34735] == (tifffile.DATATYPE.SHORT, (1, 1, 0, 65535))
    assert not {37724, 65000} & {*kept}
    enlarged = picture.image.repeat(2, 1).repeat(2, 2)
    (said,) = writing.write(tmp_path / "c.tif", enlarged, picture)
    assert "its place on a map" in said
    with tifffile.TiffFile(tmp_path / "c.tif") as file:
        assert 33550 not in file.pages.first.tags


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png"])
def test_texts_keep_their_letters(tmp_path, suffix):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Zo\xeb".encode("latin-1")
    Image.new("RGB", (24, 20)).save(tmp_path / "a.jpg", exif=exif)
    picture = reading.load(tmp_path / "a.jpg")
    writing.write(tmp_path / f"b{suffix}", picture.image, picture)
    assert exif_of(tmp_path / f"b{suffix}")[ExifTags.Base.Artist] == "Zo\xeb"


def test_a_profile_does_not_hide_that_a_png_file_is_of_high_dynamic_range(tmp_path):
    image = RNG.random(SHAPE).astype(np.float32)
    chunks = ((b"gAMA", (100000).to_bytes(4, "big")), (b"cICP", bytes((9, 16, 0, 1))))
    kept = Metadata(icc_profile=SRGB, colour_chunks=chunks)
    for found in (levels.EIGHT, levels.DEEP):
        like = Picture(image=image, levels=found, metadata=kept)
        writing.write(tmp_path / "a.png", image, like)
        again = reading.load(tmp_path / "a.png").metadata
        assert again.icc_profile == SRGB and again.colour_chunks == chunks[1:]
        assert not any("gamma" in note for note in writing.write(tmp_path / "a.tif", image, like))


def test_a_profile_of_other_colours_is_not_kept(tmp_path):
    image = np.full((1, 20, 24), 0.5, np.float32)
    picture = Picture(image=image, metadata=Metadata(icc_profile=SRGB))
    assert writing.write(tmp_path / "a.png", image, picture) == (
        "a.png: its colour profile is not kept",
    )
    assert not reading.load(tmp_path / "a.png").metadata.icc_profile


@given(
    seed=st.integers(0, 99),
    channels=st.sampled_from([1, 3]),
    opacity=st.booleans(),
    suffix=st.sampled_from([".png", ".tif"]),
    found=st.sampled_from(
        [levels.EIGHT, levels.DEEP, levels.declared(4095), levels.declared(65520)]
    ),
)
def test_opacity_and_bits(tmp_path_factory, seed, channels, opacity, suffix, found):
    rng = np.random.default_rng(seed)
    image = rng.random((channels, 17, 9), np.float32)
    seen = rng.random((17, 9), np.float32) if opacity else None
    like = Picture(image=image, quantum=found.quantum, opacity=seen, levels=found)
    path = tmp_path_factory.mktemp("out") / f"a{suffix}"
    assert writing.write(path, image, like) == ()
    again = reading.load(path)
    step = found.quantum if suffix == ".png" else min(found.quantum, 1 / 4095)
    assert abs(again.image - image).max() <= step / 2 + 1e-6
    if found.container == "uint16":
        assert again.levels.white == found.white and again.quantum == pytest.approx(found.quantum)
    assert (again.opacity is not None) == opacity
    if opacity:
        assert abs(again.opacity - seen).max() <= 1 / 255
    writing.write(path, again.image, again)
    assert np.array_equal(reading.load(path).image, again.image)


def test_a_deep_png_is_what_other_programs_read(tmp_path):
    """Pillow reads the high bytes of it."""
    image = RNG.random((3, 150, 24)).astype(np.float32)
    seen = RNG.random((150, 24)).astype(np.float32)
    kept = Metadata(icc_profile=SRGB, dpi=(300, 300))
    writing.write(
        tmp_path / "a.png",
        image,
        Picture(image=image, opacity=seen, levels=levels.DEEP, metadata=kept),
    )
    with Image.open(tmp_path / "a.png") as shown:
        shown.verify()
    with Image.open(tmp_path / "a.png") as shown:
        assert shown.info["icc_profile"] == SRGB and round(shown.info["dpi"][0]) == 300
        expected = np.concatenate([image, seen[None]]).transpose(1, 2, 0)
        assert abs(np.asarray(shown) / 255 - expected).max() <= 1 / 255


def test_floats_stay_floats_in_tiff(tmp_path):
    values = RNG.uniform(0, 1, (20, 24)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    picture = reading.load(tmp_path / "a.tif")
    writing.write(tmp_path / "b.tif", picture.image, picture)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), values)
    assert writing.write(tmp_path / "b.png", picture.image, picture) == (
        "b.png: floats became 16 bits",
    )


def test_floats_keep_their_range(tmp_path):
    values = RNG.uniform(-1000, 3000, (20, 24)).astype(np.float32)
    tags = [(340, "f", 1, -1000.0, True), (341, "f", 1, 3000.0, True)]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", extratags=tags)
    picture = reading.load(tmp_path / "a.tif")
    writing.write(tmp_path / "b.tif", picture.image, picture)
    assert np.allclose(tifffile.imread(tmp_path / "b.tif"), values, atol=1e-3)
    assert np.allclose(reading.load(tmp_path / "b.tif").image, picture.image, atol=1e-6)


def test_fewer_bits_and_no_opacity_are_said(tmp_path):
    image = RNG.random(SHAPE).astype(np.float32)
    clear = np.zeros(SHAPE[1:], np.float32)
    like = Picture(image=image, opacity=clear, levels=levels.DEEP)
    assert writing.write(tmp_path / "a.jpg", image, like) == (
        "a.jpg: more than 8 bits became 8 bits; .tif and .png files hold 16",
        "a.jpg: .jpg files written here hold no opacity: shown on white",
    )
    assert reading.read(tmp_path / "a.jpg").min() > 0.99


def test_the_picture_itself_is_not_replaced_unasked(tmp_path):
    path, link = tmp_path / "a.png", tmp_path / "link.png"
    writing.write(path, np.zeros((1, 20, 24)))
    link.symlink_to(path)
    for source, output in ((path, path), (path, link), (link, path), (f"{path}[0]", path)):
        with pytest.raises(UsageError, match=r"is the picture itself.*or ask for it to be over"):
            writing.check_replaces(source, output, overwrite=False)
        with pytest.raises(UsageError, match=r"is the picture itself; name another output$"):
            writing.check_replaces(source, output)
        writing.check_replaces(source, output, overwrite=True)
    writing.check_replaces(path, tmp_path / "b.png", overwrite=False)


def test_descriptions_for_programs_are_not_kept(tmp_path):
    pixels = RNG.integers(0, 65536, (20, 24), dtype=np.uint16)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, imagej=True)
    (tmp_path / "a.tif").write_bytes(buffer.getvalue())
    picture = reading.load(tmp_path / "a.tif")
    writing.write(tmp_path / "b.tif", picture.image, picture)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert not file.is_imagej and not file.pages.first.description


@pytest.mark.parametrize("factor", [2, 3, 4, 0.5])
def test_opacity_that_is_resized_stays_between_its_neighbours(tmp_path, factor):
    opacity = np.full((24, 32), 0.25, np.float32)
    opacity[:, 16:] = 0.75
    like = Picture(image=np.full((3, 24, 32), 0.5, np.float32), opacity=opacity)
    size = (3, int(24 * factor), int(32 * factor))
    writing.write(tmp_path / "a.png", np.full(size, 0.5, np.float32), like=like)
    found = np.asarray(Image.open(tmp_path / "a.png"))[..., 3]
    assert (found.min(), found.max()) == (64, 191)
    assert (np.diff(found.astype(int), axis=1) >= 0).all()
