"""What is imported with a first picture is imported before the clock of a cell starts."""

import pickle
import subprocess
import sys

import pytest
import torch

from priorlab import plugins

SCRIPT = """
import os, pickle, sys
import torch
from priorlab import plugins, restoration
from priorlab.errors import Unsupported
from priorlab.harness.isolation import inside, zygote

inside.settle(threads=1)
zygote.import_late_parts()
registry = plugins.load(only=["priorlab_handcrafted"])
for prior in registry.build_priors(sys.argv[2]):
    if os.fork():
        os.wait()
        continue
    prior.prepare(torch.device("cpu"), 3)
    with open(sys.argv[1], "rb") as file:
        measurements = pickle.load(file)
    for task, measurement in measurements.items():
        sys.stdout.flush()
        if os.fork():
            os.wait()
            continue
        before = set(sys.modules)
        try:
            restoration.run(prior, measurement, prepared=True)
        except Unsupported:
            os._exit(0)
        new = sorted(set(sys.modules) - before)
        print(*(f"{prior.spec()} {task} {name}" for name in new), sep="\\n" * bool(new), flush=True)
        os._exit(0)
    os._exit(0)
"""

PRIORS = "tv,degraded,linear,biharmonic"
TASKS = (
    *("denoise", "denoise-impulse", "denoise-impulse:values=any", "denoise-real", "inpaint"),
    *("superres", "deblur", "deblur:boundary=unknown", "dejpeg"),
)


@pytest.mark.slow
def test_nothing_is_imported_while_a_picture_is_restored(tmp_path):
    registry = plugins.load()
    clean = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    measured = {task: registry.build_tasks(task)[0].measure(clean, seed=0) for task in TASKS}
    file = tmp_path / "measurements"
    file.write_bytes(pickle.dumps(measured))
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(file), PRIORS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.split() == []
