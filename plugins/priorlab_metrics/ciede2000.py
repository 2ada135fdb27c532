"""CIEDE2000: how far apart colours look."""

from __future__ import annotations

import dataclasses
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from priorlab.metrics import Metric
from priorlab.optional_metrics import OptionalMetric


@dataclasses.dataclass(frozen=True, kw_only=True)
class CIEDE2000(OptionalMetric):
    """Mean difference of colours as people see them; of colour images only.

    G. Sharma, W. Wu, E. N. Dalal: The CIEDE2000 color-difference formula: implementation notes,
    supplementary test data, and mathematical observations, Color Research and Application 30(1),
    2005.

    Examples
    --------
    >>> CIEDE2000().metric().spec
    'mean over pixels of CIEDE2000 by scikit-image ...'
    """

    name = "ciede2000"

    def metric(self) -> Metric:
        """Return the metric."""
        return Metric(
            name=self.name,
            doc=self.summary(),
            spec=f"mean over pixels of CIEDE2000 by scikit-image {metadata.version('scikit-image')}"
            ", of sRGB under D65; not defined where luma is compared",
            function=difference,
            higher_is_better=False,
        )


def difference(restored: NDArray[np.float32], clean: NDArray[np.float32]) -> float:
    """Return the mean difference of two images (C, H, W) in [0, 1]; NaN if not of three channels.

    Examples
    --------
    >>> white, black = np.ones((3, 8, 8), np.float32), np.zeros((3, 8, 8), np.float32)
    >>> round(difference(white, black)), round(difference(white, white))
    (100, 0)
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    if len(clean) != 3:
        return float("nan")
    lab = [rgb2lab(image.astype(np.float64), channel_axis=0) for image in (restored, clean)]
    return float(deltaE_ciede2000(*lab, channel_axis=0).mean())
