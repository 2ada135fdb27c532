"""From weights to a network, by spandrel. Importing this module imports spandrel."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spandrel import (
    MAIN_REGISTRY,
    ArchRegistry,
    ArchSupport,
    ImageModelDescriptor,
    canonicalize_state_dict,
)
from torch import Tensor

from priorlab.errors import UsageError, said, unknown
from priorlab_learned.published.ffdnet import FFDNetArchitecture


def registry() -> ArchRegistry:
    """Return the architectures that are known here.

    Examples
    --------
    >>> {"DnCNN", "DRUNet", "FFDNet", "SCUNet", "SwinIR"} <= names()
    True
    """
    known = MAIN_REGISTRY.copy()
    # Before DnCNN, which takes its weights for its own.
    known.add(ArchSupport.from_architecture(FFDNetArchitecture(), before=(_DNCNN,)))
    if importlib.util.find_spec("spandrel_extra_arches"):
        from spandrel_extra_arches import EXTRA_REGISTRY

        known.add(*EXTRA_REGISTRY, ignore_duplicates=True)
    return known


def names() -> set[str]:
    """Return the names of the architectures that are known here."""
    return {one.architecture.id for one in registry()}


def build(state: Mapping[str, Any], path: Path, name: str = "auto") -> ImageModelDescriptor[Any]:
    """Return the network that has these weights, in float32, for evaluation.

    Parameters
    ----------
    state : mapping
        What `read_state` returned.
    path : Path
        The file, for errors.
    name : str
        The architecture, in any letters; "auto" finds it out.

    Raises
    ------
    UsageError
        If no architecture has such weights, or they do not fit the one that is named.

    Examples
    --------
    >>> from spandrel.architectures.DnCNN import DnCNN
    >>> state = DnCNN(nc=4, nb=8, act_mode="R").state_dict()
    >>> build(state, Path("small.pth")).architecture.id
    'DnCNN'
    >>> import torch
    >>> build({"a.weight": torch.zeros(3)}, Path("small.pth"))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: small.pth: no known architecture has such weights (a.weight...
    """
    tensors = _tensors(canonicalize_state_dict(dict(state)), path)
    known = registry()
    if name != "auto":
        ids = {one.architecture.id.lower(): one for one in known}
        if name.lower() not in ids:
            raise unknown("architecture", name, names())
        support = ids[name.lower()]
    else:
        order = known.architectures("detection")
        found = next((one for one in order if one.detect(tensors)), None)
        if found is None:
            raise UsageError(_not_known(path, tensors))
        support = found
    try:
        network = support.architecture.load(tensors)
    except Exception as error:  # each architecture has its own ways to fail
        line = " ".join(said(error).split())[:200] or type(error).__name__
        raise UsageError(
            f"{path}: its weights do not fit {support.architecture.name}: {line}"
        ) from None
    if not isinstance(network, ImageModelDescriptor):
        raise UsageError(f"{path} is a network that needs a mask, which is not used here")
    network.model.requires_grad_(False).eval().float()
    return network


def _tensors(state: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Return the weights, or raise a `UsageError` for what cannot be the weights of a network."""
    if not state:
        raise UsageError(f"{path} holds no weights: there is nothing in it")
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise UsageError(
                f"{path} holds {type(value).__name__} ({name}) where weights are expected; save "
                "the network's state_dict() alone"
            )
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UsageError(f"{path}: {name} claims to have more values than the file holds")
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise UsageError(f"{path}: {name} holds NaN or infinity; the training went wrong")
    return {
        name: value.float() if value.is_floating_point() else value for name, value in state.items()
    }


def _not_known(path: Path, state: Mapping[str, Tensor]) -> str:
    text = f"{path}: no known architecture has such weights ({', '.join(list(state)[:3])}, ...)"
    if importlib.util.find_spec("spandrel_extra_arches"):
        return text
    return f"{text}; pip install spandrel-extra-arches adds some whose licences forbid commerce"


_DNCNN = MAIN_REGISTRY["DnCNN"].architecture.id
