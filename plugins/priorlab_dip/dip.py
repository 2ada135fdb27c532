"""The prior `dip`: which network, which code."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

from torch import Tensor, nn
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.forward.operators import Shape
from priorlab.priors import Generator
from priorlab_dip import codes
from priorlab_dip.blocks import ACTIVATIONS, Image, Plan, Style, limited
from priorlab_dip.networks import NETWORKS, ONLY_FOR, SMALL_CODE


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeepImagePrior(Generator):
    """Deep image prior: an untrained network, fitted to the measurement and stopped early.

    Source: Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018.

    The defaults are quick: 15 to 45 seconds on one core with fast bfloat16 for 256 x 256 pixels
    in colour, the more the picture is full of detail, and three times that without. Two runs
    gain 0.3 to 0.4 dB (``runs=2``) for twice the work; side by side on two cores they take
    little longer than one (``runs=2,batch=2``). Smoother pictures, 0.2 and 0.35 dB better on two
    training images, for three to four times the work: ``upsampling=bilinear,channels=64`` with
    ``iterations=650``; up to 0.7 dB, for five times: the same with ``network=hourglass``.
    Pictures of 512 x 512 pixels may still become better after the last step: ``iterations=900``.

    The network of the paper is
    ``network=hourglass,channels=128,upsampling=bilinear,padding=reflect``, and its run is
    ``learning_rate=0.01,warm_up=0,stop=never`` with the steps and the perturbation that it
    states for the task. The deep decoder of its paper is
    ``network=decoder,channels=128,inputs=128`` with
    ``learning_rate=0.01,warm_up=0,stop=never,perturbation=0,averaging=0``.

    There is no instance normalisation: every image has a network of its own, for which that is
    batch normalisation.
    """

    name: ClassVar[str] = "dip"

    network: str = parameter("skip", "architecture", choices=tuple(NETWORKS))
    code: str = parameter("noise", "input of the network", choices=codes.CODES)
    channels: int = parameter(48, "feature maps of each scale", low=1)
    depth: int = parameter(
        5,
        "scales below full resolution, fewer in small images; residual blocks of resnet",
        low=1,
        high=8,
    )
    inputs: int = parameter(
        32, "channels of the codes noise and fourier, of which fourier needs a multiple of 4", low=1
    )
    links: int = parameter(4, "feature maps of each link of skip and hourglass", low=0)
    upsampling: str = parameter(
        "nearest", "how features get larger", choices=("nearest", "bilinear")
    )
    activation: str = parameter("leaky-relu", "nonlinearity", choices=tuple(ACTIVATIONS))
    normalisation: str = parameter(
        "batch", "what precedes each nonlinearity", choices=("batch", "none")
    )
    padding: str = parameter(
        "zero", "what convolutions see beyond the border", choices=("zero", "reflect")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in dataclasses.fields(self):
            given, networks = getattr(self, field.name), ONLY_FOR.get(field.name, tuple(NETWORKS))
            if given != field.default and self.network not in networks:
                allowed = ", ".join(networks)
                raise UsageError(f"{self.name}: {field.name}= is for network={allowed} only")
            if field.name == "inputs" and given != field.default and self.code == "meshgrid":
                raise UsageError(f"{self.name}: inputs= is for code=noise and code=fourier only")
        if self.code == "fourier" and self.inputs % codes.WAVES:
            raise UsageError(
                f"{self.name}: inputs={self.inputs} is not a multiple of {codes.WAVES}, which"
                " code=fourier needs"
            )

    @override
    def make_network(self, shape: Shape) -> nn.Module:
        _, channels, height, width = shape
        inputs = codes.COORDINATES if self.code == "meshgrid" else self.inputs
        style = Style(self.upsampling, self.activation, self.normalisation, self.padding)
        plan = Plan(inputs, channels, self.channels, self._depth(shape), self.links, style)
        return Image(NETWORKS[self.network](plan), height, width)

    def make_code(self, shape: Shape) -> Tensor:
        """Return the code, from which the network makes an image of at least this size."""
        factor = 1 if self.network == "resnet" else 2 ** self._depth(shape)
        # Two pixels at the coarsest scale: batch normalisation needs more than one value.
        size = [max(2, math.ceil(side / factor)) for side in shape[2:]]
        if self.network not in SMALL_CODE:
            size = [side * factor for side in size]
        if self.code == "meshgrid":
            return codes.meshgrid(*size)
        return {"noise": codes.noise, "fourier": codes.fourier}[self.code](self.inputs, *size)

    def _depth(self, shape: Shape) -> int:
        """Return the depth of the network, fewer scales in small images."""
        return self.depth if self.network == "resnet" else limited(self.depth, *shape[2:])
