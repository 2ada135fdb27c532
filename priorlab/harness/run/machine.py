"""The machine that a run works on: its name, its versions, and the commit of priorlab."""

from __future__ import annotations

import contextlib
import functools
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

import torch

from priorlab import __version__
from priorlab.harness.run.keys import LIBRARIES


@functools.cache
def name(device: str) -> str:
    """Return the name of the CPU or accelerator that a device stands for.

    Virtual machines hide the number of the CPU: then its family and model tell what it is.
    """
    module = torch.get_device_module(device)
    if hasattr(module, "get_device_name"):
        return str(module.get_device_name(device))
    with contextlib.suppress(OSError):
        facts = dict(
            re.findall(r"^(.+?)\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        )
        if found := " ".join(facts.get("model name", "").split()):
            if re.search(r"\d", found) or "cpu family" not in facts:
                return found
            return f"{found} (family {facts['cpu family']}, model {facts.get('model', '?')})"
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions that results can depend on; of a git checkout also the commit.

    Examples
    --------
    >>> "priorlab" in versions(), "scipy" in versions()
    (True, True)
    """
    found = commit(Path(__file__).parents[3])
    return {
        "priorlab": __version__,
        **({"commit": found} if found else {}),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
    }


def commit(checkout: Path) -> str:
    """Return the commit of a git checkout, or an empty text if the folder is none.

    It ends in `-dirty` if what can change a result differs from the commit; texts and what is in
    `results/` cannot.

    Parameters
    ----------
    checkout : Path
        The top folder. A folder within a checkout is none: a package that was installed into an
        environment there is not of that commit.

    Examples
    --------
    >>> commit(Path("somewhere/else"))
    ''
    """
    if not (checkout / ".git").exists():
        return ""
    changed = ("--", ".", ":(exclude)results", ":(exclude)*.md")
    found = _git(checkout, "rev-parse", "--short", "HEAD")
    dirty = found and _git(checkout, "status", "--porcelain", "--untracked-files=no", *changed)
    return found + "-dirty" * bool(dirty)


def _git(folder: Path, *arguments: str) -> str:
    """Return what git says of a folder: nothing if it cannot."""
    # No lock of the index: a run must not disturb who commits meanwhile.
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip()
    return ""
