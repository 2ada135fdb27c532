"""How many cores this process may use."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


def usable_cores() -> int:
    """Return how many cores this process may use: less than there are in many containers.

    Examples
    --------
    >>> 1 <= usable_cores() <= os.cpu_count()
    True
    """
    cores = os.cpu_count() or 1
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
        with contextlib.suppress(OSError, ValueError):
            quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
            if quota != "max":
                cores = min(cores, max(1, int(quota) // int(period)))
    return cores
