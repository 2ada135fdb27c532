"""The hourglass with skip connections: the network of the paper."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from priorlab_dip.blocks import convolution, output


class Skip(nn.Module):
    """Encoder and decoder of `depth` scales, joined by narrow skip connections.

    Source: Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018, supplementary figure 21.
    The code's height and width must be multiples of ``2 ** depth``.
    """

    def __init__(self, inputs: int, channels: int, outputs: int, depth: int, links: int) -> None:
        super().__init__()
        widths = [inputs] + [channels] * depth
        self.down = nn.ModuleList(
            nn.Sequential(convolution(before, after, stride=2), convolution(after, after))
            for before, after in zip(widths, widths[1:], strict=False)
        )
        self.link = nn.ModuleList(convolution(before, links, 1) for before in widths[:-1])
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(channels + links),
                convolution(channels + links, channels),
                convolution(channels, channels, 1),
            )
            for _ in range(depth)
        )
        self.output = output(channels, outputs)

    def forward(self, code: Tensor) -> Tensor:
        """Return logits of the code's height and width."""
        links = []
        x = code
        for down, link in zip(self.down, self.link, strict=True):
            links.append(link(x))
            x = down(x)
        for up, link in zip(self.up, reversed(links), strict=True):
            x = up(torch.cat([link, interpolate(x, scale_factor=2, mode="nearest")], 1))
        return self.output(x)
