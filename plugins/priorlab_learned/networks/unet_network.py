"""The U-Net of the ``unet`` prior: small, without biases, with the noise level as an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (48, 96, 128)
"""Feature channels at 1/2, 1/4 and 1/8 of the image's resolution."""

MULTIPLE = 8
"""Height and width the network accepts are multiples of this: one unshuffle, two halvings."""


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


class ResidualBlock(nn.Module):
    """``x + conv(relu(conv(x)))``, no normalisation and no bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = _conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape (B, width, H, W)."""
        # In place: no layer needs what these replace, not even for its gradient.
        change: Tensor = self.second(F.relu_(self.first(x)))
        return change.add_(x)


class UNetNetwork(nn.Module):
    """Predict the clean image from a noisy one and its noise level.

    The image is pixel-unshuffled by two first: the convolutions then run on a quarter of the
    pixels, which is what makes the network usable on a CPU [2]_. The noise level enters as one
    constant channel [2]_, so one network serves every level. There is no bias anywhere, which
    makes the network homogeneous, ``f(a v, a sigma) = a f(v, sigma)`` for ``a > 0``: it cannot
    memorise an absolute noise level and degrades gracefully outside the trained ones [3]_.

    Parameters
    ----------
    channels : int
        Image channels, 1 (gray) or 3 (RGB).
    widths : sequence of int
        Feature channels at the three resolutions.

    References
    ----------
    .. [1] Zhang et al., "Plug-and-Play Image Restoration with Deep Denoiser Prior" (DRUNet),
       IEEE TPAMI 2021.
    .. [2] Zhang, Zuo, Zhang, "FFDNet: Toward a Fast and Flexible Solution for CNN-Based Image
       Denoising", IEEE TIP 2018.
    .. [3] Mohan et al., "Robust and Interpretable Blind Image Denoising via Bias-Free
       Convolutional Neural Networks", ICLR 2020.
    """

    def __init__(self, channels: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.channels = channels
        fine, middle, coarse = widths
        self.head = _conv(4 * channels + 1, fine)
        self.encode_fine = nn.Sequential(ResidualBlock(fine), ResidualBlock(fine))
        self.down_middle = nn.Conv2d(fine, middle, 2, stride=2, bias=False)
        self.encode_middle = nn.Sequential(ResidualBlock(middle), ResidualBlock(middle))
        self.down_coarse = nn.Conv2d(middle, coarse, 2, stride=2, bias=False)
        self.bottom = nn.Sequential(ResidualBlock(coarse), ResidualBlock(coarse))
        self.up_middle = nn.ConvTranspose2d(coarse, middle, 2, stride=2, bias=False)
        self.decode_middle = nn.Sequential(ResidualBlock(middle), ResidualBlock(middle))
        self.up_fine = nn.ConvTranspose2d(middle, fine, 2, stride=2, bias=False)
        self.decode_fine = nn.Sequential(ResidualBlock(fine), ResidualBlock(fine))
        self.tail = _conv(fine, 4 * channels)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """Return the network that a state dictionary describes, with its weights.

        Raises
        ------
        KeyError, RuntimeError
            If the state is not one of this architecture.
        """
        layers = ("head", "down_middle", "down_coarse")
        widths = [state[f"{layer}.weight"].shape[0] for layer in layers]
        network = cls(state["tail.weight"].shape[0] // 4, widths)
        network.load_state_dict(state)
        return network

    def forward(self, v: Tensor, sigma: Tensor) -> Tensor:
        """Denoise.

        Parameters
        ----------
        v : Tensor
            Noisy image (B, C, H, W), about [0, 1]; H and W multiples of `MULTIPLE`.
        sigma : Tensor
            Noise standard deviation of each image on the [0, 1] scale, shape (B,).

        Returns
        -------
        Tensor
            The estimate of the clean image (B, C, H, W), not clipped.
        """
        folded = F.pixel_unshuffle(v, 2)
        batch, _, height, width = folded.shape
        level = sigma.to(folded.dtype).view(batch, 1, 1, 1).expand(batch, 1, height, width)
        x = torch.cat((folded, level), dim=1).contiguous(memory_format=torch.channels_last)
        fine = self.encode_fine(self.head(x))
        middle = self.encode_middle(self.down_middle(fine))
        coarse = self.bottom(self.down_coarse(middle))
        middle = self.up_middle(coarse).add_(middle)
        fine = self.up_fine(self.decode_middle(middle)).add_(fine)
        return v + F.pixel_shuffle(self.tail(self.decode_fine(fine)).to(folded.dtype), 2)
