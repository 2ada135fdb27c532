"""Which pictures files, folders and patterns stand for, and where the results go."""

import os
from pathlib import Path

import pytest

from priorlab.errors import UsageError
from priorlab.pictures import collection
from priorlab.pictures.collection import collect

OUT = "out/"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.png", "sub/a.jpg", "sub/deep/c.TIF", "sub/notes.txt", "sub/.x.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def places(*given, output=OUT):
    return {str(f.source): str(f.place) for f in collect(given, output).pictures}


def test_files_go_into_the_folder_itself():
    assert places("a.jpg", "sub/deep/c.TIF") == {"a.jpg": "a.jpg", "sub/deep/c.TIF": "c.TIF"}


def test_a_folder_keeps_its_structure_and_names_what_is_left_out():
    found = collect(["sub"], OUT)
    assert [str(f.place) for f in found.pictures] == ["a.jpg", "deep/c.TIF"]
    assert found.left_out == ("sub/notes.txt",)


def test_a_folder_beside_others_keeps_its_name():
    assert places("a.jpg", "sub/")["sub/a.jpg"] == "sub/a.jpg"
    assert places("*")["sub/deep/c.TIF"] == "sub/deep/c.TIF"


def test_patterns_are_understood():
    assert list(places("*.jpg", "b.*")) == ["a.jpg", "b.png"]
    assert list(places("sub/**/*.TIF")) == ["sub/deep/c.TIF"]


def test_a_name_with_brackets_is_a_name(folder):
    (folder / "[1].png").touch()
    assert places("[1].png") == {"[1].png": "[1].png"}
    assert collect(["[1].png"], "clean.png").to_file


def test_one_picture_of_a_file_of_several_is_a_file(folder):
    (folder / "scan.tif").touch()
    assert places("scan.tif[3]", "a.jpg")["scan.tif[3]"] == "scan-3.tif"
    assert collect(["scan.tif[3]"], "clean.png").to_file


def test_what_is_named_twice_comes_once():
    assert list(places("a.jpg", "./a.jpg", "*.jpg")) == ["a.jpg"]


def test_results_in_the_folder_are_not_taken_for_pictures(folder):
    (folder / "sub/out").mkdir()
    (folder / "sub/out/a.jpg").touch()
    assert list(places("sub", output="sub/out")) == ["sub/a.jpg", "sub/deep/c.TIF"]


def test_links_to_folders_are_not_followed_but_named(folder):
    os.symlink(folder, folder / "sub/loop")
    assert "sub/loop (a link)" in collect(["sub"], OUT).left_out


def test_a_suffix_that_is_not_written_becomes_png(folder):
    (folder / "scan.xyz").touch()
    assert places("scan.xyz") == {"scan.xyz": "scan.png"}


def test_a_suffix_that_is_not_written_takes_no_name_of_another_result(folder):
    for name in ("sub/b.gif", "sub/b.png", "sub/d.gif", "sub/d.jp2", "sub/e.gif", "sub/e.jpg"):
        (folder / name).touch()
    found = {source[4:]: place for source, place in places("sub").items()}
    assert found["b.png"] == "b.png" and found["b.gif"] == "b.gif.png"
    assert (found["d.gif"], found["d.jp2"]) == ("d.gif.png", "d.jp2.png")
    assert (found["e.gif"], found["e.jpg"]) == ("e.png", "e.jpg")
    assert places("sub/b.gif", "sub/b.png")["sub/b.gif"] == "b.gif.png"


ONE, TWO = "caf\u00e9", "cafe\u0301"
"""An accented letter as one character, and as two."""


@pytest.mark.parametrize(("stored", "typed"), [(ONE, TWO), (TWO, ONE)])
def test_names_are_found_however_their_accents_are_composed(stored, typed, folder):
    for name in (f"{stored}.png", f"{stored}/{stored}.tif", "other.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert places(f"{typed}.png") == {f"{stored}.png": f"{stored}.png"}
    inner = f"{stored}/{stored}.tif"
    assert places(f"{typed}/{typed}.tif[3]") == {f"{inner}[3]": f"{stored}-3.tif"}
    assert list(places(typed)) == [inner]
    assert list(places(f"{typed}*.png")) == [f"{stored}.png"]
    assert collect(["a.jpg", "b.png"], typed).folder == Path(stored)
    with pytest.raises(UsageError, match=r"cannot read .*: No such file"):
        collect(["n\u00f6.png"], OUT)


@pytest.mark.parametrize(
    "pair", [("B.png", "b.png"), (f"{ONE}.png", f"{TWO}.png"), ("SUB/a.jpg", "sub/a.jpg")]
)
@pytest.mark.parametrize("one_name", [False, True])
def test_names_that_the_disk_takes_for_one_are_refused_beforehand(
    pair, one_name, folder, monkeypatch
):
    """Such a disk cannot be had in a test: whether it is one is pretended."""
    (folder / "in").mkdir()
    for name in pair:
        (folder / "in" / name).parent.mkdir(exist_ok=True)
        (folder / "in" / name).touch()
    if one_name:
        monkeypatch.setattr(collection, "is_one_name", lambda *_: True)
        with pytest.raises(UsageError, match="would both be written to"):
            places("in")
    else:
        assert set(places("in").values()) == set(pair)
    assert not (folder / "out").exists()


def test_a_suffix_that_is_not_written_takes_no_name_that_differs_in_capitals_only(folder):
    for name in ("sub/B.png", "sub/b.gif"):
        (folder / name).touch()
    assert places("sub")["sub/b.gif"] == "b.gif.png"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["none.png"], "cannot read none.png: No such file or directory"),
        (["*.gif"], r"no file matches '\*.gif'"),
        (["a.jpg", "sub/a.jpg"], "a.jpg and sub/a.jpg would both be written to a.jpg"),
        (["empty"], "empty: no pictures"),
        ([], "at least one picture"),
    ],
)
def test_what_cannot_be_is_refused(given, says, folder):
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match=says):
        collect(given, OUT)
