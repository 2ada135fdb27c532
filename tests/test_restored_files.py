"""`restore` and `degrade` on files: what they carry comes out again; what is lost is said."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from sample_pictures import picture

import priorlab
from priorlab import api, restoration
from priorlab.api import pictures
from priorlab.errors import UsageError
from priorlab.pictures import reading
from priorlab.tasks.builtin import Deblur

CLEAN = picture(32, 40, 3)
NOISY = np.clip(CLEAN + np.random.default_rng(0).normal(0, 0.05, CLEAN.shape), 0, 1)
TASK, PRIOR = "denoise:sigma=13", "tv"


def restored(source, output, **options):
    lines = []
    api.restore_file(source, output, TASK, PRIOR, say=lines.append, **options)
    assert lines.pop() == f"wrote {output}"
    return lines


def layout(image):
    return np.rint(image * 255).astype(np.uint8).transpose(1, 2, 0)


def test_counts_stay_counts(tmp_path):
    counts = np.rint(NOISY[0] * 4095).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", counts, photometric="minisblack")
    (said,) = restored(tmp_path / "a.tif", tmp_path / "b.tif")
    assert said.endswith("taken for 12 bits, with white at 4095")
    again = tifffile.imread(tmp_path / "b.tif")
    assert again.dtype == np.uint16 and 2000 < again.max() <= 4095
    for deep in (counts, counts << 4):  # the same picture, whatever its container
        result = priorlab.restore(deep, TASK, PRIOR)
        assert abs(result * 4095 - again).max() <= 0.51


def test_what_is_transparent_is_restored_as_it_is(tmp_path):
    opacity = np.full((32, 40), 128, np.uint8)
    image = Image.fromarray(layout(NOISY))
    image.save(tmp_path / "opaque.png")
    image.putalpha(Image.fromarray(opacity))
    image.save(tmp_path / "a.png")
    for name in ("a", "opaque"):
        assert restored(tmp_path / f"{name}.png", tmp_path / f"{name}-out.png") == []
    shown, opaque = (np.asarray(Image.open(tmp_path / f"{n}-out.png")) for n in ("a", "opaque"))
    assert np.array_equal(shown[..., 3], opacity)
    assert np.array_equal(shown[..., :3], opaque)
    (said,) = restored(tmp_path / "a.png", tmp_path / "c.jpg")
    assert said == "c.jpg: .jpg files written here hold no opacity: shown on white"


@pytest.mark.parametrize("task", ["denoise:sigma=13", "deblur:width=1,sigma=13"])
@pytest.mark.parametrize("under", [0, 255])
def test_what_is_hidden_does_not_run_into_what_is_seen(task, under, tmp_path):
    rows, columns = np.mgrid[:32, :40]
    seen = (rows - 15) ** 2 + (columns - 20) ** 2 < 12**2
    pixels = np.full((32, 40, 3), 128, np.uint8)
    pixels[~seen] = under
    image = Image.fromarray(np.dstack([pixels, np.where(seen, 255, 0).astype(np.uint8)]))
    image.save(tmp_path / "a.png")
    api.restore_file(tmp_path / "a.png", tmp_path / "b.png", task, PRIOR)
    found = np.asarray(Image.open(tmp_path / "b.png"))
    assert abs(found[..., :3][seen].astype(int) - 128).max() <= 1
    assert np.array_equal(found[~seen], np.asarray(image)[~seen])


def test_what_was_transparent_and_is_filled_is_opaque(tmp_path):
    opacity = np.full((32, 40), 200, np.uint8)
    opacity[10:14, 5:9] = 0
    image = Image.fromarray(layout(CLEAN))
    image.putalpha(Image.fromarray(opacity))
    image.save(tmp_path / "a.png")
    said = []
    api.restore_file(tmp_path / "a.png", tmp_path / "b.png", "inpaint", "linear", say=said.append)
    assert "what was transparent and is filled is opaque now" in said
    expected = np.where(opacity == 0, 255, opacity)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png"))[..., 3], expected)


def test_a_hole_with_a_soft_edge_leaves_no_ring(tmp_path):
    opacity = np.full((32, 40), 255, np.uint8)
    opacity[8:16, 3:11] = 170
    opacity[10:14, 5:9] = 0
    image = Image.fromarray(layout(CLEAN))
    image.putalpha(Image.fromarray(opacity))
    image.save(tmp_path / "a.png")
    api.restore_file(tmp_path / "a.png", tmp_path / "b.png", "inpaint", "linear")
    assert np.asarray(Image.open(tmp_path / "b.png").convert("RGBA"))[..., 3].min() == 255


def test_values_beyond_black_and_white_are_said(tmp_path):
    np.save(tmp_path / "a.npy", 1.3 * layout(NOISY) / np.float32(255))
    said = restored(tmp_path / "a.npy", tmp_path / "b.npy")
    assert said[0].endswith("those of the restored one from 0 to 1")
    assert np.load(tmp_path / "b.npy").max() <= 1


def test_a_degraded_picture_keeps_its_noise_where_its_file_can(tmp_path):
    """As `bench` measures: noise is not cut off at black and white."""
    Image.fromarray(layout(CLEAN)).save(tmp_path / "a.png")
    task, said = "denoise:sigma=60", []
    for output in ("b.npy", "b.png"):
        api.degrade_file(tmp_path / "a.png", tmp_path / output, task, say=said.append)
    expected, _ = priorlab.degrade(tmp_path / "a.png", task)
    assert expected.min() < 0 and np.array_equal(np.load(tmp_path / "b.npy"), expected)
    assert "% of the values are beyond black or white, and cut off; .npy" in said[1]


@pytest.mark.parametrize(
    "task", ["denoise:sigma=255", "denoise-poisson:peak=1", "superres:factor=2,sigma=200"]
)
def test_very_strong_noise_can_be_read_again(task, tmp_path):
    """All of it, by the program as from Python: what `degrade` makes is what `bench` restores."""
    Image.fromarray(layout(CLEAN)).save(tmp_path / "a.png")
    said = []
    api.degrade_file(tmp_path / "a.png", tmp_path / "b.npy", task, say=said.append)
    degraded, _ = priorlab.degrade(tmp_path / "a.png", task)
    assert len(said) == 1 and np.array_equal(np.load(tmp_path / "b.npy"), degraded)
    assert degraded.max() > 2
    restored = priorlab.restore(degraded, task, "tv")
    assert np.array_equal(priorlab.restore(tmp_path / "b.npy", task, "tv"), restored)


@pytest.mark.parametrize("scale", [255, 65535])
def test_floats_on_another_scale_are_no_noise(scale):
    night = np.full((32, 32), 0.001)
    night[4:8, 4:8] = 1
    for image in (night, np.full((32, 32), 0.5)):
        with pytest.raises(UsageError, match=r"floats have black at 0 and white at 1 \(divide"):
            priorlab.restore(image * scale, TASK, PRIOR)


def test_a_gray_picture_stored_as_rgb_is_restored_as_a_gray_one(tmp_path):
    """Noise that is the same in all colours is no part of the scene to what knows colours."""
    gray = layout(NOISY[:1])
    Image.fromarray(gray[..., 0]).save(tmp_path / "gray.png")
    Image.fromarray(gray.repeat(3, 2)).save(tmp_path / "rgb.png")
    api.restore_file(tmp_path / "gray.png", tmp_path / "a.png", "denoise", "bm3d")
    lines = []
    api.restore_file(tmp_path / "rgb.png", tmp_path / "b.png", "denoise", "bm3d", say=lines.append)
    assert lines[0] == "red, green and blue are the same in it: restored as a gray picture"
    result = reading.read(tmp_path / "b.png")
    assert len(result) == 3
    assert np.array_equal(result, reading.read(tmp_path / "a.png").repeat(3, 0))


def test_a_cropped_picture_is_said(tmp_path):
    Image.fromarray(layout(CLEAN)[:31, :38]).save(tmp_path / "a.png")
    said = []
    api.degrade_file(tmp_path / "a.png", tmp_path / "b.png", "superres:factor=4", say=said.append)
    assert said[0] == f"{tmp_path / 'a.png'} is cropped to 36x28 pixels"


def test_the_opacity_grows_with_the_picture(tmp_path):
    image = Image.fromarray(layout(CLEAN))
    image.putalpha(Image.linear_gradient("L").resize((40, 32)))
    image.save(tmp_path / "a.png")
    api.restore_file(tmp_path / "a.png", tmp_path / "b.png", "superres:factor=2", "tv")
    with Image.open(tmp_path / "b.png") as large:
        assert large.size == (80, 64) and large.mode == "RGBA"


def test_a_file_is_not_replaced_by_its_own_restoration(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(layout(NOISY)).save(path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="is the picture itself"):
        api.restore_file(path, path, TASK, PRIOR)
    with pytest.raises(UsageError, match="is the picture itself"):
        api.degrade_file(path, path, TASK)
    assert path.read_bytes() == before
    restored(path, path, overwrite=True)
    assert path.read_bytes() != before


@pytest.mark.parametrize(
    ("name", "task", "output", "says"),
    [
        ("a-mask", "inpaint:missing=0.5", "a", "a-mask.png is a picture to work on"),
        ("a", "inpaint:mask=m.png,holes=black", "m", "m.png is the mask= of inpaint"),
        ("a", "inpaint:mask=m-mask.png,holes=black", "m", "m-mask.png is the mask= of inpaint"),
        ("a", "deblur:kernel=m.png", "m", "m.png is the kernel= of deblur"),
    ],
)
def test_nothing_beside_a_degraded_picture_replaces_what_is_read(
    tmp_path, monkeypatch, name, task, output, says
):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(layout(CLEAN)).save(f"{name}.png")
    for mask in ("m.png", "m-mask.png"):
        Image.linear_gradient("L").resize((40, 32)).point(lambda v: 255 * (v > 99)).save(mask)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match=f"{says}, and would be replaced; name another output"):
        api.degrade_file(Path(f"{name}.png"), Path(f"{output}.png"), task)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("name", "task", "output", "says"),
    [
        ("a-kernel", "deblur:kind=estimate,size=9", "a", "a-kernel.png is a picture to work on"),
        ("a", "inpaint:mask=m.png,holes=black", "m", "m.png is the mask= of inpaint"),
        ("a", "dejpeg:tables=m.jpg", "m.jpg", "m.jpg is the tables= of dejpeg"),
    ],
)
def test_nothing_beside_a_restored_picture_replaces_what_is_read(
    tmp_path, monkeypatch, name, task, output, says, overwrite
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(restoration, "attempt", lambda *_, **__: 1 / 0)
    Image.fromarray(layout(NOISY)).save(f"{name}.png")
    Image.linear_gradient("L").resize((40, 32)).point(lambda v: 255 * (v > 99)).save("m.png")
    Image.fromarray(layout(NOISY)).save("m.jpg", quality=30)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    target = Path(output) if "." in output else Path(f"{output}.png")
    with pytest.raises(UsageError, match=f"{says}, and would be replaced; name another output"):
        api.restore_file(Path(f"{name}.png"), target, task, PRIOR, overwrite=overwrite)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_result_is_not_lost_where_an_extra_of_its_prior_cannot_be_written(tmp_path):
    source, said = tmp_path / "a-uncertainty.png", []
    Image.fromarray(layout(NOISY)).save(source)
    before = source.read_bytes()
    fit = "dip:langevin=1,stop=never,iterations=4,depth=2,channels=4"
    api.restore_file(source, tmp_path / "a.png", TASK, fit, say=said.append)
    assert (tmp_path / "a.png").exists() and source.read_bytes() == before
    assert f"uncertainty is not written: {source} is a picture to work on" in "".join(said)


def test_one_page_of_several(tmp_path):
    pages = [Image.fromarray(layout(image)) for image in (NOISY, CLEAN)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    (said,) = restored(tmp_path / "a.tif", tmp_path / "b.tif")
    assert said.startswith("the first of the 2 pictures in a.tif is used")
    assert restored(tmp_path / "a.tif[1]", tmp_path / "c.tif") == []
    assert abs(reading.read(tmp_path / "c.tif") - CLEAN).mean() < 0.05


def test_degrading_keeps_what_the_file_carries(tmp_path):
    image = Image.fromarray(layout(CLEAN))
    image.putalpha(Image.linear_gradient("L").resize((40, 32)))
    image.save(tmp_path / "a.png", dpi=(300, 300))
    api.degrade_file(tmp_path / "a.png", tmp_path / "b.png", TASK)
    before, after = (reading.load(tmp_path / name) for name in ("a.png", "b.png"))
    assert np.array_equal(before.opacity, after.opacity)
    assert after.metadata.dpi == before.metadata.dpi


def test_arrays_are_pictures_too():
    deep = (NOISY.transpose(1, 2, 0) * 65535).astype(np.uint16)
    assert pictures.load(deep).quantum == 1 / 65535
    assert pictures.load(NOISY[0]).quantum == 0
    assert pictures.load(layout(NOISY)).name == "the array"


def test_a_degraded_picture_in_a_jpeg_file_is_said_to_be_compressed_once_more(tmp_path):
    Image.fromarray(layout(CLEAN)).save(tmp_path / "a.png")
    said = []
    for name in ("b.jpg", "b.png"):
        api.degrade_file(tmp_path / "a.png", tmp_path / name, "dejpeg:quality=20", say=said.append)
    assert [line.partition("/b")[2] for line in said] == [
        ".jpg is compressed once more, by JPEG; .png and .tif files hold what dejpeg:quality=20"
        " makes",
        ".jpg",
        ".png",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("under", ["one colour", "anything"])
def test_a_kernel_is_estimated_where_no_pixel_is_clear(tmp_path, monkeypatch, under):
    monkeypatch.chdir(tmp_path)
    scene = np.full((96, 112), 0.2)
    scene[30:70, 30:80], scene[45:60, 60:100] = 0.8, 0.5
    blurred = priorlab.degrade(scene, "deblur:kind=motion,length=7,angle=0,sigma=0")[0]
    other = np.random.default_rng(0).random(blurred.shape) if under == "anything" else 0.0
    opacity = np.zeros(blurred.shape)
    opacity[20:80] = 1
    layers = [np.where(opacity > 0, blurred, other), opacity]
    values = np.rint(np.stack(layers, -1) * 255).astype(np.uint8)
    Image.fromarray(values, "LA").save("cut-out.png")
    Image.fromarray(values[20:80, :, 0]).save("part.png")
    kernels, said = {}, []
    for name in ("cut-out", "part"):
        task = "deblur:kind=estimate,size=11,sigma=1"
        api.restore_file(
            Path(f"{name}.png"), Path("out.png"), task, "wiener", say=said.append, overwrite=True
        )
        kernels[name] = np.asarray(Image.open("out-kernel.png"))
    width = blurred.shape[1]
    assert said.count(f"estimating it from {width}x60 pixels, none of which is clear") == 1
    assert np.array_equal(kernels["cut-out"], kernels["part"])


def test_a_picture_with_clear_pixels_everywhere_shows_no_kernel():
    opacity = np.ones((32, 40), np.float32)
    opacity[::2] = 0
    image = np.stack([*CLEAN, opacity]).astype(np.float32)
    with pytest.raises(UsageError, match="no part without clear pixels that is large enough"):
        Deblur(kind="estimate").adopt_cut_out(torch.from_numpy(image[None, :3]), opacity == 0)
