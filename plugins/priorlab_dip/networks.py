"""The networks: each maps a code (1, inputs, H, W) to logits (1, outputs, H, W)."""

from __future__ import annotations

from torch import Tensor, nn

from priorlab_dip.blocks import UpConvolution, activation, convolution

LINKS = 4
"""Feature maps of each connection between the two halves of the hourglass."""


class Skip(nn.Module):
    """The hourglass of the paper: encoder and decoder, joined by narrow links.

    Source: Ulyanov, Vedaldi, Lempitsky, "Deep Image Prior", CVPR 2018, supplementary material.
    Different from theirs, for speed: pixels are repeated where they interpolate, borders are
    zero where they reflect, the joined features are not normalised once more, and the scale
    of the image itself has one convolution where they have two. H and W are multiples of
    ``2 ** depth``.
    """

    def __init__(self, inputs: int, channels: int, outputs: int, depth: int) -> None:
        super().__init__()
        widths = [inputs] + [channels] * (depth - 1)
        self.links = nn.ModuleList(convolution(width, LINKS, 1) for width in widths)
        self.down = nn.ModuleList(
            nn.Sequential(
                convolution(width, channels, stride=2),
                convolution(channels, channels),
            )
            for width in widths
        )
        self.up = nn.ModuleList(UpConvolution(channels, LINKS, channels) for _ in widths)
        self.refine = nn.ModuleList(
            nn.Sequential(
                activation(channels),
                convolution(channels, channels, 1) if scale else nn.Identity(),
            )
            for scale in range(depth)
        )
        self.output = nn.Conv2d(channels, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        links = []
        for link, down in zip(self.links, self.down, strict=True):
            links.append(link(x))
            x = down(x)
        for scale in reversed(range(len(links))):
            x = self.refine[scale](self.up[scale](x, links[scale]))
        logits: Tensor = self.output(x)
        return logits


class UNet(nn.Module):
    """A U-Net: the links carry all features, so details reach the output undiminished.

    Source: Ronneberger, Fischer, Brox, "U-Net", MICCAI 2015; with an untrained one the deep
    image prior's authors compare. H and W are multiples of ``2 ** depth``.
    """

    def __init__(self, inputs: int, channels: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.first = convolution(inputs, channels)
        self.down = nn.ModuleList(
            nn.Sequential(
                convolution(channels, channels, stride=2),
                convolution(channels, channels),
            )
            for _ in range(depth)
        )
        self.up = nn.ModuleList(UpConvolution(channels, channels, channels) for _ in range(depth))
        self.refine = nn.ModuleList(activation(channels) for _ in range(depth))
        self.output = nn.Conv2d(channels, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        features = [self.first(x)]
        for down in self.down:
            features.append(down(features[-1]))
        x = features.pop()
        for up, refine in zip(self.up, self.refine, strict=True):
            x = refine(up(x, features.pop()))
        logits: Tensor = self.output(x)
        return logits


class ResNet(nn.Module):
    """`depth` residual blocks at full resolution: no hourglass, a weak prior, and slow.

    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016;
    with an untrained one the deep image prior's authors compare. H and W are free.
    """

    def __init__(self, inputs: int, channels: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.first = convolution(inputs, channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                convolution(channels, channels),
                nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels),
            )
            for _ in range(depth)
        )
        self.output = nn.Conv2d(channels, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        logits: Tensor = self.output(x)
        return logits


NETWORKS: dict[str, type[Skip | UNet | ResNet]] = {"skip": Skip, "unet": UNet, "resnet": ResNet}
"""The networks by the name that the parameter `network` takes."""
