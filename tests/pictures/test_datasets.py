"""Datasets: named ones, folders and files; what cannot be used is said, not skipped."""

import dataclasses
import itertools
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from priorlab.errors import UsageError
from priorlab.pictures import arrays, datasets, reading, writing
from priorlab.pictures.datasets import DatasetSource

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "mine"
    path.mkdir()
    return path


def picture(path: Path, channels=1, side=16):
    writing.write(path, RNG.random((channels, side, side + 1)))
    return path


def names(dataset):
    return [image.name for image in dataset.images]


def test_photos():
    dataset = datasets.load("photos")
    assert dataset.name == "photos" and not dataset.problems
    assert names(dataset) == ["astronaut", "camera", "chelsea", "coffee", "gravel", "rocket"]
    assert [image.channels for image in dataset.images] == [3, 1, 3, 3, 1, 3]
    assert {(image.height, image.width) for image in dataset.images} == {(256, 256)}
    # Tables of `photos` are only comparable while its pixels stay what they are.
    assert dataset.digest.startswith("56c48515814d22da")


def test_a_folder_with_the_name_of_a_data_set_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    picture(tmp_path / "photos" / "mine.png")
    said = "photos is the data set of that name; write ./photos for the folder photos here"
    assert datasets.load("photos").remarks == (said,)
    assert names(datasets.load("./photos")) == ["mine"] and not datasets.load("./photos").remarks
    monkeypatch.chdir(Path(datasets.__file__).parents[1])
    assert not datasets.load("photos").remarks, "it is that folder"


def test_photos_are_small_and_documented():
    photos = Path(datasets.__file__).parents[1] / "photos"
    files = sorted(photos.glob("*.png"))
    assert sum(file.stat().st_size for file in files) <= 900_000
    text = (photos / "README.md").read_text()
    assert all(file.name in text for file in files)


def test_images_in_subfolders_do_not_count_which_is_said(folder):
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").write_text("no image")
    (folder / "more" / "deep").mkdir(parents=True)
    picture(folder / "more" / "deep" / "3.png")
    with pytest.raises(UsageError, match=r"holds no images .*; those below more do not count"):
        datasets.load(str(folder))
    picture(folder / "1.png")
    dataset = datasets.load(str(folder))
    assert names(dataset) == ["1"]
    assert dataset.problems == ("more: images in subfolders do not count",)


def test_folder_in_natural_order(folder):
    for name in ("10.png", "2.tif", "b.bmp", "A.PNG", "1.jpg"):
        picture(folder / name)
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_text("no image")
    dataset = datasets.load(str(folder))
    assert dataset.name == "mine" and not dataset.problems
    assert names(dataset) == ["1", "2", "10", "A", "b"]
    image = dataset.images[1]
    assert (image.channels, image.height, image.width) == (1, 16, 17)
    assert image.path == (folder / "2.tif").resolve()
    assert image.digest == arrays.digest(reading.read(image.path))


def test_equal_stems_stay_distinct(folder):
    for name in ("a.png", "a.jpg", "a.png.png", "b.png"):
        picture(folder / name)
    assert names(datasets.load(str(folder))) == ["a.jpg", "a.png", "a.png.png", "b.png"]


@pytest.mark.parametrize("given", [".", "../mine", "../mine/"])
def test_a_relative_folder_is_named_by_its_real_name(folder, monkeypatch, given):
    picture(folder / "a.png")
    monkeypatch.chdir(folder)
    dataset = datasets.load(given)
    assert dataset.name == "mine"
    assert dataset.images[0].path.is_absolute()


def test_a_folder_and_a_file_are_found_however_their_accents_are_composed(tmp_path):
    stored, typed = "cafe\u0301", "caf\u00e9"
    (tmp_path / stored).mkdir()
    picture(tmp_path / stored / f"{stored}.png")
    assert names(datasets.load(str(tmp_path / typed))) == [stored]
    assert names(datasets.load(str(tmp_path / typed / f"{typed}.png"))) == [stored]
    assert not datasets.is_name(str(tmp_path / typed))


def test_single_file(folder):
    path = picture(folder / "a.b.png", channels=3)
    picture(folder / "other.png")
    dataset = datasets.load(str(path))
    assert (dataset.name, names(dataset)) == ("a.b", ["a.b"])


def test_unusable_images_are_reported_and_the_rest_is_used(folder):
    picture(folder / "good.png")
    (folder / "bad.png").write_bytes(b"junk")
    (folder / "folder.png").mkdir()
    picture(folder / "tiny.png", side=15)
    dataset = datasets.load(str(folder))
    assert names(dataset) == ["good"]
    assert [problem.partition(".png ")[2] for problem in dataset.problems] == [
        "is not an image that can be read (PNG, JPEG, TIFF, BMP, WebP, AVIF, HEIC, GIF,"
        " JPEG 2000, camera raw or NumPy's .npy)",
        "is a folder, not an image file",
        "is 16x15 pixels; the smallest image is 16x16",
    ]


