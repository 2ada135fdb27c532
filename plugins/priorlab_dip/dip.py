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
from priorlab_dip.networks import NETWORKS

COARSEST = 4
"""Least height and width in pixels of the coarsest scale, which limits the depth."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeepImagePrior(Generator):
    """Deep image prior: an untrained network, fitted to the measurement and stopped early.

    Source: Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018.

    The defaults are quick: half a minute on one core with fast bfloat16 for 256 x 256 pixels
    in colour. Smooth pictures gain from a stronger perturbation (``perturbation=0.35``); those
    full of detail are still improving after 400 steps (``iterations=1000``). The size of the
    paper's network and run is ``channels=128,iterations=3000``.
    """

    name: ClassVar[str] = "dip"

    network: str = parameter("skip", "architecture", choices=tuple(NETWORKS))
    code: str = parameter("noise", "input of the network", choices=("noise", "meshgrid"))
    channels: int = parameter(32, "feature maps of each scale", low=1)
    depth: int = parameter(
        5,
        "scales below full resolution, fewer in small images; residual blocks of resnet",
        low=1,
        high=8,
    )
    inputs: int = parameter(32, "channels of the code `noise`", low=1)

    def make_network(self, shape: Shape) -> nn.Module:
        """Return a fresh network; see `Generator.make_network`."""
        _, channels, height, width = shape
        inputs = codes.COORDINATES if self.code == "meshgrid" else self.inputs
        body = NETWORKS[self.network](inputs, self.channels, channels, self._depth(shape))
        return Image(body, height, width)

    def make_code(self, shape: Shape) -> Tensor:
        """Return the code, in a size that can be halved `depth` times and holds the image."""
        factor = 2 ** self._depth(shape)
        # Two pixels at the coarsest scale: batch normalisation needs more than one value.
        height, width = (max(2, math.ceil(side / factor)) * factor for side in shape[2:])
        if self.code == "meshgrid":
            return codes.meshgrid(height, width)
        return codes.noise(self.inputs, height, width)

    def _depth(self, shape: Shape) -> int:
        """Return the depth, limited so that the coarsest scale keeps `COARSEST` pixels."""
        if self.network == "resnet":
            return self.depth
        return max(1, min(self.depth, int(math.log2(max(1, min(shape[2:]) / COARSEST)))))
