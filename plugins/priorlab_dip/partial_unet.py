"""The network of Self2Self: it treats missing values as missing, not as black, and has dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from priorlab.ground.precision import training_layout
from priorlab_dip.blocks import Style, UpConvolution, double, joined

SLOPE = 0.1
"""Of the leaky ReLUs, below 0."""

PLAIN = Style(normalisation="none")


class PartialConvolution(nn.Conv2d):
    """A 3x3 convolution of the known values only, divided by the share of them in its window.

    What lies beyond the border counts as missing.

    Source: Liu, Reda, Shih, Wang, Tao, Catanzaro, "Image inpainting for irregular holes using
    partial convolutions", ECCV 2018.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and where they are known.

        `known` is 1 or 0, of shape (1, 1 or inputs, H, W); that of the features is
        (1, 1, H, W). They are the bias where nothing is known.
        """
        share = functional.avg_pool2d(known.mean(1, keepdim=True), 3, 1, 1)
        there = (share > 0).to(share.dtype)
        scale = (there / share.clamp_min(1e-6)).to(memory_format=training_layout(x.device))
        features = functional.conv2d(x * known, self.weight, padding=1)
        assert self.bias is not None
        return torch.addcmul(self.bias[:, None, None], features, scale), there


class PartialUNet(nn.Module):
    """A U-Net of partial convolutions, with dropout in front of each convolution of the decoder.

    Parameters
    ----------
    colours : int
        Channels of the image.
    channels : int
        Feature maps of the encoder; the decoder has twice as many, and fewer at full size.
    depth : int
        Scales below full resolution. H and W are multiples of ``2 ** depth``.
    dropout : float
        Share of the decoder's features set to 0, also when the network is applied.
    """

    def __init__(self, colours: int, channels: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.first = PartialConvolution(colours, channels)
        self.down = nn.ModuleList(PartialConvolution(channels, channels) for _ in range(depth + 1))
        self.up, self.refine = nn.ModuleList(), nn.ModuleList()
        inputs = channels
        for scale in reversed(range(depth)):
            outputs = 2 * channels if scale else 4 * channels // 3
            refined = 2 * channels if scale else 2 * channels // 3
            links = channels if scale else colours
            self.up.append(UpConvolution(inputs, links, outputs, PLAIN))
            self.refine.append(nn.Conv2d(outputs, refined, 3, padding=1))
            inputs = refined
        self.output = nn.Conv2d(inputs, colours, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, SLOPE)
                nn.init.zeros_(layer.bias)
        # Begin near mid-gray: an arbitrary picture would have to be unlearnt first.
        nn.init.xavier_normal_(self.output.weight, 0.1)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """Return the image (1, C, H, W), about in [0, 1], as the `known` values of `x` suggest."""
        x = (x - 0.5) * known
        links = [x]
        x, known = self.first(x, known)
        x = functional.leaky_relu_(x, SLOPE)
        for down in self.down[:-1]:
            x, known = down(x, known)
            x = functional.max_pool2d(functional.leaky_relu_(x, SLOPE), 2)
            known = functional.max_pool2d(known, 2)
            links.append(x)
        x, _ = self.down[-1](links.pop(), known)
        x = functional.leaky_relu_(x, SLOPE)
        for up, refine in zip(self.up, self.refine, strict=True):
            x = self.enlarged(up, x, links.pop())
            x = refine(self.forget(functional.leaky_relu_(x, SLOPE)))
            x = functional.leaky_relu_(x, SLOPE)
        logits: Tensor = self.output(self.forget(x))
        return self.image(logits.float())

    def enlarged(self, up: UpConvolution, x: Tensor, link: Tensor) -> Tensor:
        """Return features of the size of `link`, twice that of `x`, before their activation."""
        features: Tensor = up(self.forget(x), self.forget(link))
        return features

    def image(self, logits: Tensor) -> Tensor:
        """Return the image that the last convolution means."""
        return logits + 0.5

    def forget(self, x: Tensor) -> Tensor:
        """Return `x` with a random share of it 0 and the rest larger, in training or not."""
        if not self.dropout:
            return x
        keep = bernoulli((x.shape[0], *x.shape[2:], x.shape[1]), 1 - self.dropout, x.device)
        return x * keep.permute(0, 3, 1, 2).to(x.dtype).div_(1 - self.dropout)


class PublishedUNet(PartialUNet):
    """The same with dropout after features are enlarged, and a sigmoid: as published."""

    @override
    def enlarged(self, up: UpConvolution, x: Tensor, link: Tensor) -> Tensor:
        features: Tensor = up.layer(self.forget(joined(double(x, "nearest"), link)))
        return features

    @override
    def image(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()


def bernoulli(shape: tuple[int, ...], chance: float, device: torch.device) -> Tensor:
    """Return a random mask, true with a `chance` rounded to 1/256: faster than torch's own."""
    count = torch.Size(shape).numel()
    words = torch.empty(-(-count // 8), dtype=torch.int64, device=device).random_(-(2**63), None)
    return (words.view(torch.uint8)[:count] < round(256 * chance)).view(shape)
