"""The layers that the networks share, chosen for speed at the same quality.

Activations overwrite their input. Convolutions have a bias only where no normalisation follows
that would cancel it.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

ACTIVATIONS = {
    "leaky-relu": lambda: nn.LeakyReLU(0.2, inplace=True),
    "relu": lambda: nn.ReLU(inplace=True),
    "elu": lambda: nn.ELU(inplace=True),
    "swish": lambda: nn.SiLU(),
}
"""The activations by the name that the parameter `activation` takes."""

SLOPE = 0.01
"""Of an output beyond black and white, where a sigmoid alone is flat."""

COARSEST = 4
"""Least height and width in pixels of the coarsest scale, which limits the depth."""


@dataclasses.dataclass(frozen=True)
class Style:
    """How layers are made, whatever the network.

    Attributes
    ----------
    upsampling : str
        "nearest" or "bilinear".
    activation : str
        One of `ACTIVATIONS`.
    normalisation : str
        "batch" or "none".
    padding : str
        What convolutions see beyond the border: "zero", or "reflect" for the mirrored inside.
    """

    upsampling: str = "nearest"
    activation: str = "leaky-relu"
    normalisation: str = "batch"
    padding: str = "zero"

    def convolution(
        self, inputs: int, outputs: int, size: int = 3, stride: int = 1
    ) -> nn.Sequential:
        """Return convolution, normalisation and activation."""
        return nn.Sequential(self.plain(inputs, outputs, size, stride), self.activated(outputs))

    def plain(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
        """Return a convolution that a normalisation follows."""
        return nn.Conv2d(
            inputs,
            outputs,
            size,
            stride,
            padding=size // 2,
            padding_mode="zeros" if self.padding == "zero" else "reflect",
            bias=self.normalisation == "none",
        )

    def activated(self, channels: int) -> nn.Sequential:
        """Return normalisation and activation."""
        return nn.Sequential(self.normalised(channels), ACTIVATIONS[self.activation]())

    def normalised(self, channels: int) -> nn.Module:
        """Return the normalisation; of one image, it is that of the batch and the instance."""
        return nn.BatchNorm2d(channels) if self.normalisation == "batch" else nn.Identity()


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a network is built from.

    Attributes
    ----------
    inputs, outputs : int
        Channels of the code and of the image.
    channels : int
        Feature maps of each scale.
    depth : int
        Scales below full resolution, or residual blocks.
    links : int
        Feature maps of each connection between the two halves of an hourglass.
    style : Style
        How the layers are made.
    """

    inputs: int
    outputs: int
    channels: int
    depth: int
    links: int = 4
    style: Style = Style()


class UpConvolution(nn.Module):
    """Doubles the size of `x`, appends `link`, convolves 3x3.

    Where pixels are repeated, it is computed as a 4x4 transposed convolution of stride 2 on the
    small image plus a convolution of the link: the same result for less than half the work, and
    neither the enlarged nor the joined image is ever stored. Bilinear features are repeated ones
    blurred by [1 2 1] / 4 both ways, and blurring may as well come last. With zeros beyond the
    border they are so computed too, but then the border of `x` goes on there and not zeros.
    """

    def __init__(self, inputs: int, links: int, outputs: int, style: Style) -> None:
        super().__init__()
        self.inputs, self.links, self.style = inputs, links, style
        self.layer = style.plain(inputs + links, outputs)

    def forward(self, x: Tensor, link: Tensor | None = None) -> Tensor:
        """Return features of the size of `link`, twice that of `x`."""
        reflect, bilinear = self.style.padding == "reflect", self.style.upsampling == "bilinear"
        if reflect and bilinear:
            features: Tensor = self.layer(joined(double(x, "bilinear"), link))
            return features
        weight, bias = self.layer.weight, self.layer.bias
        kernel = _folded(_folded(weight[:, : self.inputs], 2), 3).transpose(0, 1)
        if reflect or bilinear:
            # The mirror image of a repeated pixel is that pixel, and bilinear borders go on.
            x = functional.pad(x, (1, 1, 1, 1), "replicate")
        # Of what the border makes one pixel stays for the blur, or none.
        crop = 2 if bilinear else 3 if reflect else 1
        large = functional.conv_transpose2d(x, kernel, bias, 2, crop)
        if bilinear:
            large = _blurred(large)
        if link is None:
            return large
        if reflect:
            link = functional.pad(link, (1, 1, 1, 1), "reflect")
        rest = functional.conv2d(link, weight[:, self.inputs :], padding=0 if reflect else 1)
        return large.add_(rest)


def limited(depth: int, height: int, width: int) -> int:
    """Return a depth of at least 1 that leaves the coarsest scale `COARSEST` pixels, if it can."""
    return max(1, min(depth, int(math.log2(max(1, min(height, width) / COARSEST)))))


def double(x: Tensor, upsampling: str) -> Tensor:
    """Return features of twice the height and width, "nearest" or "bilinear"."""
    return functional.interpolate(x, scale_factor=2, mode=upsampling)


def joined(x: Tensor, link: Tensor | None) -> Tensor:
    """Return all features as one, or `x` where there are no others."""
    return x if link is None else torch.cat([x, link], 1)


def _folded(weight: Tensor, dim: int) -> Tensor:
    """Fold the repetition of each pixel into the kernel: 3 taps become 4 along `dim`."""
    first, middle, last = weight.unbind(dim)
    return torch.stack([last, middle + last, first + middle, first], dim)


def _blurred(x: Tensor) -> Tensor:
    """Convolve each channel with [1 2 1] / 4 both ways; one pixel less on each side remains."""
    taps = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype, device=x.device)
    kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 3, 3)
    return functional.conv2d(x, kernel, groups=x.shape[1])


class Image(nn.Module):
    """A network whose logits become an image, cropped to `height` x `width`.

    The image is a sigmoid of the logits, which goes on beyond black and white with `slope`. With 0
    there is no gradient there, and where a large step made a dark place black, it stays so.
    It begins after the first `margin` rows and columns of the logits.
    """

    def __init__(
        self, body: nn.Module, height: int, width: int, margin: int = 0, slope: float = 0.0
    ) -> None:
        super().__init__()
        self.body = body
        self.rows = slice(margin, margin + height)
        self.columns = slice(margin, margin + width)
        self.slope = slope

    def forward(self, code: Tensor) -> Tensor:
        """Return the image that the parameters make from `code`."""
        logits: Tensor = self.body(code)
        logits = logits[..., self.rows, self.columns].float()
        return logits.sigmoid() + self.slope * logits
