"""Code that is edited while a run is going on: no result is stored under a key that is not its."""

import contextlib

import pytest

from priorlab import plugins
from priorlab.harness.results.store import Store
from priorlab.harness.run import bench
from priorlab.harness.run.plan import plan
from priorlab.harness.run.settings import settle

PLUGIN = """
from dataclasses import dataclass
from priorlab import Denoiser, hookimpl, parameter


@dataclass(frozen=True, kw_only=True)
class Edited(Denoiser):
    name = "edited"

    def denoise(self, v, sigma):
        return v


@hookimpl
def priorlab_priors():
    return [Edited]
"""


def test_a_run_whose_code_is_edited_stops_and_stores_nothing_more(using, dataset, tmp_path):
    file = tmp_path / "edited.py"
    file.write_text(PLUGIN)
    # A comment after the first cell, other code after the second.
    using(after=lambda job, count: file.write_text(PLUGIN + ("# X", "X = 1")[count > 1]))
    registry = plugins.load([file])
    settings = settle(
        {
            "dataset": dataset,
            "priors": "edited",
            "tasks": "denoise",
            "out": tmp_path / "out",
            "slots": 1,
        }
    )
    planned = plan(settings, registry)
    with pytest.raises(bench.CutShort, match="changed while the run was going on") as found:
        bench.run(settings, registry)
    assert "edited.py" in str(found.value)
    with contextlib.closing(Store(tmp_path / "out")) as store:
        assert len(store.outcomes(cell.key for cell in planned.cells)) == 2
