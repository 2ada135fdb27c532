"""The command line: answering what needs no torch, finding a mistake, restoring.

    python -m pytest benchmarks/test_start_speed.py --benchmark-enable

The picture is small: nearly all of its time goes into imports and into loading compiled loops. A
process that only imports torch, and ends as Python does, is measured beside them.
"""

import subprocess
import sys

import pytest
from PIL import Image
from skimage.data import astronaut, camera

COMMANDS = {
    "--help": ["--help"],
    "list": ["list"],
    "show": ["show", "dip"],
    "typo": ["restore", "a.png", "--prior", "tvv", "-o", "b.png"],
}


@pytest.mark.benchmark(group="Whole process", warmup=True, min_rounds=5)
@pytest.mark.parametrize("prior", ["tv", "wavelet", "bm3d", "nlm", "unet"])
def test_restore(benchmark, prior, tmp_path):
    benchmark.extra_info["method"] = f"restore --prior {prior}"
    Image.fromarray(camera()[::4, ::4]).save(tmp_path / "a.png")
    typed = ["restore", "a.png", "-o", "b.png", "--overwrite", "--prior", prior]

    def run():
        process = [sys.executable, "-m", "priorlab", *typed]
        return subprocess.run(process, capture_output=True, cwd=tmp_path).returncode

    assert benchmark(run) == 0


@pytest.mark.benchmark(group="Whole process", warmup=True, min_rounds=5)
def test_torch_alone(benchmark):
    benchmark.extra_info["method"] = "import of torch"
    process = [sys.executable, "-c", "import gc; gc.disable(); import torch; gc.freeze()"]
    assert benchmark(lambda: subprocess.run(process).returncode) == 0


@pytest.mark.benchmark(group="Whole process", warmup=True, min_rounds=10)
@pytest.mark.parametrize("command", COMMANDS)
def test_start(benchmark, command):
    benchmark.extra_info["method"] = command

    def run():
        typed = [sys.executable, "-m", "priorlab", *COMMANDS[command]]
        return subprocess.run(typed, capture_output=True).returncode

    assert benchmark(run) == (2 if command == "typo" else 0)


@pytest.mark.benchmark(group="A call in a session, colour, 256x256", warmup=True, min_rounds=20)
@pytest.mark.parametrize("prior", ["degraded", "tv"])
def test_call(benchmark, prior):
    """What `priorlab.restore` adds to a prior: finding the plugin and checking its result."""
    import priorlab

    benchmark.extra_info["method"] = f"restore with {prior}"
    picture = astronaut()[:256, :256]
    assert benchmark(priorlab.restore, picture, "denoise:sigma=25", prior).shape == picture.shape
