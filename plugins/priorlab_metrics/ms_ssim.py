"""MS-SSIM: structural similarity at five scales."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from priorlab.metrics import Metric
from priorlab.optional_metrics import OptionalMetric
from priorlab_metrics.libraries import as_batch, check

LEAST = 161
"""Rows and columns that an image must have: at the fifth scale, 11 are left."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MSSSIM(OptionalMetric):
    """Structural similarity at five scales, by the library piq.

    Z. Wang, E. P. Simoncelli, A. C. Bovik: Multi-scale structural similarity for image quality
    assessment, Asilomar Conference on Signals, Systems and Computers, 2003.

    Examples
    --------
    >>> MSSSIM().metric().spec
    'MS-SSIM (Wang 2003) by piq ...: five scales, Gaussian 11x11 window, sigma 1.5, ...'
    """

    name = "ms-ssim"

    def metric(self) -> Metric:
        """Return the metric."""
        library = check("piq", self.name)
        return Metric(
            name=self.name,
            doc=self.summary(),
            spec=f"MS-SSIM (Wang 2003) by {library}: five scales, Gaussian 11x11 window, sigma 1.5,"
            f" mean over channels; of images with at least {LEAST} rows and columns",
            function=similarity,
        )


def similarity(restored: NDArray[np.float32], clean: NDArray[np.float32]) -> float:
    """Return the similarity of two images (C, H, W) in [0, 1]; NaN of too small ones."""
    import piq

    if min(clean.shape[1:]) < LEAST:
        return float("nan")
    return float(piq.multi_scale_ssim(as_batch(restored), as_batch(clean), data_range=1.0))
