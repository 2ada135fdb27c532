"""Networks that go down to coarse scales and up again, with links between the two halves.

Each maps a code (1, inputs, H, W) to logits (1, outputs, H, W); H and W are multiples of
``2 ** depth``.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from typing_extensions import override

from priorlab_dip.blocks import Plan, UpConvolution, double, joined


class Hourglass(nn.Module):
    """The hourglass of the paper, which is its own when bilinear with reflected borders.

    Source: Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018, supplementary material.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        channels, style = plan.channels, plan.style
        widths = [plan.inputs] + [channels] * (plan.depth - 1)
        self.links = nn.ModuleList(
            style.convolution(width, plan.links, 1) if plan.links else Nothing() for width in widths
        )
        self.down = nn.ModuleList(
            nn.Sequential(
                style.convolution(width, channels, stride=2),
                style.convolution(channels, channels),
            )
            for width in widths
        )
        self.up = nn.ModuleList(self.rise(plan, scale) for scale in range(plan.depth))
        self.output = nn.Conv2d(self.finest(plan), plan.outputs, 1)

    def finest(self, plan: Plan) -> int:
        """Return the channels at full resolution."""
        return plan.channels

    def rise(self, plan: Plan, scale: int) -> nn.Module:
        """Return what makes features of `scale`, 0 being the finest, of those one below."""
        return Rise(plan)

    @override
    def forward(self, x: Tensor) -> Tensor:
        links = []
        for link, down in zip(self.links, self.down, strict=True):
            links.append(link(x))
            x = down(x)
        for up in reversed(self.up):
            x = up(x, links.pop())
        logits: Tensor = self.output(x)
        return logits


class Skip(Hourglass):
    """The hourglass made quicker: the default.

    The joined features are not normalised once more, so they need never be stored, and the
    scale of the image itself has one convolution where the paper has two, of half the channels.
    """

    @override
    def finest(self, plan: Plan) -> int:
        return math.ceil(plan.channels / 2)

    @override
    def rise(self, plan: Plan, scale: int) -> nn.Module:
        channels, style = plan.channels, plan.style
        outputs = channels if scale else self.finest(plan)
        refine = [style.activated(outputs)]
        if scale:
            refine.append(style.convolution(channels, channels, 1))
        return Refined(UpConvolution(channels, plan.links, outputs, style), *refine)


class UntrainedUNet(nn.Module):
    """A U-Net: the links carry all features, so details reach the output undiminished.

    Source: Ronneberger, Fischer, Brox, "U-Net", MICCAI 2015; with an untrained one the deep
    image prior's authors compare.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        channels, style = plan.channels, plan.style
        self.first = style.convolution(plan.inputs, channels)
        self.down = nn.ModuleList(
            nn.Sequential(
                style.convolution(channels, channels, stride=2),
                style.convolution(channels, channels),
            )
            for _ in range(plan.depth)
        )
        self.up = nn.ModuleList(
            Refined(UpConvolution(channels, channels, channels, style), style.activated(channels))
            for _ in range(plan.depth)
        )
        self.output = nn.Conv2d(channels, plan.outputs, 1)

    @override
    def forward(self, x: Tensor) -> Tensor:
        features = [self.first(x)]
        for down in self.down:
            features.append(down(features[-1]))
        x = features.pop()
        for up in self.up:
            x = up(x, features.pop())
        logits: Tensor = self.output(x)
        return logits


class Rise(nn.Module):
    """Double the size, join the link, normalise, convolve twice."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        channels, style = plan.channels, plan.style
        self.upsampling = style.upsampling
        self.refine = nn.Sequential(
            style.normalised(channels + plan.links),
            style.convolution(channels + plan.links, channels),
            style.convolution(channels, channels, 1),
        )

    def forward(self, x: Tensor, link: Tensor | None) -> Tensor:
        """Return features of the size of `link`, twice that of `x`."""
        features: Tensor = self.refine(joined(double(x, self.upsampling), link))
        return features


class Refined(nn.Sequential):
    """Layers of which the first takes two inputs."""

    @override
    def forward(self, x: Tensor, link: Tensor | None) -> Tensor:
        first, *others = self
        x = first(x, link)
        for layer in others:
            x = layer(x)
        return x


class Nothing(nn.Module):
    """The link of a hourglass without links."""

    @override
    def forward(self, x: Tensor) -> None:
        return None
