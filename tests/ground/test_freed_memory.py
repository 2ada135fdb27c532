"""A process keeps the memory that it freed, unless the user says otherwise."""

import os
import platform
import subprocess
import sys

import pytest

ROUNDS, BLOCKS, BLOCK = 20, 4, 20 << 20
PAGES = BLOCKS * BLOCK // os.sysconf("SC_PAGE_SIZE")
CODE = f"""
import resource
import numpy as np
from priorlab.ground import freed_memory
freed_memory.keep()
for round in range({ROUNDS}):
    blocks = [np.ones({BLOCK}, np.uint8) for _ in range({BLOCKS})]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def faults(**variables):
    """Return how many pages the system handed out to a process."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MALLOC_") and name != "GLIBC_TUNABLES"
    }
    # Huge pages would be fewer, and how many there are is not ours to say.
    command = [sys.executable, "-c", CODE]
    environment = clean | {"NUMPY_MADVISE_HUGEPAGE": "0"} | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc only")
def test_what_was_freed_is_used_again():
    kept, given_back = faults(), faults(MALLOC_TRIM_THRESHOLD_="131072")
    assert given_back > (ROUNDS - 1) * PAGES / 2
    assert kept < 3 * PAGES + 20_000
