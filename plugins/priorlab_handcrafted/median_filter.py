"""Median filter: pictures have no specks."""

import dataclasses
from typing import ClassVar

import scipy
import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.forward.measurement import Measurement
from priorlab.priors import Prior
from priorlab.trace import SILENT, Trace

MUCH_LIGHT = 0.01
"""Share of the light whose loss is said."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Median(Prior):
    """Median filter of noise: each value becomes the median of those around it.

    It removes specks, whatever the noise, but also any detail narrower than half the window. It
    filters the data themselves, so it only suits tasks without an operator. The middle of few
    counts of photons is less than their mean: the picture becomes darker, which is said.

    J. W. Tukey: Exploratory data analysis, Addison-Wesley 1977. T. S. Huang, G. J. Yang,
    G. Y. Tang: A fast two-dimensional median filtering algorithm, IEEE Transactions on
    Acoustics, Speech, and Signal Processing 27(1), 1979.

    Differences from the paper
    --------------------------
    - One pass of a square window in two dimensions (Tukey: running medians of a series, repeated
      until nothing changes; Huang and others: this filter).
    - The picture is mirrored at its border, of which the papers say little.
    - Values that were measured without noise stay, whatever the prior: of salt and pepper those
      that are neither black nor white.

    Examples
    --------
    >>> from priorlab.forward.noise import SaltAndPepper
    >>> from priorlab.forward.operators import Identity
    >>> y = torch.full((1, 1, 16, 16), 0.5)
    >>> y[..., 8, 8] = 1
    >>> restored = Median().restore(Measurement(y, Identity(), SaltAndPepper(0.01), (1, 1, 16, 16)))
    >>> bool((restored == 0.5).all())
    True
    """

    name: ClassVar[str] = "median"
    size: int = parameter(
        5,
        "width of the square window; an even number counts as the next odd one",
        unit="pixels",
        low=1,
        high=99,
    )

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        return None if measurement.operator.is_identity else "it only filters noise"

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the filtered measurement. Borders are mirrored."""
        self.require(measurement)
        width = self.size // 2 * 2 + 1
        filtered = scipy.ndimage.median_filter(
            measurement.y.detach().cpu().numpy(), (1, 1, width, width), mode="reflect"
        )
        if measurement.noise.counts_light:
            lost = 1 - filtered.mean() / max(float(measurement.y.mean()), 1e-12)
            if lost > MUCH_LIGHT:
                trace.note(
                    f"{self.name}: the middle of few counts is less than their mean:"
                    f" {100 * lost:.0f} % of the light is lost"
                )
        return torch.from_numpy(filtered).to(measurement.y)
