"""The prior `dip`: which network, which code."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

from torch import Tensor, nn

from priorlab.operators import Shape
from priorlab.priors import Generator
from priorlab.specs import parameter
from priorlab_dip import codes
from priorlab_dip.blocks import Image
from priorlab_dip.skip import Skip

SMALLEST = 4
"""Least height and width in pixels of the coarsest scale."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeepImagePrior(Generator):
    """Deep image prior: an untrained convolutional network fits the measurement.

    Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018.
    """

    name: ClassVar[str] = "dip"

    channels: int = parameter(64, "feature maps of each scale", low=1)
    depth: int = parameter(5, "scales below full resolution, fewer in small images", low=1, high=8)
    links: int = parameter(4, "feature maps of each skip connection", low=1)
    inputs: int = parameter(32, "channels of the noise code", low=1)

    def network(self, shape: Shape) -> nn.Module:
        """Return a fresh network; see `Generator.network`."""
        _, channels, height, width = shape
        body = Skip(self.inputs, self.channels, channels, self._depth(shape), self.links)
        return Image(body, height, width)

    def code(self, shape: Shape) -> Tensor:
        """Return the code, padded to what the network can halve `depth` times."""
        factor = 2 ** self._depth(shape)
        height, width = (math.ceil(size / factor) * factor for size in shape[2:])
        return codes.noise(self.inputs, height, width)

    def _depth(self, shape: Shape) -> int:
        """Return the depth at which the coarsest scale still has `SMALLEST` pixels a side."""
        return max(1, min(self.depth, int(math.log2(min(shape[2:]) / SMALLEST))))
