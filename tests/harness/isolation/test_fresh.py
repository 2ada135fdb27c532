"""Where forking is not safe, each cell has a fresh process, and the same comes of it."""

import pytest
import torch

from priorlab import components, plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.harness.isolation.attempt import Watcher, watch
from priorlab.harness.isolation.block import Block
from priorlab.harness.isolation.nursery import Nursery, Unborn
from priorlab.harness.isolation.setup import Setup


@pytest.fixture(scope="module")
def registry():
    return plugins.load()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_fresh_process_restores_what_a_fork_does(registry):
    (prior,), (task,) = registry.build_priors("tv"), registry.build_tasks("denoise")
    measurement = task.measure(torch.rand(1, 1, 16, 16), seed=0)
    nursery = Nursery(Setup(), zygote=None, on_note=print)
    seen = []
    watcher = Watcher(lambda: seen.append("began"), lambda *step: None, lambda *image: None, print)
    for job in ("one", "two"):
        process = nursery.start(components.description(prior), 1, job)
        block = Block.make(measurement)
        result = watch(process, job, block, 3, Setup(), watcher)
        assert (result.status, result.message) == ("ok", "")
        assert torch.equal(result.image, restoration.run(prior, measurement, seed=3))
        assert process.prepare_seconds > 0 and result.seconds > 0
        del block
    assert seen == ["began", "began"]
    with pytest.raises(Unborn, match="unknown prior"):
        nursery.start({"name": "tvv", "parameters": {}}, 1, "three")
    nursery.close()


def test_measurements_are_handed_over_as_they_are(registry):
    for task in registry.build_tasks("inpaint,deblur,superres,denoise-real,denoise-poisson,dejpeg"):
        measurement = task.measure(torch.rand(1, 3, 32, 32), seed=0)
        block = Block.make(measurement)
        again = block.measurement()
        assert isinstance(again, Measurement)
        assert torch.equal(again.y, measurement.y)
        assert torch.equal(again.initial_guess(), measurement.initial_guess())
        del again
        block.close()
