"""Networks that only go up: each maps a small code (1, inputs, h, w) to logits.

The logits have shape (1, outputs, H, W) with ``H = 2 ** depth * h``, and W in the same way.
"""

from __future__ import annotations

from torch import Tensor, nn
from typing_extensions import override

from priorlab_dip.blocks import Plan, Style, UpConvolution, double


class DeepDecoder(nn.Module):
    """The deep decoder: pixels mix channels only, and interpolation makes them neighbours.

    With few channels it has fewer parameters than the image has pixels, and so cannot fit noise.

    Source: Heckel, Hand, "Deep decoder: concise image representations from untrained
    non-convolutional networks", ICLR 2019.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        widths = [plan.inputs] + [plan.channels] * plan.depth
        self.mix = nn.ModuleList(nn.Conv2d(width, plan.channels, 1, bias=False) for width in widths)
        self.rectify = nn.ModuleList(_rectified(plan.channels) for _ in widths)
        self.output = nn.Conv2d(plan.channels, plan.outputs, 1, bias=False)

    @override
    def forward(self, x: Tensor) -> Tensor:
        *_, finest = self.mix
        for mix, rectify in zip(self.mix, self.rectify, strict=True):
            # Mixing channels and interpolating pixels commute; the small image is cheaper to mix.
            x = mix(x)
            x = rectify(x if mix is finest else double(x, "bilinear"))
        logits: Tensor = self.output(x)
        return logits


class ConvDecoder(nn.Module):
    """The deep decoder with 3x3 convolutions of repeated pixels.

    Source: Darestani, Heckel, "Accelerated MRI with un-trained neural networks", IEEE
    Transactions on Computational Imaging 2021. Theirs reaches any size by steps of less than 2;
    here each step doubles it.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        channels, style = plan.channels, Style()
        widths = [plan.inputs] + [channels] * (plan.depth - 1)
        self.up = nn.Sequential(
            *(
                nn.Sequential(UpConvolution(width, 0, channels, style), _rectified(channels))
                for width in widths
            ),
            style.plain(channels, channels),
            _rectified(channels),
        )
        self.output = nn.Conv2d(channels, plan.outputs, 1, bias=False)

    @override
    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.output(self.up(x))
        return logits


def _rectified(channels: int) -> nn.Sequential:
    """Return ReLU and then batch normalisation, the order of both papers."""
    return nn.Sequential(nn.ReLU(inplace=True), nn.BatchNorm2d(channels))
