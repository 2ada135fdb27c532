"""Zero-Shot Noise2Noise: half of the pixels of a picture teach how to denoise the other half."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from priorlab.components import parameter
from priorlab.forward.measurement import Measurement
from priorlab.trace import Trace
from priorlab_dip.self_supervised import (
    Annealed,
    SelfSupervised,
    applied,
    descend,
    due,
    placed,
    random_crop,
)

PUBLISHED_HALVING = 1500
"""Steps after which the paper's recipe halves its step size."""

PIXELS_A_STEP = 40
"""Pixels for each step, at least: a small picture is soon learned with its noise."""

FEWEST_STEPS = 120
"""Steps that even the smallest picture takes to learn."""

SHARE_OF_MUON = 0.2
"""Largest step of the convolutions, as a share of a whole one of Muon."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZeroShotNoise2Noise(SelfSupervised):
    """Zero-Shot Noise2Noise: two small pictures of one scene teach a tiny network its noise.

    The diagonals of each block of 2 x 2 pixels make two half-size pictures with independent
    noise. A network of two layers learns the noise to take off one so that the other is left
    (residual loss), and that to take it off before or after halving is the same (consistency
    loss). Then it is applied to the picture itself.

    Source: Mansour, Heckel, "Zero-Shot Noise2Noise: Efficient Image Denoising without any
    Data", CVPR 2023.

    Differences from the paper
    --------------------------
    - Each step sees a random `window` of 64 x 64 pixels (paper: the whole picture).
    - 800 steps of Muon for the convolutions and of Adam for the other parameters, which grow at
      first and then shrink to nothing (the authors' program: 2,000 steps of Adam of 0.001, and of
      0.0005 from step 1,500 on). Pictures of fewer than 32,000 pixels have a step for every 40,
      but 120 at least.
    - What was removed beyond white noise of known strength, or that of photons, is taken back
      (paper: the output as it is).

    ``recipe=paper`` has none of these. With either recipe convolutions run in bfloat16 where the
    hardware multiplies it.

    Examples
    --------
    >>> ZeroShotNoise2Noise(recipe="paper").as_published().iterations
    2000
    """

    name: ClassVar[str] = "zs-n2n"
    published: ClassVar[dict[str, Any]] = {
        "iterations": 2000,
        "learning_rate": 0.001,
        "channels": 48,
        "window": None,
    }

    iterations: int = parameter(
        800, "steps of the optimiser; of pictures below 180 x 180 pixels fewer", low=1
    )
    learning_rate: float = parameter(0.003, "largest step size of Adam", low=0)
    channels: int = parameter(48, "feature maps of each layer", low=1)
    window: int = parameter(64, "most rows and columns seen in a step", unit="pixels", low=2)

    @override
    def fit(self, measurement: Measurement, trace: Trace) -> Tensor:
        y = measurement.y
        if self.as_in_paper:
            prior = self.as_published(window=max(2, *y.shape[2:]))
        else:
            most = max(FEWEST_STEPS, y.shape[2] * y.shape[3] // PIXELS_A_STEP)
            prior = dataclasses.replace(self, iterations=min(self.iterations, most))
        network = placed(_network(y.shape[1], prior.channels), y.device)
        take_step = (_published_steps if self.as_in_paper else _steps)(network, prior)
        denoised = y
        for step in range(1, prior.iterations + 1):
            take_step(_loss(network, random_crop(y, prior.window)))
            if due(step, prior.iterations):
                with torch.no_grad():
                    denoised = y - applied(network, y)
                trace.report(step, prior.iterations, denoised.clamp(0, 1))
        trace.returned(prior.iterations)
        return denoised


def halves(image: Tensor) -> Tensor:
    """Return two half-size images of each: the means of both diagonals of 2 x 2 pixels.

    An odd last row or column is left out. From (B, C, H, W) to (2 B, C, H // 2, W // 2).
    """
    height, width = (side // 2 * 2 for side in image.shape[2:])
    top, bottom = image[..., 0:height:2, :width], image[..., 1:height:2, :width]
    falling = top[..., 0::2] + bottom[..., 1::2]
    rising = top[..., 1::2] + bottom[..., 0::2]
    return torch.cat([falling, rising]) / 2


def _steps(network: nn.Module, prior: ZeroShotNoise2Noise) -> Callable[[Tensor], None]:
    """Return what takes a step down the gradient of a loss."""
    return Annealed(network, prior.iterations, prior.learning_rate, SHARE_OF_MUON).descend


def _published_steps(network: nn.Module, prior: ZeroShotNoise2Noise) -> Callable[[Tensor], None]:
    """Return what takes a step of Adam, halved once, down the gradient of a loss."""
    adam = torch.optim.Adam(network.parameters(), lr=prior.learning_rate, fused=True)
    decay = torch.optim.lr_scheduler.StepLR(adam, PUBLISHED_HALVING, 0.5)

    def take_step(loss: Tensor) -> None:
        descend(loss, adam)
        decay.step()

    return take_step


def _network(colours: int, channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(colours, channels, 3, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(channels, colours, 1),
    )


def _loss(network: nn.Module, window: Tensor) -> Tensor:
    """Return the residual loss plus the consistency loss of a network that returns the noise."""
    pair = halves(window)
    denoised = pair - applied(network, pair)
    other = pair.flip(0)
    same = halves(window - applied(network, window))
    return functional.mse_loss(denoised, other) + functional.mse_loss(denoised, same)
