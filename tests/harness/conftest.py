"""What the harness's tests share: fake priors, tiny images, and one run of them all."""

from pathlib import Path

import numpy as np
import pytest

from priorlab import plugins
from priorlab.harness.run import bench
from priorlab.harness.run.settings import settle
from priorlab.pictures import datasets, writing

FAKES = Path(__file__).with_name("fakes.py")


@pytest.fixture(scope="session")
def registry():
    return plugins.load([FAKES])


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """Two gray images and one in colour, each 16x16."""
    folder = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(0)
    for index, channels in enumerate((1, 1, 3)):
        image = rng.random((channels, 16, 16), np.float32)
        writing.write(folder / f"tiny{index}.png", image)
    return datasets.load(str(folder))


@pytest.fixture
def calls(tmp_path_factory, monkeypatch):
    """The prior and the process of each restoration, as a function that returns a list."""
    log = tmp_path_factory.mktemp("calls") / "calls.txt"  # priors cannot read in a results folder
    log.touch()
    monkeypatch.setenv("FAKES_LOG", str(log))
    return lambda: [line.split() for line in log.read_text().splitlines()]


@pytest.fixture(scope="session")
def settings(dataset):
    """Return the settings of a run on the tiny images."""

    def make(priors, out, tasks="denoise:sigma=25", **typed):
        return settle(
            {"dataset": dataset, "priors": priors, "tasks": tasks, "out": out, "slots": 1} | typed
        )

    return make


@pytest.fixture(scope="session")
def compare(registry, settings):
    """Run priors, given as text, on the tiny images."""

    def run(priors, out, tasks="denoise:sigma=25", progress=None, command="", **typed):
        chosen = settings(priors, out, tasks, **typed)
        return bench.run(chosen, registry, progress=progress, command=command)

    return run
