"""What the priors that only undo blur share."""

import dataclasses

from typing_extensions import override

from priorlab.forward.convolution import Convolution
from priorlab.forward.measurement import Measurement
from priorlab.priors import Prior


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deblurring(Prior):
    """Base of the priors that are made for blurred images only: they need the kernel."""

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        if isinstance(measurement.operator, Convolution):
            return None
        return "it only undoes blur (deblur)"
