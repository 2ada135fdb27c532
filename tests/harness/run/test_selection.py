"""What a run names: names with commas, what is named twice, what is there beside a public set."""

import dataclasses
from types import MappingProxyType

import pandas as pd
import pytest
from sample_pictures import picture, save

from priorlab.errors import UsageError
from priorlab.harness.results import runs
from priorlab.harness.run import manifest, plan, selection
from priorlab.pictures.known_sets import KnownSet


@pytest.fixture
def named(dataset):
    """The tiny images, two with commas in their names."""
    names = ("x,y", "x", "x, y,z")
    images = (
        dataclasses.replace(image, name=name)
        for image, name in zip(dataset.images, names, strict=True)
    )
    return dataclasses.replace(dataset, images=tuple(images))


@pytest.mark.parametrize(
    ("images", "chosen"),
    [
        ("x,y", ["x,y"]),
        (" x , x,y", ["x,y", "x"]),
        ("x, y,z,x,", ["x", "x, y,z"]),
        (["x,y", "x"], ["x,y", "x"]),
    ],
)
def test_an_image_with_a_comma_in_its_name_can_be_chosen(
    settings, registry, tmp_path, named, images, chosen
):
    found = selection.select(settings("good", tmp_path, dataset=named, images=images), registry)
    assert [image.name for image in found.dataset.images] == chosen


@pytest.mark.parametrize("accents", [("\u00e9", "e\u0301"), ("e\u0301", "\u00e9")])
def test_an_image_is_found_however_its_accents_are_composed(
    settings, registry, tmp_path, dataset, accents
):
    stored, typed = (f"caf{accent}" for accent in accents)
    first = dataclasses.replace(dataset.images[0], name=stored)
    some = dataclasses.replace(dataset, images=(first, *dataset.images[1:]))
    found = selection.select(settings("good", tmp_path, dataset=some, images=typed), registry)
    assert [image.name for image in found.dataset.images] == [stored]


@pytest.mark.parametrize(
    ("images", "unknown"), [("x,z", "'z'"), (",", "at least one image"), ("x,y,z", "'z'")]
)
def test_a_wrong_name_is_told(settings, registry, tmp_path, named, images, unknown):
    with pytest.raises(UsageError, match=unknown):
        selection.select(settings("good", tmp_path, dataset=named, images=images), registry)


def test_what_is_named_twice_counts_once_and_is_said(settings, registry, tmp_path):
    typed = {"priors": "good,nan,good", "tasks": "denoise:sigma=25|15,denoise"}
    planned = plan.plan(settings(**typed, out=tmp_path, seeds="1,0,1,1"), registry)
    found = planned.selection
    assert [len(axis) for axis in (found.priors, found.tasks, found.seeds)] == [2, 2, 2]
    assert planned.notes == tuple(
        f"{named} are named, 2 of them different" for named in ("3 priors", "3 tasks", "4 seeds")
    )
    assert planned.notes[0] in planned.text()
    assert plan.plan(settings("good,nan", tmp_path, seeds="0,1"), registry).notes == ()


def test_what_is_there_beside_a_public_set_is_said(
    settings, registry, tmp_path, dataset, monkeypatch
):
    first, second, third = dataset.images
    public = KnownSet("two", "Two images.", "nowhere", "", {"a": first.digest, "b": second.digest})
    monkeypatch.setattr(selection, "known_sets", lambda: MappingProxyType({"two": public}))
    copy = dataclasses.replace(first, name="copy")
    typed = settings("good", tmp_path)

    def chosen(*images):
        there = dataclasses.replace(dataset, images=images)
        asked = dataclasses.replace(typed, dataset=there, public_set="two")
        return selection.select(asked, registry).dataset

    found = chosen(first, second, third, copy)
    assert [image.name for image in found.images] == ["a", "b"]
    (note,) = found.notes
    assert note.startswith("2 images are left out of ") and "not of two, or there twice" in note
    assert chosen(second, first).notes == ()


def test_what_was_changed_in_reading_images_stands_in_the_plan_and_below_the_tables(
    settings, registry, tmp_path, dataset
):
    first, second, third = dataset.images
    marked = dataclasses.replace(second, notes=("its palette was expanded to RGB",))
    there = dataclasses.replace(dataset, images=(first, marked, third), notes=("white is 4095",))
    said = ["white is 4095", "tiny1.png: its palette was expanded to RGB"]
    for images, notes in ((None, said), (("tiny0",), said[:1])):
        chosen = settings("good", tmp_path, dataset=there, images=images)
        planned = plan.plan(chosen, registry)
        assert planned.text().splitlines()[1 : 1 + len(notes)] == notes
        info = manifest.manifest(planned, chosen, registry, "")
        run = runs.Run(tmp_path, pd.DataFrame({"prior": ["good"] * info["total"]}), info)
        assert run.header.notes == [f"Images: {note}." for note in notes]


@pytest.mark.parametrize("name", ["cut", "cut.png"])
def test_an_image_that_cannot_be_read_is_named_with_its_own_problem(
    name, tmp_path, settings, registry
):
    for other in ("a.png", "cut.png"):
        (tmp_path / other).touch()
    save(tmp_path / "good.png", picture(32, 32))
    asked = settings("good", tmp_path, dataset=str(tmp_path), images=name)
    with pytest.raises(UsageError, match=rf"'{name}'.*; {tmp_path}/cut.png is an empty file"):
        selection.select(asked, registry)
