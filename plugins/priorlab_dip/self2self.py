"""Self2Self: a network that sees a part of the pixels learns to predict the others."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from priorlab.components import parameter
from priorlab.forward.measurement import Measurement
from priorlab.trace import Trace
from priorlab_dip.blocks import limited
from priorlab_dip.partial_unet import PartialUNet, PublishedUNet, bernoulli
from priorlab_dip.self_supervised import (
    SelfSupervised,
    applied,
    descend,
    due,
    placed,
    random_crop,
)

EXACT = 1 / 255
"""Known pixels with less noise are returned as they are."""

WIDEST = 2**8
"""More rows and columns than are ever added to make the sides fit."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Self2Self(SelfSupervised):
    """Self2Self: learn to predict hidden values from the others, and average many guesses.

    Each step hides a random part of the values and fits a network, which sees the rest, to the
    hidden ones. Dropout makes it many networks in one. The mean of what they say, with other
    values hidden each time, is the result. Missing pixels are never seen and never fitted, so
    it fills them in as it removes noise.

    Source: Quan, Chen, Pang, Ji, "Self2Self with dropout: learning self-supervised denoising
    from single image", CVPR 2020.

    Differences from the paper
    --------------------------
    - 1,000 steps of 0.002 that fall to 0 along a cosine (the authors' program: 150,000 of 0.0001),
      each on a random `window` (paper: the whole picture).
    - 24 `channels` (paper: 48), a `depth` of 4 (paper: 5), and 50 guesses (authors' program: 100).
    - A `dropout` of 0.1 (paper: 0.3) that comes before features are enlarged (paper: after), so
      that it hits blocks of 2 x 2 pixels.
    - The output is linear (authors' program: a sigmoid).
    - What was removed beyond white noise of known strength, or that of photons, is taken back
      (paper: the output as it is).

    ``recipe=paper`` has none of these, and takes days on a CPU. With either recipe values beyond
    the border are missing, and zero in the decoder (authors' program: the mirrored inside);
    values enter relative to mid-gray, without what centres and scales weights otherwise (authors'
    program: as they are); pictures are mirrored in training only; whole pixels that are missing
    stay so, and those known without noise are returned as they are.

    Examples
    --------
    >>> Self2Self(recipe="paper").as_published().iterations
    150000
    """

    name: ClassVar[str] = "self2self"
    published: ClassVar[dict[str, Any]] = {
        "iterations": 150_000,
        "learning_rate": 0.0001,
        "channels": 48,
        "depth": 5,
        "hidden": 0.3,
        "dropout": 0.3,
        "window": None,
        "samples": 100,
    }
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
        if self.as_in_paper:
            # More than a picture has is all of it.
            whole = sum(measurement.shape[2:]) + WIDEST
            return self.as_published(window=whole).fitted(measurement, trace, PublishedUNet, False)
        return self.fitted(measurement, trace, PartialUNet, True)

    def fitted(
        self, measurement: Measurement, trace: Trace, network_class: type[PartialUNet], falls: bool
    ) -> Tensor:
        """Return the image (1, C, H, W) from a network of a class; whether its step size `falls`.

        See `fit`.
        """
        y, mask = measurement.y, measurement.operator.known_pixels
        known = torch.ones_like(y) if mask is None else mask.to(y.dtype).expand_as(y)
        height, width = y.shape[2:]
        depth = limited(self.depth, height, width)
        coarse = 2**depth
        # What is added to make the sides fit is missing, like the pixels of a mask.
        whole = functional.pad(torch.cat([y, known], 1), (0, -width % coarse, 0, -height % coarse))
        window = max(1, self.window // coarse) * coarse
        network = network_class(y.shape[1], self.channels, depth, self.dropout)
        network = placed(network, y.device)
        adam = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        last_rate = 0.0 if falls else self.learning_rate
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.iterations, last_rate)
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
        output = applied(network, y, known - hidden)
        return ((output - y).square() * hidden).sum() / hidden.sum().clamp_min(1)

    @torch.no_grad()
    def _guess(self, network: nn.Module, whole: Tensor) -> Tensor:
        """Return the network's guess of the whole image while some values are hidden."""
        y, known = whole.chunk(2, 1)
        seen = known * bernoulli(known.shape, 1 - self.hidden, known.device)
        return applied(network, y, seen)


def random_flip(image: Tensor) -> Tensor:
    """Return the image or one of its mirror images."""
    dims = [dim for dim in (2, 3) if torch.rand(()) < 0.5]
    return image.flip(dims) if dims else image