def test_what_is_left_out_or_changed_in_reading_is_said_once_with_the_names(folder):
    pages = [Image.new("RGB", (20, 16), colour) for colour in ("red", "blue")]
    pages[0].save(folder / "a.tif", save_all=True, append_images=pages[1:])
    for name in "bcdefgh":
        pages[0].convert("P").save(folder / f"{name}.png")
    Image.new("LA", (20, 16), (90, 100)).save(folder / "clear.png")
    dataset = datasets.load(str(folder))
    assert dataset.remarks == (
        "a.tif: the first of the 2 pictures in a.tif is used; a.tif[1] is the second",
        "b.png, c.png, d.png, e.png, f.png and 2 more: its palette was expanded to RGB",
        "clear.png: what is transparent is shown on white",
    )
    assert not dataset.notes and not dataset.problems
    few = dataclasses.replace(dataset, images=dataset.images[:1])
    assert few.remarks == dataset.remarks[:1]
    second = datasets.load(str(folder / "a.tif[1]"))
    assert (second.name, names(second), second.remarks) == ("a", ["a"], ())
    assert second.images[0].read()[:, 0, 0].tolist() == [0, 0, 1]
    with pytest.raises(UsageError, match=r"a\.tif\[2\] does not exist"):
        datasets.load(str(folder / "a.tif[2]"))


def test_nothing_usable(folder):
    with pytest.raises(UsageError, match="holds no images"):
        datasets.load(str(folder))
    (folder / "bad.png").write_bytes(b"junk")
    with pytest.raises(UsageError, match=r"holds no usable image: .*bad\.png is not an image"):
        datasets.load(str(folder))
    with pytest.raises(UsageError, match=r"bad\.png is not an image"):
        datasets.load(str(folder / "bad.png"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photo", "unknown dataset 'photo'; did you mean 'photos'"),
        ("no/such/folder", "there is no such folder or file"),
        ("missing.png", "there is no such folder or file"),
        ("", "unknown dataset|no such"),
    ],
)
def test_unknown(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        datasets.load(text)


def test_known_sets_say_where_to_put_them(tmp_path, monkeypatch):
    monkeypatch.delenv("PRIORLAB_DATA", raising=False)
    with pytest.raises(UsageError, match="into a folder set12 and set PRIORLAB_DATA"):
        datasets.load("set12")
    monkeypatch.setenv("PRIORLAB_DATA", str(tmp_path))
    with pytest.raises(UsageError, match=r"published with the code of DnCNN, https://github"):
        datasets.load("set12")
    (tmp_path / "set12").mkdir()
    picture(tmp_path / "set12" / "01.png")
    with pytest.raises(UsageError, match="not hold exactly the images known as set12; name the"):
        datasets.load("set12")
    assert names(datasets.load(str(tmp_path / "set12"))) == ["01"]


def test_digest_is_that_of_the_pixels(tmp_path):
    found = []
    for suffix, order in itertools.product((".png", ".tif"), ([0, 1], [1, 0])):
        path = tmp_path / f"{suffix[1:]}{order[0]}"
        path.mkdir()
        pixels = [np.full((1, 16, 16), value) for value in (0.0, 1.0)]
        for i, which in enumerate(order):
            writing.write(path / f"{i}{suffix}", pixels[which])
        found.append(datasets.load(str(path)).digest)
    assert len(set(found)) == 1


def test_source_of_a_plugin(folder):
    picture(folder / "a.png")
    expected = datasets.load(str(folder)).digest
    for source in (
        DatasetSource("holiday", "My pictures.", folder),
        DatasetSource("holiday", "My pictures.", lambda: folder, expected),
    ):
        dataset = source.load()
        assert (dataset.name, names(dataset)) == ("holiday", ["a"])


def test_a_source_that_raises_is_named():
    def find():
        raise RuntimeError("no network")

    source = DatasetSource("mine", "Mine.", find)
    with pytest.raises(UsageError, match=r"^the dataset mine cannot be loaded: .*no network$"):
        source.load()


def test_plugins_offer_datasets(folder, tmp_path):
    from priorlab import plugins

    picture(folder / "a.png")
    plugin = tmp_path / "my_data.py"
    plugin.write_text(
        "from pathlib import Path\n"
        "from priorlab.pictures.datasets import DatasetSource\n"
        "from priorlab.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def priorlab_datasets():\n"
        f"    return [DatasetSource('holiday', 'My pictures.', Path({str(folder)!r}))]\n"
    )
    sources = plugins.load([plugin]).datasets
    assert names(datasets.load("holiday", sources)) == ["a"]
    assert len(datasets.load("photos", sources).images) == 6
    with pytest.raises(UsageError, match="did you mean 'holiday'"):
        datasets.load("holidays", sources)


def test_only_the_named_sources_are_known(folder):
    picture(folder / "a.png")
    sources = {"holiday": DatasetSource("holiday", "My pictures.", folder)}
    assert names(datasets.load("holiday", sources)) == ["a"]
    with pytest.raises(UsageError, match="unknown dataset 'photos'"):
        datasets.load("photos", sources)


def test_images_of_any_number_of_channels(folder):
    for suffix, channels in ((".npy", 4), (".tif", 2), (".png", 1)):
        writing.write(folder / f"{channels}{suffix}", np.full((channels, 16, 20), 0.25))
    dataset = datasets.load(str(folder))
    assert not dataset.problems
    assert [(i.name, i.channels, i.height, i.width) for i in dataset.images] == [
        ("1", 1, 16, 20),
        ("2", 2, 16, 20),
        ("4", 4, 16, 20),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text there")
def test_a_name_that_is_not_utf8_is_a_problem_that_can_be_printed(folder):
    picture(folder / "good.png")
    odd = os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")
    shutil.copyfile(folder / "good.png", odd)
    dataset = datasets.load(str(folder))
    assert names(dataset) == ["good"]
    (problem,) = dataset.problems
    assert problem.startswith("the name of the file ") and problem.endswith(
        "is not UTF-8; rename it"
    )
    assert problem.encode()
