"""A weight that grows with the noise."""

import dataclasses

from torch import Tensor

from priorlab.components import PER_GRAY_LEVEL, parameter
from priorlab.forward.measurement import Measurement
from priorlab.priors import Regularizer
from priorlab.trace import SILENT, Trace


@dataclasses.dataclass(frozen=True, kw_only=True)
class GrowingWeight(Regularizer):
    """Base of the priors whose `weight` is smaller where noise is weak.

    Relative to the noise level one weight serves strong noise. The detail of photographs stands out
    of weak noise, and that weight would take it away. Coarse noise has all of the weight: how much
    of it is removed is `share_of_grain`.
    """

    weight: float
    growth: float = parameter(
        0.0, "power of the noise level with which the weight grows up to the level `strong`", low=0
    )
    strong: float = parameter(
        15 / 255,
        "noise level from which on all of the weight counts, if it grows",
        scale=PER_GRAY_LEVEL,
        low=0.1 / 255,
    )

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Optimise over the image with the weight for its noise."""
        noise = measurement.noise
        share = min(1.0, noise.level / self.strong) ** self.growth if noise.is_independent else 1.0
        settled = dataclasses.replace(self, weight=share * self.weight, growth=0.0)
        return super(GrowingWeight, settled).restore(measurement, trace, seed)
