"""Metrics beside PSNR and SSIM, one file each; `bench --metrics` names those that are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorlab.hookspecs import hookimpl

if TYPE_CHECKING:
    from priorlab.metrics import Metric
    from priorlab.optional_metrics import OptionalMetric


@hookimpl
def priorlab_metrics() -> list[Metric | type[OptionalMetric]]:
    """Return the metrics; what each needs besides priorlab it asks for when it is named."""
    from priorlab_metrics.ciede2000 import CIEDE2000
    from priorlab_metrics.dists import DISTS
    from priorlab_metrics.fsim import FSIM
    from priorlab_metrics.lpips import LPIPS
    from priorlab_metrics.ms_ssim import MSSSIM
    from priorlab_metrics.niqe import NIQE

    return [CIEDE2000, DISTS, FSIM, LPIPS, MSSSIM, NIQE]
