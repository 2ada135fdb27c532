"""The layers that the networks share, chosen for speed without loss of quality.

Convolutions carry no bias where a normalisation follows that would cancel it, and pad with
zeros; activations overwrite their input.
"""

from __future__ import annotations

from torch import Tensor, nn

SLOPE = 0.2
"""Slope of the activation for negative values."""


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Return convolution, batch normalisation and leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


def output(inputs: int, channels: int) -> nn.Conv2d:
    """Return the last layer: from features to the logits of an image."""
    return nn.Conv2d(inputs, channels, 1)


class Image(nn.Module):
    """A body whose logits become an image: cropped to `height` x `width`, squashed to (0, 1)."""

    def __init__(self, body: nn.Module, height: int, width: int) -> None:
        super().__init__()
        self.body = body
        self.height, self.width = height, width

    def forward(self, code: Tensor) -> Tensor:
        """Return the image that the parameters make from `code`."""
        logits: Tensor = self.body(code)[..., : self.height, : self.width]
        return logits.float().sigmoid()
