"""Libraries that only some priors need: what to install where one is missing.

A plugin imports such a library in the function that needs it, after `check_installed`.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import re
from pathlib import Path

import torch

from priorlab.errors import UsageError

_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def check_installed(module: str, extra: str, needed_by: str) -> None:
    """Raise a `UsageError` that says what to install, unless the library is there.

    Parameters
    ----------
    module : str
        The library as it is imported.
    extra : str
        The extra of priorlab that installs it.
    needed_by : str
        Who needs it, such as the name of a prior.

    Examples
    --------
    >>> check_installed("numpy", "published", "checkpoint")
    >>> check_installed("no_such_library", "published", "checkpoint")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: checkpoint needs no_such_library: pip install 'priorlab[published]'
    """
    if importlib.util.find_spec(module) is None:
        raise UsageError(f"{needed_by} needs {module}: pip install 'priorlab[{extra}]'")


@functools.cache
def prepare_torchvision() -> None:
    """Let ``import torchvision`` work where its build is for another kind of torch.

    PyPI's build for Linux is for torch with CUDA. Beside the small torch for CPUs its compiled
    part, for object detection, cannot be loaded, and its import fails where it describes two
    operators of that part. Nothing here calls them, so that declaring them is enough.

    Examples
    --------
    >>> prepare_torchvision()
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent
    try:
        for compiled in folder.glob("_C*.so"):
            ctypes.CDLL(str(compiled))
    except OSError:
        described = (folder / "_meta_registrations.py").read_text("utf-8")
        for name in re.findall(r'register_fake\("(torchvision::\w+)"\)', described):
            torch.library.define(name, _SIGNATURE)
