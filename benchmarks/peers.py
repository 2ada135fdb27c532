"""How to import the peers that priorlab is compared with."""

import importlib.util
from types import ModuleType

import pytest

from priorlab.ground.extras import prepare_torchvision


def deepinv_models() -> ModuleType:
    """Return `deepinv.models`, or skip the benchmark."""
    if importlib.util.find_spec("deepinv") is None:
        pytest.skip("deepinv is not installed: pip install -c constraints.txt -e '.[peers]'")
    prepare_torchvision()
    import deepinv.models

    return deepinv.models
