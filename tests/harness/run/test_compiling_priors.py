"""What numba loads when it first compiles is loaded once, not by each prior."""

import pytest

from priorlab import plugins
from priorlab.harness.run import bench

pytestmark = pytest.mark.usefixtures("new_slots")

PLUGIN = """
import dataclasses
import sys
import numba
from priorlab import Denoiser, hookimpl

@dataclasses.dataclass(frozen=True, kw_only=True)
class Compiles(Denoiser):
    name = "compiles"

    def prepare(self, device, channels):
        known = set(sys.modules)
        assert numba.njit(lambda number: number + 1)(1) == 2
        late = {name for name in set(sys.modules) - known if name.startswith("numba.")}
        if late:
            raise RuntimeError(f"loaded by this prior for itself: {sorted(late)}")

    def denoise(self, v, sigma):
        return v

@hookimpl
def priorlab_priors():
    return [Compiles]
"""


@pytest.mark.slow
def test_what_compiling_needs_is_there_before_a_prior_is_prepared(settings, tmp_path):
    file = tmp_path / "compiling.py"
    file.write_text(PLUGIN)
    chosen = settings("compiles", tmp_path / "out", images=("tiny0",))
    (row,) = bench.run(chosen, plugins.load([file])).rows.to_dict("records")
    assert (row["status"], row["message"]) == ("ok", "")
