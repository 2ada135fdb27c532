"""The prior `dip`: which network, which code."""

from __future__ import annotations

import dataclasses
import importlib
import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from priorlab.components import parameter, with_default
from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.operators import Shape
from priorlab.priors import Generator
from priorlab.recipes import WithRecipe
from priorlab.solvers.parameter_space.settings import FitSettings
from priorlab.trace import SILENT, Trace
from priorlab_dip import codes
from priorlab_dip.blocks import ACTIVATIONS, SLOPE, Image, Plan, Style, limited
from priorlab_dip.networks import NETWORKS, ONLY_FOR, SMALL_CODE
from priorlab_dip.published import FIXED, VARYING, run_for


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeepImagePrior(WithRecipe, Generator):
    """Deep image prior: an untrained network, fitted to the measurement and stopped early.

    Source: Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018.

    The defaults are quick: 10 to 20 seconds on one core with fast bfloat16 for 256 x 256 pixels,
    the more the picture is full of detail, and twice that without. Besides noise the code holds
    `guides`, blurred pictures of what was measured: the fit begins with them, instead of learning
    first what is where. Two runs come 0.4 to 0.6 dB closer for twice the work (``runs=2``), side by
    side on two cores in little more time (``runs=2,batch=2``). Gray pictures with noise have
    two by default, and up to 600 steps: with 512 x 512 pixels they still become better after the
    240th. ``tuned=false`` makes one run of 240. In colour a picture is not to take twice the time.

    The deep decoder of its paper is ``network=decoder,channels=128,inputs=128,depth=5`` with
    ``slope=0,learning_rate=0.01,warm_up=0,stop=never,perturbation=0,averaging=0``.

    Differences from the paper
    --------------------------
    - The code holds 2 `guides`, and the network has 3 scales below full resolution, 4 where a
      picture is enlarged (paper: none, and 5).
    - The network `skip` (paper: `hourglass`): joined features are not normalised once more, and
      full resolution has one convolution, of half the channels.
    - The sigmoid of the output goes on with a `slope` beyond black and white (paper: it is flat
      there, and dark places can die: they stay black).
    - 12 `links` and 32 `channels`, 48 where pixels are missing or were hit by impulses (paper: 4
      and 128), repeated pixels (paper: bilinear `upsampling`), zeros beyond the border (paper:
      ``padding=reflect``).
    - Muon optimises the kernels in the first 45 steps, and hands over to Adam in the next 60, with
      a `learning_rate` of 0.08 (paper: Adam with 0.01; with 0.001 for missing pixels).
    - At most 240 steps, 600 for noise in gray pictures, 140 where pixels are missing, and a rule
      that stops before them (paper: 1,800 steps for noise, 11,000 for missing pixels, 2,000 and
      4,000 for super-resolution by 4 and by 8).
    - The mean of two fits where a gray picture has noise (paper: one fit, and two for the best of
      its figures of denoising).
    - The noise in the code follows that of the data, with 0.18 of its deviation, 1.8 where a
      picture is enlarged, times 1.7 in gray pictures (paper: 1/30 for noise, 1/20 from sigma 50
      on; 0.03 and, for super-resolution by 8, 0.05).
    - What was removed beyond white noise of known strength, or that of photons, is taken back
      (paper: the output as it is).

    ``recipe=paper`` has none of these. Steps, step sizes and noise of the code are then those of
    the supplement and of the authors' notebooks; what is neither noise nor missing pixels is
    treated as super-resolution. It returns the running mean of the outputs, which the paper calls
    averaged; ``averaging=0`` returns the last output, as its tables of missing pixels and of
    super-resolution do.

    With either recipe the noise of the code is drawn once and then shifted at random; data without
    noise are met exactly; convolutions run in bfloat16 where the hardware multiplies it; a code
    is enlarged until its sides can be halved `depth` times (paper: pictures are cropped). Of the
    other networks of the paper, those for JPEG and for large holes are not here. There is no
    instance normalisation: every image has a network of its own, for which that is batch
    normalisation.

    Examples
    --------
    >>> DeepImagePrior(recipe="paper").as_published().network
    'hourglass'
    """

    name: ClassVar[str] = "dip"
    published: ClassVar[dict[str, Any]] = FIXED | dict.fromkeys(VARYING)
    muon_rate: ClassVar[float] = 0.003

    iterations: int = with_default(FitSettings, "iterations", 240)
    warm_up: int = with_default(FitSettings, "warm_up", 45)
    perturbation: float = with_default(FitSettings, "perturbation", 0.18)
    network: str = parameter("skip", "architecture", choices=tuple(NETWORKS))
    code: str = parameter("noise", "input of the network", choices=codes.CODES)
    channels: int = parameter(32, "feature maps of each scale", low=1)
    depth: int = parameter(
        3,
        "scales below full resolution, fewer in small images; residual blocks of resnet",
        low=1,
        high=8,
    )
    inputs: int = parameter(
        32, "channels of the codes noise and fourier, of which fourier needs a multiple of 4", low=1
    )
    guides: int = parameter(
        2, "blurred pictures of what was measured, which the code holds besides", low=0
    )
    links: int = parameter(12, "feature maps of each link of skip and hourglass", low=0)
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
    slope: float = parameter(
        SLOPE, "of the output where it is blacker than black or whiter than white", low=0
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

    @property
    @override
    def kept_within_noise(self) -> bool:
        return super().kept_within_noise and not self.as_in_paper

    @override
    def prepare(self, device: torch.device, channels: int) -> None:
        """Import what blurs the guides, so that no picture waits for it; see `Prior.prepare`."""
        super().prepare(device, channels)
        importlib.import_module("scipy.ndimage")

    @override
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Optimise over the parameters; see `priorlab.solvers.parameter_space`."""
        if not self.as_in_paper:
            return super().restore(measurement, trace, seed)
        prior = self.as_published(**run_for(measurement))
        return prior.restore(measurement, trace, seed)

    @override
    def make_network(self, shape: Shape) -> nn.Module:
        if self.as_in_paper:
            return self.as_published().make_network(shape)
        _, channels, height, width = shape
        inputs = codes.COORDINATES if self.code == "meshgrid" else self.inputs
        inputs += self._guides(shape)
        style = Style(self.upsampling, self.activation, self.normalisation, self.padding)
        plan = Plan(inputs, channels, self.channels, self._depth(shape), self.links, style)
        body = NETWORKS[self.network](plan)
        return Image(body, height, width, self._margin(shape), self.slope)

    def make_code(self, shape: Shape) -> Tensor:
        """Return the code, from which the network makes an image of at least this size.

        Its guides are those of a picture that is the same all over.
        """
        if self.as_in_paper:
            return self.as_published().make_code(shape)
        factor = 1 if self.network == "resnet" else 2 ** self._depth(shape)
        # Two pixels at the coarsest scale: batch normalisation needs more than one value.
        margin = self._margin(shape)
        size = [max(2, math.ceil((side + 2 * margin) / factor)) for side in shape[2:]]
        if self.network not in SMALL_CODE:
            size = [side * factor for side in size]
        if self.code == "meshgrid":
            code = codes.meshgrid(*size)
        else:
            code = {"noise": codes.noise, "fourier": codes.fourier}[self.code](self.inputs, *size)
        return torch.cat([code, torch.zeros(1, self._guides(shape), *size)], 1)

    @override
    def code_for(self, measurement: Measurement) -> Tensor:
        code, count = self.make_code(measurement.shape), self._guides(measurement.shape)
        if count:
            code[:, -count:] = codes.guides(measurement, self.guides, *code.shape[2:])
        return code

    def _guides(self, shape: Shape) -> int:
        """Return the channels of the code that hold guides."""
        return 0 if self.network in SMALL_CODE else self.guides * shape[1]

    def _margin(self, shape: Shape) -> int:
        """Return by how many pixels the code goes on beyond the image on each side, or more."""
        return codes.MARGIN if self._guides(shape) else 0

    def _depth(self, shape: Shape) -> int:
        """Return the depth of the network, fewer scales in small images."""
        return self.depth if self.network == "resnet" else limited(self.depth, *shape[2:])
