"""Training of the ``gs-unet`` prior: the network of ``unet`` becomes a gradient step."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

from torch import nn
from typing_extensions import override

from priorlab.components import parameter
from priorlab_learned.networks.gradient_step import GradientStepNetwork
from priorlab_learned.training.unet_training import UNetTraining
from priorlab_learned.unet import SHIPPED


@dataclasses.dataclass(frozen=True, kw_only=True)
class GradientStepTraining(UNetTraining):
    """The network of the ``gs-unet`` prior, from a folder of photographs.

    It begins with the weights of ``unet``: where a denoiser is good, ``x - grad g(x)`` with
    ``g = 1/2 |x - N(x)|^2`` is near N, and what remains to be learned is little.

    Examples
    --------
    >>> from pathlib import Path
    >>> GradientStepTraining(steps=100).command(Path("photos"), Path("net.safetensors"))
    'priorlab train gs-unet --dataset photos --steps 100 --seed 0 -o net.safetensors'
    """

    name: ClassVar[str] = "gs-unet"

    steps: int = parameter(2000, "steps of the optimiser", low=1)
    start: str = parameter("", "weights of unet to begin with; empty: the shipped ones", file=True)

    @property
    @override
    def learning_rate(self) -> float:
        return 2e-4

    @property
    @override
    def first_weights(self) -> Path:
        return super().first_weights or SHIPPED[self.channels]

    @override
    def make_network(self) -> nn.Module:
        return GradientStepNetwork(self.channels)
