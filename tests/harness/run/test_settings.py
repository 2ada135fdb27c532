"""The settings of a run: typed before the suite, the suite before the defaults."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import priorlab
from priorlab.cli import main
from priorlab.errors import UsageError
from priorlab.harness.run.settings import RunSettings, settle

FAKES = Path(__file__).parents[1] / "fakes.py"
SUITE = """
title = "Table 2"
source = "A. Author"
notes = "Measured again."
tasks = ["denoise:sigma=15", "denoise:sigma=50"]
priors = "good"
dataset = "set12"
images = ["tiny0", "tiny2"]
seeds = [3]
threads = 2
timeout = 60
batch = 8
"""


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "table.toml"
    path.write_text(SUITE)
    return path


def test_what_is_typed_comes_before_the_suite_and_that_before_the_defaults(suite):
    typed = {"tasks": "inpaint", "seeds": None, "slots": 2, "dataset": "there"}
    settings = settle(typed, suite)
    assert settings == RunSettings(
        tasks=("inpaint",),
        slots=2,
        priors=("good",),
        dataset="there",
        public_set="set12",
        images=("tiny0", "tiny2"),
        seeds=(3,),
        threads=2,
        timeout_s=60.0,
        batch=8,
        title="Table 2",
        source="A. Author",
        notes=("Measured again.",),
    )
    assert settle({}) == RunSettings()


def test_values_of_several_kinds_become_one():
    given = {
        "priors": ["tv", "dip"],
        "images": "house, lena",
        "seeds": np.arange(2),
        "out": "there",
        "threads": np.int64(2),
        "dataset": Path("folder"),
        "plugin_files": [Path("a.py")],
    }
    settings = settle(given)
    assert settings.priors == ("tv", "dip")
    assert settings.images == ("house, lena",)
    assert settings.seeds == (0, 1) and {type(seed) for seed in settings.seeds} == {int}
    assert settings.out == Path("there")
    assert type(settings.threads) is int
    assert settings.dataset == "folder"
    assert settings.plugin_files == ("a.py",)
    assert settle({"seeds": 3}).seeds == (3,)
    assert settle({"seeds": "0, 12"}).seeds == (0, 12)
    assert settle({"device": torch.device("cuda:1")}).device == "cuda:1"
    with pytest.raises(UsageError, match="seeds '0,x' are not whole numbers with commas"):
        settle({"seeds": "0,x"})


def test_a_path_is_a_folder_also_where_a_data_set_has_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settle({"dataset": Path("photos")}).dataset == "photos", "there is no such folder"
    (tmp_path / "photos").mkdir()
    assert settle({"dataset": Path("photos")}).dataset == "./photos"
    assert settle({"dataset": "photos"}).dataset == "photos"
    assert settle({"dataset": tmp_path / "photos"}).dataset == str(tmp_path / "photos")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"timeout_s": "x"}, "timeout_s='x' is not a number"),
        ({"slots": "2"}, "slots='2' is not a whole number"),
        ({"retry": True}, "retry=True is not a whole number"),
        ({"batch": 1.5}, "batch=1.5 is not a whole number"),
        ({"out": 3}, "out=3 is not a path"),
        ({"name": 3}, "name=3 is not a text"),
        ({"device": 0}, "a device is a text such as 'cpu' or 'cuda:1', not int"),
    ],
)
def test_a_setting_of_another_kind_is_refused(setting, says):
    with pytest.raises(UsageError, match=says):
        settle(setting)


def test_repeats_without_the_timing_that_has_them_are_refused():
    with pytest.raises(UsageError, match="repeats belong to timing=exclusive; otherwise"):
        settle({"repeats": 5})
    assert settle({"repeats": 5, "timing": "exclusive"}).repeats == 5


def test_a_suite_without_a_dataset_asks_for_one(suite):
    suite.write_text(SUITE.replace('dataset = "set12"\n', ""))
    with pytest.raises(UsageError, match=r"add --dataset FOLDER with the images tiny0, tiny2$"):
        settle({"tasks": "inpaint"}, suite)
    assert settle({"dataset": "there"}, suite).dataset == "there"


def test_a_public_set_is_asked_for_with_the_place_where_it_is_published(
    suite, tmp_path, monkeypatch
):
    monkeypatch.delenv("PRIORLAB_DATA", raising=False)
    says = r"the suite table needs set12, published with the code of .*: add --dataset FOLDER$"
    with pytest.raises(UsageError, match=says):
        settle({}, suite)
    (tmp_path / "set12").mkdir()
    monkeypatch.setenv("PRIORLAB_DATA", str(tmp_path))
    assert settle({}, suite).dataset == "set12"


def test_a_set_without_digests_is_taken_at_its_word_and_that_is_said(suite):
    suite.write_text(SUITE.replace("set12", "classic5"))
    notes = settle({"dataset": "there"}, suite).notes
    assert notes[-1] == "Nothing tells whether these are the images of classic5."


FIGURES = """
[[published]]
method = "BM3D"
prior = "bm3d"
tolerance = 0.05
task = "denoise:sigma=15|50"
psnr = [31.07, 25.62]
source = "A. Author"
"""


def test_a_sweep_of_published_figures_is_one_for_each_task(suite):
    suite.write_text(SUITE.replace('images = ["tiny0", "tiny2"]', "") + FIGURES)
    found = settle({"dataset": "there"}, suite).published
    assert [(e.task, e.psnr) for e in found] == [
        ("denoise:sigma=15", 31.07),
        ("denoise:sigma=50", 25.62),
    ]
    assert settle({"dataset": "there", "images": "01"}, suite).published == (), "of other images"


def test_the_folder_of_the_data_stands_in_tasks(suite):
    suite.write_text(SUITE.replace("denoise:sigma=15", "denoise-real:shots={dataset}"))
    settings = settle({"dataset": "a,b"}, suite)
    assert settings.tasks[0] == 'denoise-real:shots="a,b"'


def test_a_file_that_is_not_there_is_asked_for(suite, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = SUITE.replace('"good"', '"checkpoint:file=net.pth"')
    suite.write_text(text + '[[files]]\nname = "net.pth"\npublished = "at example.org"\n')
    says = r"needs the file net.pth in the current folder, published at example.org; or add --prio"
    with pytest.raises(UsageError, match=says):
        settle({"dataset": "there"}, suite)
    assert settle({"dataset": "there", "priors": "tv"}, suite).priors == ("tv",)
    (tmp_path / "net.pth").touch()
    assert settle({"dataset": "there"}, suite).priors == ("checkpoint:file=net.pth",)


@pytest.mark.slow
def test_a_suite_works_from_python(suite, dataset, calls, tmp_path):
    suite.write_text(SUITE.replace('dataset = "set12"\n', ""))
    rows = priorlab.bench(
        suite=suite,
        dataset=dataset.images[0].path.parent,
        tasks="denoise:sigma=25",
        out=tmp_path / "results",
        plugin_files=[FAKES],
    )
    assert rows["task"].unique().tolist() == ["denoise:sigma=25"]
    assert rows["prior"].unique().tolist() == ["good"]
    assert rows["image"].tolist() == ["tiny0", "tiny2"]
    assert rows["seed"].tolist() == [3, 3]
    assert rows["threads"].tolist() == [2, 2]
    table = next((tmp_path / "results").glob("*/table.md")).read_text()
    assert table.startswith("# Table 2\n\nSource: A. Author\n\nMeasured again.")


def test_the_help_shows_the_defaults_that_are_used(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    settings = RunSettings()
    for shown in (",".join(settings.tasks), settings.dataset, settings.out, settings.device):
        assert f"(default: {shown})" in text
    assert f"(default: {settings.timeout_s:g})" in text
    assert f"(default: {settings.threads})" in text


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunSettings().threads = 2
