"""Classes of deepinv by name, built without a download. Importing this module imports deepinv."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import deepinv
from torch import nn

from priorlab.errors import UsageError, said, unknown
from priorlab_learned.published.reading import read_state

PLACES = (deepinv.models, deepinv.optim, deepinv.sampling)

NETWORKS = ("denoiser", "model", "backbone_net")
"""Arguments that are a denoiser; where one is missing deepinv would download one."""

_LEFT_OUT = {"Denoiser", "Reconstructor", "Client"}
"""The abstract classes, and one that sends pictures to a server."""


def find(name: str, kind: str) -> type[nn.Module]:
    """Return a class of deepinv, "Denoiser" or "Reconstructor", by its name.

    Examples
    --------
    >>> find("TVDenoiser", "Denoiser").__name__
    'TVDenoiser'
    >>> find("TVDenoisr", "Denoiser")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: unknown denoiser of deepinv 'TVDenoisr'; did you mean...
    """
    base = getattr(deepinv.models, kind)
    found = {
        key: value
        for place in PLACES
        for key, value in vars(place).items()
        if inspect.isclass(value) and issubclass(value, base) and key not in _LEFT_OUT
    }
    if name not in found:
        raise unknown(f"{kind.lower()} of deepinv", name, found)
    return found[name]


def build(kind: type[nn.Module], given: dict[str, Any], weights: str = "") -> nn.Module:
    """Return an instance for evaluation, with weights from a file or none, never from the network.

    Parameters
    ----------
    kind : type
        What `find` returned.
    given : dict
        Arguments of the class.
    weights : str
        The file of a state dict; empty: the class has none, or it starts at random.

    Raises
    ------
    UsageError
        If the class needs other arguments or weights, or those of the file do not fit.
    """
    known = inspect.signature(kind).parameters
    free = any(one.kind is one.VAR_KEYWORD for one in known.values())
    if wrong := next((key for key in given if key not in known and not free), ""):
        raise unknown(f"argument of deepinv's {kind.__name__}", wrong, known)
    if any(key in known and key not in given for key in NETWORKS):
        raise UsageError(f"deepinv: {kind.__name__} needs denoiser=, a denoiser of deepinv")
    if "pretrained" in known:
        if given.get("pretrained") not in (None, "None"):
            raise UsageError("deepinv: pretrained= would download; name a local file by weights=")
        if not weights:
            raise UsageError(
                f"deepinv: {kind.__name__} needs weights=PATH, a file of its weights; nothing is "
                "downloaded"
            )
        given = given | {"pretrained": None}
    try:
        built = kind(**given)
        if weights:
            state = read_state(Path(weights))
            built.load_state_dict(state.get("state_dict", state))
    except UsageError:
        raise
    except Exception as error:  # each class has its own ways to fail
        line = " ".join(said(error).split())[:200]
        raise UsageError(f"deepinv: {kind.__name__} cannot be built: {line}") from None
    return built.eval().requires_grad_(False)
