"""What torch imports with the first optimiser is imported once, not by each prior."""

import pytest

from priorlab import Regularizer, plugins
from priorlab.harness.run import bench

pytestmark = pytest.mark.usefixtures("new_slots")

PLUGIN = """
import dataclasses
import sys
from typing import ClassVar
from priorlab import Denoiser, hookimpl

class Seen(Denoiser):
    wanted: ClassVar[bool]

    def prepare(self, device, channels):
        if ("torch._dynamo" in sys.modules) != self.wanted:
            raise RuntimeError("the modules of optimisers: not as wanted")

    def denoise(self, v, sigma):
        return v

@dataclasses.dataclass(frozen=True, kw_only=True)
class Fitted(Seen):
    name = "fitted"
    optimises = True
    wanted = True

@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter(Seen):
    name = "filter"
    wanted = False

@hookimpl
def priorlab_priors():
    return [Fitted, Filter]
"""


def rows(settings, tmp_path, priors):
    file = tmp_path / "optimising.py"
    file.write_text(PLUGIN)
    chosen = settings(priors, tmp_path / "out", images=("tiny0",))
    found = bench.run(chosen, plugins.load([file])).rows
    return [(row["status"], row["message"]) for row in found.to_dict("records")]


@pytest.mark.slow
def test_optimisers_are_there_before_a_prior_that_uses_them_is_prepared(settings, tmp_path):
    assert rows(settings, tmp_path, "fitted") == [("ok", "")]


@pytest.mark.slow
def test_without_such_a_prior_in_the_run_nothing_waits_for_them(settings, tmp_path):
    assert rows(settings, tmp_path, "filter") == [("ok", "")]


def test_a_regulariser_without_a_prox_uses_them():
    class Plain(Regularizer):
        name = "plain"

        def energy(self, x):
            return x.square().flatten(1).sum(1)

    class WithProx(Plain):
        def prox(self, v, step):
            return v / (1 + 2 * step)

    assert (Plain.optimises, WithProx.optimises) == (True, False)
