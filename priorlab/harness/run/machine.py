"""The machine that a run works on: its name and its versions."""

from __future__ import annotations

import contextlib
import functools
import platform
import re
from importlib import metadata
from pathlib import Path

import torch

from priorlab import __version__
from priorlab.harness.run.keys import LIBRARIES


@functools.cache
def name(device: str) -> str:
    """Return the name of the CPU or accelerator that a device stands for."""
    module = torch.get_device_module(device)
    if hasattr(module, "get_device_name"):
        return str(module.get_device_name(device))
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text()
        if found := re.search(r"^model name\s*: (.+)$", text, re.MULTILINE):
            return " ".join(found[1].split())
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions that results can depend on.

    Examples
    --------
    >>> list(versions())[:3], "scipy" in versions()
    (['priorlab', 'python', 'numba'], True)
    """
    return {
        "priorlab": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
    }
