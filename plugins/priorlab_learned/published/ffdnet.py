"""FFDNet, which spandrel does not know. Importing this module imports spandrel."""

from __future__ import annotations

import re
from typing import Any

import torch
from spandrel import Architecture, ImageModelDescriptor, SizeRequirements, StateDict
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override


class FFDNet(nn.Module):
    """Convolutions at half the size, of an image beside a map of its noise level.

    K. Zhang, W. Zuo, L. Zhang: FFDNet: toward a fast and flexible solution for CNN-based image
    denoising, TIP 2018. The names of the weights are those of the authors' PyTorch files:
    convolutions ``model.0``, ``model.2``, ..., with ReLU between them.

    Parameters
    ----------
    channels : int
        Of the image.
    width : int
        Channels between the convolutions.
    depth : int
        How many convolutions there are.
    """

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        inner = [(width, width)] * (depth - 2)
        layers: list[nn.Module] = []
        for inputs, outputs in [(4 * channels + 1, width), *inner, (width, 4 * channels)]:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        self.model = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Map an image (B, C, H, W) and its level (B, 1, H, W), joined, to the image; H, W even."""
        quarters = functional.pixel_unshuffle(x[:, :-1], 2)
        level = x[:, -1:, ::2, ::2]
        return functional.pixel_shuffle(self.model(torch.cat([quarters, level], 1)), 2)


class FFDNetArchitecture(Architecture[FFDNet]):
    """How spandrel recognises and builds FFDNet.

    Examples
    --------
    >>> state = FFDNet(channels=1, width=8, depth=5).state_dict()
    >>> architecture = FFDNetArchitecture()
    >>> architecture.detect(state), architecture.load(state).input_channels
    (True, 1)
    """

    def __init__(self) -> None:
        super().__init__(id="FFDNet", detect=_is_ffdnet)

    @override
    def load(self, state_dict: StateDict) -> ImageModelDescriptor[FFDNet]:
        weights = _weights(state_dict)
        channels, width = weights[-1].shape[0] // 4, weights[0].shape[0]
        return ImageModelDescriptor(
            FFDNet(channels, width, len(weights)),
            state_dict,
            architecture=self,
            purpose="Restoration",
            tags=[f"{width}nc", f"{len(weights)}nb"],
            supports_half=False,
            supports_bfloat16=True,
            scale=1,
            input_channels=channels,
            output_channels=channels,
            size_requirements=SizeRequirements(minimum=2, multiple_of=2),
        )


def _is_ffdnet(state: StateDict) -> bool:
    """Return whether all are convolutions 3x3 from ``4 C + 1`` channels to ``4 C``."""
    weights = _weights(state)
    names = {f"model.{2 * i}.{kind}" for i in range(len(weights)) for kind in ("weight", "bias")}
    return (
        set(state) == names
        and len(weights) > 2
        and all(weight.shape[2:] == (3, 3) for weight in weights)
        and weights[0].shape[1] == weights[-1].shape[0] + 1
        and weights[-1].shape[0] in (4, 12)
    )


def _weights(state: StateDict) -> list[Any]:
    """Return the weights of the convolutions in their order, which a file need not have."""
    found = {re.fullmatch(r"model\.(\d+)\.weight", key): value for key, value in state.items()}
    numbered = {int(key[1]): value for key, value in found.items() if key}
    return [numbered[number] for number in sorted(numbered)]
