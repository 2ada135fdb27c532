"""Noise2Fast: the white squares of a chessboard teach the black ones, and these them."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
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

INTERVAL = 20
"""Steps of the paper's fit between two reports to the trace."""

PUBLISHED_PATIENCE = 100
"""The paper's fit ends after more steps than these, one after the other, with nothing better."""

ROUNDING = 2.0**-24
"""Outputs near 1 are rounded by as much: what is nearer by less counts as no better. Otherwise the
sigmoid of a picture of one value could approach it for ever."""

BLOCK = 2
"""Pixels a side of the blocks that the network sees as one."""

FINE_CHANNELS = 32
"""Feature maps of the pixels, from which the output is made."""

SHARE_OF_MUON = 0.1
"""Largest step of the convolutions, as a share of a whole one of Muon."""

SMALL = 144
"""Side of a square; a picture of fewer pixels than it has too few blocks to learn from."""

STEPS_OF_PIXELS = 1.8
"""Steps for each pixel of a side of such a picture, were it square: with more it is soon learned
with its noise."""

STEPS_OF_BLOCKS = 1.25
"""Those of larger ones, for the side of a square of as many values, of which colour has three."""

LEAST_SPAN = 1e-6
"""The values of a picture that differ by less count as one value."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noise2Fast(SelfSupervised):
    """Noise2Fast: a network learns one colour of a chessboard from the other.

    The pixels on the white squares, pushed together along the rows, are one picture, those on
    the black squares are another, and two more come from pushing along the columns. A network
    learns to make each from its partner. Applied to the picture itself, which it never saw
    whole, it shows the scene before it shows the noise; the last outputs are averaged.

    Source: Lequyer, Philip, Sharma, Hsu, Pelletier, "A fast blind zero-shot denoiser", Nature
    Machine Intelligence, 2022.

    Differences from the paper
    --------------------------
    - Each step sees a random `window`, of the four pairs in turn (authors' program: a whole one,
      drawn at random).
    - `iterations` steps, and fewer for a small picture (authors' program: until 100 steps have
      brought the output no closer to the noisy picture).
    - The mean of the last 8 of about 20 looks is returned (authors' program: of the last 105, one
      after each step).
    - A `depth` of 3 convolutions of blocks of 2 x 2 pixels, and 32 feature maps of the pixels that
      they make (authors' program: 8 convolutions of the pixels). Pictures smaller than 144 x 144
      have too few blocks: there the 3 convolutions are of the pixels. Looks differ in where the
      blocks begin, so that their mean shows less of them.
    - The layers are drawn so that the signal keeps its strength (authors' program: PyTorch's draw),
      for values relative to mid-gray; the output is linear and the loss the squared error (authors'
      program: values scaled to [0, 1], a sigmoid, and the binary cross-entropy).
    - The steps grow at first and then shrink to nothing: of Muon for the convolutions of blocks,
      of Adam for all else (authors' program: Adam of 0.001).
    - What was removed beyond white noise of known strength, or that of photons, is taken back
      (authors' program: the output as it is).

    ``recipe=paper`` has none of these. With either recipe convolutions run in bfloat16 where the
    hardware multiplies it, and the channels of colour pictures are restored together (authors'
    program: gray pictures only).

    Examples
    --------
    >>> Noise2Fast(recipe="paper").as_published().depth
    8
    """

    name: ClassVar[str] = "noise2fast"
    published: ClassVar[dict[str, Any]] = {
        "iterations": None,
        "learning_rate": 0.001,
        "channels": 64,
        "depth": 8,
        "window": None,
        "averaged": 105,
    }
    by_default: ClassVar[bool] = False

    iterations: int = parameter(400, "most steps of the optimiser; small pictures: fewer", low=1)
    learning_rate: float = parameter(0.003, "largest step size of Adam", low=0)
    channels: int = parameter(64, "feature maps of each convolution", low=1)
    depth: int = parameter(3, "convolutions of 3 x 3 blocks, or pixels", low=1, high=20)
    window: int = parameter(128, "most rows and columns seen in a step", unit="pixels", low=2)
    averaged: int = parameter(8, "last looks whose outputs are averaged", low=1)

    @override
    def fit(self, measurement: Measurement, trace: Trace) -> Tensor:
        y = measurement.y
        if self.as_in_paper:
            return self.as_published().fitted_as_published(y, trace)
        pixels, values = y.shape[2] * y.shape[3], y[0].numel()
        small = pixels < SMALL**2
        network = placed(
            (_network if small else _OfBlocks)(y.shape[1], self.channels, self.depth), y.device
        )
        most = STEPS_OF_PIXELS * math.sqrt(pixels) if small else STEPS_OF_BLOCKS * math.sqrt(values)
        steps = min(self.iterations, round(most))
        # Muon would soon have a small picture learned with its noise.
        share = 0 if small else SHARE_OF_MUON
        optimiser = Annealed(network, steps, self.learning_rate, share)
        outputs: deque[Tensor] = deque(maxlen=self.averaged)
        looks = 0
        for step in range(1, steps + 1):
            given, wanted = pair(random_crop(y, self.window), step)
            optimiser.descend(functional.mse_loss(_output(network, given), wanted))
            if not due(step, steps):
                continue
            looks += 1
            with torch.no_grad():
                outputs.append(_look(network, y, looks))
            mean = torch.stack(tuple(outputs)).mean(0)
            trace.report(step, steps, mean.clamp(0, 1), output=outputs[-1])
        trace.returned(steps)
        return mean

    def fitted_as_published(self, y: Tensor, trace: Trace) -> Tensor:
        """Return an image (1, C, H, W) without its noise; `iterations` and `window` are unused."""
        low, span = y.min(), (y.max() - y.min()).clamp_min(LEAST_SPAN)
        scaled = (y - low) / span
        network = placed(_network(y.shape[1], self.channels, self.depth, strong=False), y.device)
        adam = torch.optim.Adam(network.parameters(), lr=self.learning_rate, fused=True)
        outputs: deque[Tensor] = deque(maxlen=self.averaged)
        least, best_step, step = float("inf"), 0, 0
        while step <= best_step + PUBLISHED_PATIENCE:
            step += 1
            given, wanted = pair(scaled, int(torch.randint(0, 4, ())))
            logits = applied(network, given)
            descend(functional.binary_cross_entropy_with_logits(logits, wanted), adam)
            with torch.no_grad():
                outputs.append(applied(network, scaled).sigmoid())
            error = math.sqrt(functional.mse_loss(outputs[-1], scaled))
            if error < least - ROUNDING:
                least, best_step = error, step
            ended = step > best_step + PUBLISHED_PATIENCE
            if ended or step % INTERVAL == 0:
                mean = low + span * torch.stack(tuple(outputs)).mean(0)
                trace.report(step, 0, mean.clamp(0, 1), output=low + span * outputs[-1])
        trace.returned(step)
        return mean


def pair(image: Tensor, index: int) -> tuple[Tensor, Tensor]:
    """Return one picture of half the size and its partner: the colours of a chessboard.

    Even and odd indices exchange the two; every other pair pushes the pixels along the columns
    instead of the rows. An odd last row or column is left out where they are pushed along it.
    """
    if index % 4 < 2:
        white, black = colours(image)
    else:
        white, black = (half.transpose(2, 3) for half in colours(image.transpose(2, 3)))
    return (white, black) if index % 2 else (black, white)


def colours(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pixels on white and on black squares, (B, C, H, W // 2), pushed along rows."""
    width = image.shape[3] // 2 * 2
    even, odd = image[..., 0:width:2], image[..., 1:width:2]
    rows = torch.arange(image.shape[2], device=image.device)[:, None] % 2 == 0
    return torch.where(rows, even, odd), torch.where(rows, odd, even)


def _network(colours: int, channels: int, depth: int, strong: bool = True) -> nn.Module:
    """Return convolutions of the pixels."""
    layers = _convolutions(colours, channels, depth, strong)
    return nn.Sequential(*layers, nn.Conv2d(channels, colours, 1))


class _OfBlocks(nn.Module):
    """Convolutions of blocks of pixels: a quarter of the work, and twice the reach."""

    def __init__(self, colours: int, channels: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolutions(BLOCK**2 * colours, channels, depth, strong=True),
            nn.ConvTranspose2d(channels, FINE_CHANNELS, BLOCK, stride=BLOCK),
            nn.ReLU(inplace=True),
            nn.Conv2d(FINE_CHANNELS, colours, 1),
        )

    @override
    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[2:]
        image = functional.pad(image, (0, -width % BLOCK, 0, -height % BLOCK), "replicate")
        output: Tensor = self.layers(functional.pixel_unshuffle(image, BLOCK))
        return output[..., :height, :width]


def _convolutions(inputs: int, channels: int, depth: int, strong: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for index in range(depth):
        layer = nn.Conv2d(channels if index else inputs, channels, 3, padding=1)
        if strong:
            # The usual draw is for shallower networks: the signal would fade with the depth.
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        layers += [layer, nn.ReLU(inplace=True)]
    return layers


def _look(network: nn.Module, image: Tensor, count: int) -> Tensor:
    """Return the output for an image, cut into blocks at one of four places in turn.

    The mean of looks then shows less of the blocks.
    """
    across, down = count % 2, count // 2 % 2
    shifted = functional.pad(image, (across, 0, down, 0), "replicate")
    return _output(network, shifted)[..., down:, across:]


def _output(network: nn.Module, image: Tensor) -> Tensor:
    return applied(network, image - 0.5) + 0.5
