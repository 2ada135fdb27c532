"""The networks by name, and the one without scales."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from typing_extensions import override

from priorlab_dip.blocks import Plan
from priorlab_dip.decoders import ConvDecoder, DeepDecoder
from priorlab_dip.hourglasses import Hourglass, Skip, UntrainedUNet


class ResNet(nn.Module):
    """`depth` residual blocks at full resolution: no hourglass, a weak prior, and slow.

    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016;
    with an untrained one the deep image prior's authors compare.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        channels, style = plan.channels, plan.style
        self.first = style.convolution(plan.inputs, channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                style.convolution(channels, channels),
                style.plain(channels, channels),
                style.normalised(channels),
            )
            for _ in range(plan.depth)
        )
        self.output = nn.Conv2d(channels, plan.outputs, 1)

    @override
    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        logits: Tensor = self.output(x)
        return logits


NETWORKS: dict[str, Callable[[Plan], nn.Module]] = {
    "skip": Skip,
    "hourglass": Hourglass,
    "unet": UntrainedUNet,
    "resnet": ResNet,
    "decoder": DeepDecoder,
    "convdecoder": ConvDecoder,
}
"""The networks by the name that the parameter `network` takes."""

SMALL_CODE = ("decoder", "convdecoder")
"""Those whose code has the size of the coarsest scale."""

ONLY_FOR = {
    "guides": ("skip", "hourglass", "unet", "resnet"),
    "links": ("skip", "hourglass"),
    "upsampling": ("skip", "hourglass", "unet"),
    "activation": ("skip", "hourglass", "unet", "resnet"),
    "normalisation": ("skip", "hourglass", "unet", "resnet"),
    "padding": ("skip", "hourglass", "unet", "resnet"),
}
"""The networks for which a parameter means something, where not all."""
