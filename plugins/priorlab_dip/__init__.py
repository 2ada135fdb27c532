"""The deep image prior: the structure of a network is itself an idea of natural images."""

from __future__ import annotations

from priorlab.plugins import hookimpl
from priorlab.priors import Prior
from priorlab_dip.dip import DeepImagePrior


@hookimpl
def priorlab_priors() -> list[type[Prior]]:
    """Return the priors of this plugin."""
    return [DeepImagePrior]
