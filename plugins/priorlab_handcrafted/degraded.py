"""No prior at all: the baseline that every table needs."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from priorlab.forward.measurement import Measurement
from priorlab.priors import Prior
from priorlab.trace import SILENT, Trace
from priorlab_handcrafted.linear_interpolation import Linear


@dataclasses.dataclass(frozen=True, kw_only=True)
class Degraded(Prior):
    """The input itself, linearly interpolated where pixels are missing: any prior must beat this.

    Missing pixels are interpolated as by the prior `linear`. Small images are enlarged by
    bicubic interpolation.

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.noise import Gaussian
    >>> from priorlab.forward.operators import Identity
    >>> y = torch.tensor([[[[-0.1, 0.4, 1.2]]]])
    >>> Degraded().restore(Measurement(y, Identity(), Gaussian(0.1), (1, 1, 1, 3)))
    tensor([[[[0.0000, 0.4000, 1.0000]]]])
    """

    name: ClassVar[str] = "degraded"
    conformance_exceptions: ClassVar[Mapping[str, str]] = {"gain": "it is the degraded picture"}
    defers_to_exact_data: ClassVar[bool] = False

    def prepare(self, device: torch.device, channels: int) -> None:
        """Import what `linear` needs."""
        Linear().prepare(device, channels)

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the measurement as a picture of the right shape, clipped to [0, 1]."""
        if measurement.operator.known_pixels is not None:
            return Linear().restore(measurement, trace, seed)
        return measurement.initial_guess()
