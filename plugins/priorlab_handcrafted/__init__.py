"""Handcrafted priors: what was known about natural images before networks learned it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorlab.hookspecs import hookimpl

if TYPE_CHECKING:
    from priorlab.training import Trainer


@hookimpl
def priorlab_priors() -> list[type]:
    """Return the priors of this package."""
    from priorlab_handcrafted.adaptive_median import AdaptiveMedian
    from priorlab_handcrafted.bicubic import Bicubic
    from priorlab_handcrafted.biharmonic import Biharmonic
    from priorlab_handcrafted.bilateral_filter import Bilateral
    from priorlab_handcrafted.bm3d import BM3D
    from priorlab_handcrafted.degraded import Degraded
    from priorlab_handcrafted.epll import ExpectedPatchLogLikelihood
    from priorlab_handcrafted.guided_filter import Guided
    from priorlab_handcrafted.huber_total_variation import HuberTV
    from priorlab_handcrafted.lanczos import Lanczos
    from priorlab_handcrafted.linear_interpolation import Linear
    from priorlab_handcrafted.median_filter import Median
    from priorlab_handcrafted.nonlocal_means import NonLocalMeans
    from priorlab_handcrafted.richardson_lucy import RichardsonLucy
    from priorlab_handcrafted.sliding_dct import SlidingDCT
    from priorlab_handcrafted.tikhonov import Tikhonov
    from priorlab_handcrafted.total_generalized_variation import TotalGeneralizedVariation
    from priorlab_handcrafted.total_variation import TotalVariation
    from priorlab_handcrafted.wavelet_shrinkage import Wavelet
    from priorlab_handcrafted.wiener import Wiener
    from priorlab_handcrafted.wnnm import WNNM

    return [
        AdaptiveMedian,
        Bicubic,
        Biharmonic,
        Bilateral,
        BM3D,
        Degraded,
        ExpectedPatchLogLikelihood,
        Guided,
        HuberTV,
        Lanczos,
        Linear,
        Median,
        NonLocalMeans,
        RichardsonLucy,
        SlidingDCT,
        Tikhonov,
        TotalGeneralizedVariation,
        TotalVariation,
        Wavelet,
        Wiener,
        WNNM,
    ]


@hookimpl
def priorlab_trainers() -> list[type[Trainer]]:
    """Return the training of the mixture that ships with epll."""
    from priorlab_handcrafted.patches.training import EpllTraining

    return [EpllTraining]
