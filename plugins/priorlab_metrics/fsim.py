"""FSIM: similarity of phase congruency and gradients."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from priorlab.metrics import Metric
from priorlab.optional_metrics import OptionalMetric
from priorlab_metrics.libraries import as_batch, check


@dataclasses.dataclass(frozen=True, kw_only=True)
class FSIM(OptionalMetric):
    """Similarity of phase congruency, gradients and, in colour, chrominance, by the library piq.

    L. Zhang, L. Zhang, X. Mou, D. Zhang: FSIM: a feature similarity index for image quality
    assessment, IEEE TIP 20(8), 2011.

    Examples
    --------
    >>> FSIM().metric().spec
    'FSIM (Zhang 2011) by piq ...; FSIMc, with chrominance, of images of three channels'
    """

    name = "fsim"

    def metric(self) -> Metric:
        """Return the metric."""
        library = check("piq", self.name)
        return Metric(
            name=self.name,
            doc=self.summary(),
            spec=f"FSIM (Zhang 2011) by {library}; FSIMc, with chrominance, of images of three "
            "channels",
            function=similarity,
        )


def similarity(restored: NDArray[np.float32], clean: NDArray[np.float32]) -> float:
    """Return the similarity of two images (C, H, W) in [0, 1]; NaN if not gray or colour."""
    import piq

    if len(clean) not in (1, 3):
        return float("nan")
    pair = as_batch(restored), as_batch(clean)
    return float(piq.fsim(*pair, data_range=1.0, chromatic=len(clean) == 3))
