"""The two-dimensional discrete cosine transform (type II), orthonormal, on any device.

It diagonalises differences with a replicated border, as the FFT does those that wrap around.
Each axis takes one FFT of its own length (J. Makhoul: A fast cosine transform in one and two
dimensions, IEEE Transactions on Acoustics, Speech, and Signal Processing 28(1), 1980).
"""

import math

import torch
from torch import Tensor


def dct2(x: Tensor) -> Tensor:
    """Return the orthonormal DCT-II of the last two axes of `x`, real and of any size."""
    return _forward(_forward(x).mT).mT


def idct2(x: Tensor) -> Tensor:
    """Return the inverse of `dct2`."""
    return _inverse(_inverse(x).mT).mT


def laplacian_eigenvalues(height: int, width: int, like: Tensor) -> Tensor:
    """Return the eigenvalues (height, width) of ``D^T D``, D forward differences.

    They are >= 0, belong to the basis of `dct2`, and assume a replicated border.
    """
    rows, columns = (
        (2 * torch.sin(math.pi / (2 * size) * torch.arange(size).to(like))).square()
        for size in (height, width)
    )
    return rows[:, None] + columns


def _forward(x: Tensor) -> Tensor:
    size = x.shape[-1]
    folded = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1)
    return (torch.fft.fft(folded) * _twiddle(size, x)).real


def _inverse(x: Tensor) -> Tensor:
    size = x.shape[-1]
    # The spectrum of a real signal: X[k] - i X[N - k], turned back by the twiddle factors.
    mirrored = torch.cat([torch.zeros_like(x[..., :1]), x[..., 1:].flip(-1)], -1)
    spectrum = torch.complex(x, -mirrored) / _twiddle(size, x)
    folded = torch.fft.ifft(spectrum).real
    half = (size + 1) // 2
    out = torch.empty_like(x)
    out[..., ::2] = folded[..., :half]
    out[..., 1::2] = folded[..., half:].flip(-1)
    return out


def _twiddle(size: int, like: Tensor) -> Tensor:
    """Return the phase and the orthonormal scale by which FFT and DCT coefficients differ."""
    index = torch.arange(size).to(like)
    scale = torch.full_like(index, math.sqrt(2 / size))
    scale[0] = math.sqrt(1 / size)
    return torch.polar(scale, -math.pi / (2 * size) * index)
