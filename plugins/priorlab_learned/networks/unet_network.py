"""The U-Net of the ``unet`` prior: small, without biases, with the noise level as an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (64, 128, 128)
"""Feature channels at 1/2, 1/4 and 1/8 of the image's resolution."""

KINDS = (1, 3)
"""Numbers of channels of the images that one network treats: gray and RGB."""

MULTIPLE = 8
"""Height and width the network accepts are multiples of this: one unshuffle, two halvings."""

NEIGHBOURHOOD = 25
"""Side of the square whose mean is subtracted from each value."""

MOST_DETAIL = 10
"""Larger differences from that mean look alike, in units of the noise level."""

MOST_CHANGE = 6
"""No value changes by more than this, in units of the noise level."""

TINY = 1e-20
"""Keeps the quotient 0/0 of an unchanged value at noise level 0 from being NaN."""


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
    constant channel [2]_, so one network serves every level. Gray and colour images have a first
    and a last layer each, and share all between: what is learned on one serves the other.

    What it sees of the image are the differences from the mean of the neighbourhood, bounded at
    10 sigma: what stands out more is no noise, and must not drown what may be. What it predicts
    is the change of the image, bounded too: ``f(v, sigma) = v + r`` with ``|r| < 6 sigma``. So
    sharp edges and strong colours pass at low noise, and at level 0 an image is returned as it is.

    There is no bias anywhere, which makes the network homogeneous, ``f(a v, a sigma) =
    a f(v, sigma)`` for ``a > 0``: it cannot memorise an absolute noise level and degrades
    gracefully outside the trained ones [3]_.

    Parameters
    ----------
    kinds : sequence of int
        The numbers of channels of the images it treats.
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

    def __init__(self, kinds: Sequence[int] = KINDS, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.kinds = tuple(kinds)
        fine, middle, coarse = widths
        # The keys are numbers of channels.
        self.heads = nn.ModuleDict({str(kind): _conv(4 * kind + 1, fine) for kind in kinds})
        self.encode_fine = nn.Sequential(ResidualBlock(fine), ResidualBlock(fine))
        self.down_middle = nn.Conv2d(fine, middle, 2, stride=2, bias=False)
        self.encode_middle = nn.Sequential(ResidualBlock(middle), ResidualBlock(middle))
        self.down_coarse = nn.Conv2d(middle, coarse, 2, stride=2, bias=False)
        self.bottom = nn.Sequential(ResidualBlock(coarse), ResidualBlock(coarse))
        self.up_middle = nn.ConvTranspose2d(coarse, middle, 2, stride=2, bias=False)
        self.decode_middle = nn.Sequential(ResidualBlock(middle), ResidualBlock(middle))
        self.up_fine = nn.ConvTranspose2d(middle, fine, 2, stride=2, bias=False)
        self.decode_fine = nn.Sequential(ResidualBlock(fine), ResidualBlock(fine))
        self.tails = nn.ModuleDict({str(kind): _conv(fine, 4 * kind) for kind in kinds})

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """Return the network that a state dictionary describes, with its weights.

        Raises
        ------
        KeyError, RuntimeError
            If the state is not one of this architecture.
        """
        layers = ("encode_fine.0.first", "down_middle", "down_coarse")
        widths = [state[f"{layer}.weight"].shape[0] for layer in layers]
        kinds = [kind for kind in KINDS if f"heads.{kind}.weight" in state]
        network = cls(kinds, widths)
        network.load_state_dict(state)
        return network

    def forward(self, v: Tensor, sigma: Tensor) -> Tensor:
        """Denoise.

        Parameters
        ----------
        v : Tensor
            Noisy image (B, C, H, W), about [0, 1], C one of `kinds`; H and W multiples of
            `MULTIPLE`.
        sigma : Tensor
            Noise standard deviation of each image on the [0, 1] scale, shape (B,).

        Returns
        -------
        Tensor
            The estimate of the clean image (B, C, H, W), not clipped.
        """
        kind = str(v.shape[1])
        sigma = sigma.to(v.dtype).view(-1, 1, 1, 1)
        detail = bounded(v - local_mean(v), MOST_DETAIL * sigma)
        folded = F.pixel_unshuffle(detail, 2)
        batch, _, height, width = folded.shape
        level = sigma.expand(batch, 1, height, width)
        x = torch.cat((folded, level), dim=1).contiguous(memory_format=torch.channels_last)
        fine = self.encode_fine(self.heads[kind](x))
        middle = self.encode_middle(self.down_middle(fine))
        coarse = self.bottom(self.down_coarse(middle))
        middle = self.up_middle(coarse).add_(middle)
        fine = self.up_fine(self.decode_middle(middle)).add_(fine)
        change = self.tails[kind](self.decode_fine(fine)).to(folded.dtype)
        return v + bounded(F.pixel_shuffle(change, 2), MOST_CHANGE * sigma)


def local_mean(image: Tensor) -> Tensor:
    """Return the mean of the square around each pixel, as far as it is within the image."""
    for side in ((NEIGHBOURHOOD, 1), (1, NEIGHBOURHOOD)):
        padding = (side[0] // 2, side[1] // 2)
        image = F.avg_pool2d(image, side, 1, padding, count_include_pad=False)
    return image


def bounded(change: Tensor, most: Tensor) -> Tensor:
    """Return `change` where it is small beside `most`, and never more than `most`.

    Examples
    --------
    >>> bounded(torch.tensor([0.1, -50.0, 2.0]), torch.tensor([1.0, 1.0, 0.0]))
    tensor([ 0.0995, -0.9998,  0.0000])
    """
    return change * most * torch.rsqrt(most.square() + change.square() + TINY)
