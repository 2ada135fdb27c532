"""What a plugin changes when it is imported, it changes for its own priors only."""

import tempfile

import numpy as np
import pytest
import torch

from priorlab import metrics, plugins
from priorlab.harness.run import bench
from priorlab.pictures import reading

PLUGIN = """
import dataclasses
import torch
from priorlab import Prior, hookimpl
from priorlab.trace import SILENT

{change}

@dataclasses.dataclass(frozen=True, kw_only=True)
class Looks(Prior):
    name = "{name}"

    def restore(self, measurement, trace=SILENT, seed=0):
        return torch.full(measurement.shape, float(hasattr(torch, "changed_by_a_plugin")))

@hookimpl
def priorlab_priors():
    return [Looks]
"""


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    changes = {"spoils": "torch.changed_by_a_plugin = True", "plain": ""}
    for name, change in changes.items():
        (folder / f"{name}.py").write_text(PLUGIN.format(name=name, change=change))
    yield [folder / f"{name}.py" for name in changes]
    vars(torch).pop("changed_by_a_plugin", None)  # where this process imported it


def test_a_plugin_that_changes_torch_changes_it_for_itself(files, settings, dataset, tmp_path):
    chosen = settings("spoils,plain", tmp_path / "out", images=("tiny0",))
    rows = bench.run(chosen, plugins.load(files)).rows.set_index("prior")
    assert rows["status"].tolist() == ["ok", "ok"]
    clean = reading.read(dataset.images[0].path)
    for name, gray in (("plain", 0.0), ("spoils", 1.0)):
        assert rows["psnr"][name] == pytest.approx(metrics.psnr(np.full_like(clean, gray), clean))


WRITES = """
import dataclasses, os, tempfile
from pathlib import Path
from priorlab import Prior, hookimpl
from priorlab.trace import SILENT

@dataclasses.dataclass(frozen=True, kw_only=True)
class Writes(Prior):
    name = "{name}"

    def restore(self, measurement, trace=SILENT, seed=0):
        with tempfile.NamedTemporaryFile(dir=os.environ["TMPDIR"]) as file:
            file.write(b"x")
        {also}
        return measurement.initial_guess()

@hookimpl
def priorlab_priors():
    return [Writes]
"""


@pytest.mark.slow
@pytest.mark.usefixtures("new_slots")
def test_lone_files_are_safe_from_each_other_and_may_lie_among_temporary_files(
    settings, tmp_path, monkeypatch
):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    files = [folder / "one.py", folder / "two.py", tmp_path / "three.py"]
    attack = f"Path({str(files[1])!r}).open('r+b')"
    files[0].write_text(WRITES.format(name="one", also=attack))
    files[1].write_text(WRITES.format(name="two", also=""))
    files[2].write_text(WRITES.format(name="three", also=attack))
    chosen = settings("one,two,three", tmp_path / "out", images=("tiny0",))
    rows = bench.run(chosen, plugins.load(files)).rows.set_index("prior")
    assert rows["status"].to_dict() == {"one": "failed", "two": "ok", "three": "failed"}
    for name in ("one", "three"):
        assert "two.py'; a prior cannot write among the images" in rows["message"][name]
