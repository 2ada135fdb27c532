"""What plugins and parameters need travels to a machine that shares no disk."""

import shutil
from pathlib import Path

import pytest

from priorlab import components, plugins
from priorlab.candidates import Candidate
from priorlab.errors import UsageError
from priorlab.harness.isolation.setup import Setup
from priorlab_dask import luggage
from priorlab_dask.luggage import Unpacked, pack
from priorlab_metrics.lpips import LPIPS

PLUGIN = """
import dataclasses
from pathlib import Path
from typing import ClassVar
import helper_of_luggage
from priorlab import Denoiser, hookimpl

WEIGHTS = Path(__file__).with_name("weights.bin").read_bytes()

@dataclasses.dataclass(frozen=True, kw_only=True)
class Mine(Denoiser):
    "Mine."
    name: ClassVar[str] = "mine"
    def denoise(self, v, sigma):
        return v * helper_of_luggage.ONE

@hookimpl
def priorlab_priors():
    return [Mine]
"""


@pytest.fixture
def plugin(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "mine.py").write_text(PLUGIN)
    (folder / "helper_of_luggage.py").write_text("ONE = 1")
    (folder / "weights.bin").write_bytes(b"weights")
    (folder / "photo.raw").write_bytes(b"not named by any code")
    return folder / "mine.py"


def setup(**given):
    return Setup(**given)


def test_a_plugin_file_travels_with_what_it_imports_and_opens(plugin, tmp_path):
    packed = pack("run", setup(plugin_files=(str(plugin),)), [], [])
    shutil.rmtree(plugin.parent)
    files = Unpacked(packed, tmp_path / "there")
    there = files.translated(packed.setup)["plugin_files"]
    assert there != [str(plugin)]
    assert "mine" in plugins.load(there, only=[Candidate("mine.py", there[0]).module]).priors
    assert not [*(tmp_path / "there").rglob("photo.raw")]


def test_a_folder_of_plugins_travels_whole(plugin, tmp_path):
    packed = pack("run", setup(plugin_folders=(str(plugin.parent),)), [], [])
    files = Unpacked(packed, tmp_path / "there")
    (there,) = files.translated(packed.setup)["plugin_folders"]
    assert Path(there).is_relative_to(tmp_path / "there")
    assert {path.name for path in Path(there).iterdir()} == {
        path.name for path in plugin.parent.iterdir()
    }


def test_files_that_parameters_name_travel_and_are_named_anew(tmp_path):
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"a mask")
    registry = plugins.load()
    (task,) = registry.build_tasks(f'inpaint:mask="{mask}"')
    packed = pack("run", setup(), [("tasks", task)], [])
    mask.unlink()
    files = Unpacked(packed, tmp_path / "there")
    ((_, described),) = files.translated(packed.components)
    there = components.from_description(described, "tasks", registry.find)
    assert there.fingerprint()["parameters"]["mask"].startswith("sha256:")
    assert there.spec() != task.spec()


def test_files_of_metrics_travel_and_are_named_anew_in_the_setup(tmp_path):
    file = tmp_path / "backbone.pth"
    file.write_bytes(b"weights")
    metric = LPIPS(backbone=str(file))
    described = {"module": "priorlab_metrics", "parameters": components.description(metric)}
    packed = pack("run", setup(metrics={"lpips": described}), [("metrics", metric)], [])
    file.unlink()
    there = Unpacked(packed, tmp_path / "there").translated(packed.setup)["metrics"]["lpips"]
    assert Path(there["parameters"]["parameters"]["backbone"]).read_bytes() == b"weights"


def test_what_is_too_large_is_refused_by_name(plugin, monkeypatch):
    monkeypatch.setattr(luggage, "MOST", 1000)
    (plugin.parent / "weights.bin").write_bytes(bytes(2000))
    with pytest.raises(UsageError, match=r"weights.bin is the largest.*make a package"):
        pack("run", setup(plugin_files=(str(plugin),)), [], [])
