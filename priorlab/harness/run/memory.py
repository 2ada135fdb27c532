"""Peak memory of this process, measured for each cell by itself."""

from __future__ import annotations

import contextlib
import math
import re
import sys
from pathlib import Path

import torch

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def reset_peak(device: torch.device) -> None:
    """Forget the peak so far, where that is possible: on Linux, and on most accelerators."""
    module = torch.get_device_module(device)
    if hasattr(module, "reset_peak_memory_stats"):
        module.reset_peak_memory_stats(device)
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def peak_mb(device: torch.device) -> float:
    """Return the peak since `reset_peak` in MB (10^6 bytes); NaN where nobody counts it.

    On an accelerator that keeps count this is the memory of the tensors there. Elsewhere it is
    the resident memory of the process, with the libraries and the memory it keeps from earlier
    cells.
    """
    module = torch.get_device_module(device)
    if hasattr(module, "max_memory_allocated"):
        return float(module.max_memory_allocated(device)) / 1e6
    with contextlib.suppress(OSError):
        if found := re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE):
            return int(found[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
