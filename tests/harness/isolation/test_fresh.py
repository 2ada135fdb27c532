"""Where forking is not safe, each cell has a fresh process, and the same comes of it."""

import dataclasses
import json
import os

import pytest
import torch
from harness.isolation.kernel import filters_are_known, landlock_is_known

from priorlab import components, plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.harness.isolation import fresh, memory_files
from priorlab.harness.isolation.attempt import Watcher, watch
from priorlab.harness.isolation.block import Block
from priorlab.harness.isolation.channel import Channel
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


@pytest.mark.skipif(not (filters_are_known() and landlock_is_known()), reason="the kernel cannot")
def test_a_fresh_process_is_confined_before_it_loads_a_plugin(tmp_path, monkeypatch):
    images, store = tmp_path / "images", tmp_path / "store.sqlite"
    images.mkdir()
    (images / "a.png").write_text("x")
    store.write_text("x")
    parent = os.getpid()
    ours, theirs = Channel.pair()

    def load(*arguments, **more):
        done = []
        for act in (
            (images / "a.png").read_bytes,
            store.read_bytes,
            lambda: store.write_text("y"),
            lambda: os.setpriority(os.PRIO_PROCESS, parent, 1),
        ):
            try:
                act()
                done.append(True)
            except PermissionError:
                done.append(False)
        theirs.send({"done": done})
        os._exit(0)

    monkeypatch.setattr(fresh.plugins, "load", load)
    setup = Setup(private=(str(images), str(store)))
    file = memory_files.holding(json.dumps(dataclasses.asdict(setup)).encode())
    ours.send({"parent": parent}, [file])
    os.close(file)
    pid = os.fork()
    if not pid:
        try:
            fresh.main(theirs.fileno())
        finally:
            os._exit(3)
    assert ours.receive().message == {"done": [False] * 4}
    assert os.waitpid(pid, 0)[1] == 0
    ours.close()
    theirs.close()
