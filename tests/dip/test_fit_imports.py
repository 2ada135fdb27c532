"""What a fit imports, `prepare` has imported: a forked process starts with it."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys, torch
from priorlab import plugins, restoration
registry = plugins.load()
(prior,), (task,) = registry.build_priors(sys.argv[1]), registry.build_tasks("denoise")
measurement = task.measure(torch.full((1, 1, 32, 32), 0.5), seed=0)
prior.prepare(torch.device("cpu"), 1)
before = set(sys.modules)
restoration.run(prior, measurement, prepared=True)
print(len(set(sys.modules) - before))
"""


@pytest.mark.parametrize("spec", ["dip:iterations=2", "zs-n2n:iterations=2", "siren:iterations=2"])
def test_a_fit_imports_next_to_nothing_after_prepare(spec: str) -> None:
    run = [sys.executable, "-c", SCRIPT, spec]
    imported = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert int(imported) < 20
