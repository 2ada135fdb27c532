"""The deep image prior and its relatives: networks that see no picture but the measured one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorlab.hookspecs import hookimpl

if TYPE_CHECKING:
    from priorlab.priors import Prior


@hookimpl
def priorlab_priors() -> list[type[Prior]]:
    """Return the priors of this plugin."""
    from priorlab_dip.dip import DeepImagePrior
    from priorlab_dip.noise2fast import Noise2Fast
    from priorlab_dip.self2self import Self2Self
    from priorlab_dip.siren import ImplicitRepresentation
    from priorlab_dip.zs_n2n import ZeroShotNoise2Noise

    return [
        DeepImagePrior,
        ZeroShotNoise2Noise,
        Noise2Fast,
        Self2Self,
        ImplicitRepresentation,
    ]
