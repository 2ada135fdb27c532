"""The network of ``unet-inpaint``: it predicts missing pixels from the known ones."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from priorlab_learned.networks.unet_network import UNetLayers

MARK = 0.1
"""What the network sees where a pixel is known; 0 where it is missing."""


class InpaintNetwork(UNetLayers):
    """Predict an image from its known pixels.

    Missing pixels are first filled roughly (`filled_in`); what is predicted is the change there.
    Known pixels are returned as they are.
    """

    beside_image: ClassVar[int] = 4

    def forward(self, filled: Tensor, known: Tensor) -> Tensor:
        """Fill in missing pixels.

        Parameters
        ----------
        filled : Tensor
            Images (B, C, H, W) in which missing pixels have a rough value, C being `channels`;
            H and W multiples of 8.
        known : Tensor
            1 where a pixel is known, 0 where it is missing: (B, 1, H, W).
        """
        unshuffled = F.pixel_unshuffle(torch.cat((filled, MARK * known), dim=1), 2)
        return torch.where(known > 0, filled, filled + self.change(unshuffled))


def filled_in(v: Tensor, known: Tensor) -> Tensor:
    """Fill missing pixels with the value of the smallest block that has known ones.

    A block is 2^n pixels high and wide; its value is the mean of the known ones of its four parts.

    The pull and push of a pyramid (Gortler, Grzeszczuk, Szeliski, Cohen: The Lumigraph, SIGGRAPH
    1996), without its interpolation.

    Examples
    --------
    >>> v, known = torch.tensor([[[[2.0, 0.0], [4.0, 0.0]]]]), torch.tensor([[[[1.0, 0], [1, 0]]]])
    >>> filled_in(v, known)
    tensor([[[[2., 3.],
              [4., 3.]]]])
    """
    if bool((known > 0).all()) or max(v.shape[-2:]) == 1:
        return v * (known > 0)
    height, width = v.shape[-2:]
    grown = (0, width % 2, 0, height % 2)
    sums = F.avg_pool2d(F.pad(v * known, grown), 2)
    weight = F.avg_pool2d(F.pad(known, grown), 2)
    coarse = filled_in(sums / weight.clamp(min=1e-6), (weight > 0).to(v.dtype))
    larger = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)[..., :height, :width]
    return torch.where(known > 0, v, larger)
