"""The settings of a run: typed before the suite, the suite before the defaults."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

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
    settings = settle({"tasks": "inpaint", "seeds": None, "slots": 2}, suite)
    assert settings == RunSettings(
        tasks=("inpaint",),
        slots=2,
        priors=("good",),
        dataset="set12",
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
    assert settings.images == ("house", " lena")
    assert settings.seeds == (0, 1) and {type(seed) for seed in settings.seeds} == {int}
    assert settings.out == Path("there")
    assert type(settings.threads) is int
    assert settings.dataset == "folder"
    assert settings.plugin_files == ("a.py",)
    assert settle({"seeds": 3}).seeds == (3,)


def test_a_suite_without_a_dataset_asks_for_one(suite):
    suite.write_text(SUITE.replace('dataset = "set12"\n', ""))
    with pytest.raises(UsageError, match=r"add --dataset FOLDER with the images tiny0, tiny2$"):
        settle({"tasks": "inpaint"}, suite)
    assert settle({"dataset": "there"}, suite).dataset == "there"


def test_a_suite_works_from_python(suite, dataset, calls, tmp_path):
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
