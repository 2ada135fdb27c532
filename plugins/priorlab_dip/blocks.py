"""The layers that the networks share, chosen for speed at the same quality.

Convolutions have no bias where a normalisation follows that would cancel it, and pad with
zeros; activations overwrite their input.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Return convolution, batch normalisation and activation."""
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(layer, *activation(outputs))


def activation(channels: int) -> nn.Sequential:
    """Return batch normalisation and leaky ReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.LeakyReLU(0.2, inplace=True))


class UpConvolution(nn.Module):
    """Doubles the size of `x` by repeating pixels, appends `link`, convolves 3x3.

    Computed as a 4x4 transposed convolution of stride 2 on the small image plus a
    convolution of the link: the same result for less than half the work, and neither the
    enlarged nor the joined image is ever stored.
    """

    def __init__(self, inputs: int, links: int, outputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.layer = nn.Conv2d(inputs + links, outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor, link: Tensor) -> Tensor:
        """Return features of the size of `link`, twice that of `x`."""
        weight = self.layer.weight
        kernel = _folded(_folded(weight[:, : self.inputs], 2), 3).transpose(0, 1)
        large = functional.conv_transpose2d(x, kernel, stride=2, padding=1)
        return large.add_(functional.conv2d(link, weight[:, self.inputs :], padding=1))


def _folded(weight: Tensor, dim: int) -> Tensor:
    """Fold the repetition of each pixel into the kernel: 3 taps become 4 along `dim`."""
    first, middle, last = weight.unbind(dim)
    return torch.stack([last, middle + last, first + middle, first], dim)


class Image(nn.Module):
    """A network whose logits become an image: cropped to `height` x `width`, in (0, 1)."""

    def __init__(self, body: nn.Module, height: int, width: int) -> None:
        super().__init__()
        self.body = body
        self.height, self.width = height, width

    def forward(self, code: Tensor) -> Tensor:
        """Return the image that the parameters make from `code`."""
        logits: Tensor = self.body(code)
        return logits[..., : self.height, : self.width].float().sigmoid()
