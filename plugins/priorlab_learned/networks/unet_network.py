"""The U-Net of the learned priors: small, without biases, on an image that is unshuffled by two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self

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
    """``x + conv(activation(conv(x)))``, no normalisation and no bias."""

    def __init__(self, width: int, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = _conv(width, width)
        self._activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape (B, width, H, W)."""
        # In place: no layer needs what this replaces, not even for its gradient.
        change: Tensor = self.second(self._activation(self.first(x)))
        return change.add_(x)


class UNetLayers(nn.Module):
    """The layers: from an image, unshuffled by two, with what is known beside it, to its change.

    The convolutions run on a quarter of the pixels, which is what makes the network usable on a
    CPU [1]_. No layer has a bias.

    Parameters
    ----------
    channels : int
        Image channels, 1 (gray) or 3 (RGB).
    widths : sequence of int
        Feature channels at the three resolutions.

    References
    ----------
    .. [1] Zhang, Zuo, Zhang, "FFDNet: Toward a Fast and Flexible Solution for CNN-Based Image
       Denoising", IEEE TIP 2018.
    """

    beside_image: ClassVar[int] = 1
    """How many channels of the unshuffled input are not the image's."""

    def __init__(self, channels: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.channels = channels
        fine, middle, coarse = widths
        self.head = _conv(4 * channels + self.beside_image, fine)
        self.encode_fine = self._blocks(fine)
        self.down_middle = nn.Conv2d(fine, middle, 2, stride=2, bias=False)
        self.encode_middle = self._blocks(middle)
        self.down_coarse = nn.Conv2d(middle, coarse, 2, stride=2, bias=False)
        self.bottom = self._blocks(coarse)
        self.up_middle = nn.ConvTranspose2d(coarse, middle, 2, stride=2, bias=False)
        self.decode_middle = self._blocks(middle)
        self.up_fine = nn.ConvTranspose2d(middle, fine, 2, stride=2, bias=False)
        self.decode_fine = self._blocks(fine)
        self.tail = _conv(fine, 4 * channels)

    @staticmethod
    def activation(x: Tensor) -> Tensor:
        """Return max(x, 0); in place: no layer needs what it replaces, not even for a gradient."""
        return F.relu_(x)

    def _blocks(self, width: int) -> nn.Sequential:
        return nn.Sequential(*(ResidualBlock(width, self.activation) for _ in range(2)))

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

    def change(self, unshuffled: Tensor) -> Tensor:
        """Return the image's change (B, channels, H, W), from the input (B, C, H / 2, W / 2)."""
        x = unshuffled.contiguous(memory_format=torch.channels_last)
        fine = self.encode_fine(self.head(x))
        middle = self.encode_middle(self.down_middle(fine))
        coarse = self.bottom(self.down_coarse(middle))
        middle = self.up_middle(coarse).add_(middle)
        fine = self.up_fine(self.decode_middle(middle)).add_(fine)
        last: Tensor = self.tail(self.decode_fine(fine))
        return F.pixel_shuffle(last.to(unshuffled.dtype), 2)


class UNetNetwork(UNetLayers):
    """Predict the clean image from a noisy one and its noise level.

    The noise level enters as one constant channel [1]_, so one network serves every level. Without
    biases the network is homogeneous, ``f(a v, a sigma) = a f(v, sigma)`` for ``a > 0``: it cannot
    memorise an absolute noise level and degrades gracefully outside the trained ones [2]_. The
    shape is that of DRUNet [3]_.

    References
    ----------
    .. [1] Zhang, Zuo, Zhang, "FFDNet: Toward a Fast and Flexible Solution for CNN-Based Image
       Denoising", IEEE TIP 2018.
    .. [2] Mohan et al., "Robust and Interpretable Blind Image Denoising via Bias-Free
       Convolutional Neural Networks", ICLR 2020.
    .. [3] Zhang et al., "Plug-and-Play Image Restoration with Deep Denoiser Prior" (DRUNet),
       IEEE TPAMI 2021.
    """

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
        return v + self.change(torch.cat((folded, level), dim=1))
