"""Self2Self: a network that sees a part of the pixels learns to predict the others."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from priorlab.components import parameter
from priorlab.forward.measurement import Measurement
from priorlab.precision import training_layout
from priorlab.trace import Trace
from priorlab_dip.blocks import limited
from priorlab_dip.partial_unet import PartialUNet, bernoulli
from priorlab_dip.self_supervised import (
    SelfSupervised,
    autocast,
    descend,
    due,
    placed,
    random_crop,
)

EXACT = 1 / 255
"""Known pixels with less noise are returned as they are."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Self2Self(SelfSupervised):
    """Self2Self: learn to predict hidden values from the others, and average many guesses.

    Each step hides a random part of the values and fits a network, which sees the rest, to the
    hidden ones. Dropout makes it many networks in one. The mean of what they say, with other
    values hidden each time, is the result. Missing pixels are never seen and never fitted, so
    it fills them in as it removes noise.

    Source: Quan, Chen, Pang, Ji, "Self2Self with dropout: learning self-supervised denoising
    from single image", CVPR 2020. Different from theirs, for speed: some hundred larger steps
    where they take 450,000, each on a random window, with half the feature maps and fewer
    scales; dropout comes before features are enlarged instead of after.
    """

    name: ClassVar[str] = "self2self"
    by_default: ClassVar[bool] = False

    iterations: int = parameter(1000, "steps of the optimiser", low=1)
    learning_rate: float = parameter(0.002, "step size of Adam at the start; it falls to 0", low=0)
    channels: int = parameter(24, "feature maps of the encoder", low=2)
    depth: int = parameter(4, "scales below full resolution, fewer in small images", low=1, high=8)
    hidden: float = parameter(0.3, "share of the values hidden", low=0.01, high=0.9)
    dropout: float = parameter(0.1, "share of the decoder's features dropped", low=0, high=0.9)
    window: int = parameter(128, "most rows and columns seen in a step", unit="pixels", low=16)
    samples: int = parameter(50, "guesses averaged", low=1)

    fills_in: ClassVar[bool] = True

    @override
    def fit(self, measurement: Measurement, trace: Trace) -> Tensor:
        y, mask = measurement.y, measurement.operator.known_pixels
        known = torch.ones_like(y) if mask is None else mask.to(y.dtype).expand_as(y)
        height, width = y.shape[2:]
        depth = limited(self.depth, height, width)
        coarse = 2**depth
        # What is added to make the sides fit is missing, like the pixels of a mask.
        whole = functional.pad(torch.cat([y, known], 1), (0, -width % coarse, 0, -height % coarse))
        window = max(1, self.window // coarse) * coarse
        network = PartialUNet(y.shape[1], self.channels, depth, self.dropout)
        network = placed(network, y.device)
        adam = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.iterations)
        total = self.iterations + self.samples
        for step in range(1, self.iterations + 1):
            descend(self._loss(network, random_flip(random_crop(whole, window))), adam)
            decay.step()
            if due(step, self.iterations):
                guess = self._guess(network, whole)[..., :height, :width]
                trace.report(step, total, guess.clamp(0, 1))
        exact = (known > 0) & (measurement.noise.level < EXACT)
        sums = torch.zeros_like(y)
        for sample in range(1, self.samples + 1):
            sums += self._guess(network, whole)[..., :height, :width]
            mean = torch.where(exact, y, sums / sample)
            if due(sample, self.samples):
                trace.report(self.iterations + sample, total, mean.clamp(0, 1))
        trace.returned(total)
        return mean

    def _loss(self, network: nn.Module, window: Tensor) -> Tensor:
        """Return the mean squared error at known values that the network does not see."""
        y, known = window.chunk(2, 1)
        hidden = known * bernoulli(known.shape, self.hidden, known.device)
        output = _applied(network, y, known - hidden)
        return ((output - y).square() * hidden).sum() / hidden.sum().clamp_min(1)

    @torch.no_grad()
    def _guess(self, network: nn.Module, whole: Tensor) -> Tensor:
        """Return the network's guess of the whole image while some values are hidden."""
        y, known = whole.chunk(2, 1)
        seen = known * bernoulli(known.shape, 1 - self.hidden, known.device)
        return _applied(network, y, seen)


def random_flip(image: Tensor) -> Tensor:
    """Return the image or one of its mirror images."""
    dims = [dim for dim in (2, 3) if torch.rand(()) < 0.5]
    return image.flip(dims) if dims else image


def _applied(network: nn.Module, y: Tensor, seen: Tensor) -> Tensor:
    with autocast(y.device):
        layout = training_layout(y.device)
        output: Tensor = network(
            y.contiguous(memory_format=layout), seen.contiguous(memory_format=layout)
        )
    return output
