"""The Fourier transform of real images over their pixels."""

from __future__ import annotations

from collections.abc import Iterable

import scipy
import torch
from torch import Tensor


def spectrum_of(x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """Return the Fourier transform over the pixels, after padding with zeros to `size`."""
    # MKL refuses some strides, such as those of one image that stands for several (torch 2.6).
    spectrum: Tensor = torch.fft.rfft2(x.contiguous(), s=size)
    return spectrum


def image_of(spectrum: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the image of `size` (H, W) that has this transform."""
    image: Tensor = torch.fft.irfft2(spectrum, s=size)
    return image


def fast_size(size: Iterable[int]) -> tuple[int, int]:
    """Return the least size (H, W), not below the given one, whose transform is fast."""
    rows, columns = (scipy.fft.next_fast_len(side, real=True) for side in size)
    return rows, columns
