"""No prior at all: the row that every table needs."""

import dataclasses
from typing import ClassVar

from torch import Tensor

from priorlab.measurement import Measurement
from priorlab.priors import SILENT, Prior, Trace


@dataclasses.dataclass(frozen=True, kw_only=True)
class Degraded(Prior):
    """The input itself, interpolated where pixels are missing: what any prior must beat."""

    name: ClassVar[str] = "degraded"

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return `measurement.initial()`."""
        image = measurement.initial()
        trace.report(1, 1, image)
        return image
