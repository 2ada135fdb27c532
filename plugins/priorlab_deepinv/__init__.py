"""The library deepinv: its denoisers and its methods of reconstruction, as priors of priorlab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorlab.hookspecs import hookimpl

if TYPE_CHECKING:
    from priorlab.priors import Prior


@hookimpl
def priorlab_priors() -> list[type[Prior]]:
    """Return the prior."""
    from priorlab_deepinv.adapter import DeepInverse

    return [DeepInverse]
