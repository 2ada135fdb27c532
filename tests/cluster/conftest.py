"""What the tests of engines share: priors, tiny pictures, and a run with any engine."""

from pathlib import Path

import numpy as np
import pytest

from priorlab import plugins
from priorlab.harness.run import bench
from priorlab.harness.run.settings import settle
from priorlab.pictures import writing

PLUGIN = Path(__file__).with_name("cluster_plugin.py")
SAME = ["prior", "task", "image", "seed", "status", "psnr", "ssim", "message"]


@pytest.fixture(scope="session")
def cluster_registry():
    return plugins.load([PLUGIN])


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for index, channels in enumerate((1, 3)):
        writing.write(folder / f"tiny{index}.png", rng.random((channels, 16, 16), np.float32))
    return folder


@pytest.fixture
def run(cluster_registry, pictures, tmp_path):
    """Run priors with an engine."""

    def with_engine(engine, priors, out="out", progress=None, **typed):
        grid = {"dataset": str(pictures), "priors": priors, "tasks": "denoise"}
        settings = settle(grid | {"engine": engine, "out": tmp_path / out, "name": "run"} | typed)
        return bench.run(settings, cluster_registry, progress=progress)

    return with_engine


@pytest.fixture
def same():
    """Tell whether two tables have the same results."""
    return lambda rows, others: rows[SAME].equals(others[SAME])
