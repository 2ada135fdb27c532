"""The fixed inputs z of the networks."""

from __future__ import annotations

import math

import scipy
import torch
from torch import Tensor
from torch.nn import functional

from priorlab.forward.measurement import Measurement
from priorlab.solvers.parameter_space.member import noisy

CODES = ("noise", "meshgrid", "fourier")
"""The codes by the name that the parameter `code` takes."""

COORDINATES = 2
"""Channels of `meshgrid`."""

FINEST, FINEST_OF_EXACT = 2.0, 1.0
"""Standard deviation in pixels of the narrowest filter of `guides`, of noisy data and of others.
The noise that a narrower one lets through stays in the image."""

CONTRAST = 0.25
"""Of a guide, relative to that of the picture."""

MARGIN = 4
"""Pixels by which guides go on beyond the picture on each side. Convolutions take what is further
out for gray, and the first rows of a dark picture would show that."""

WAVES = 4
"""Channels that `fourier` has of each frequency: sine and cosine, across and down."""


def noise(channels: int, height: int, width: int) -> Tensor:
    """Return uniform noise between 0 and 0.1, shape (1, channels, height, width)."""
    return torch.rand(1, channels, height, width) / 10


def meshgrid(height: int, width: int) -> Tensor:
    """Return the coordinates of the pixels, each from 0 to 1: shape (1, 2, height, width)."""
    across = torch.linspace(0, 1, width).expand(height, width)
    down = torch.linspace(0, 1, height)[:, None].expand(height, width)
    return torch.stack([across, down])[None]


def fourier(channels: int, height: int, width: int) -> Tensor:
    """Return waves of the coordinates, between -0.1 and 0.1: (1, channels, height, width).

    From one period along the longer side to just below the finest that pixels can show, at
    constant ratios; `channels` is a multiple of `WAVES`.

    Source: Tancik, Srinivasan, Mildenhall, Fridovich-Keil, Raghavan, Singhal, Ramamoorthi,
    Barron, Ng, "Fourier features let networks learn high frequency functions in low dimensional
    domains", NeurIPS 2020 (the deterministic mapping of each coordinate).
    """
    longest, count = max(height, width), channels // WAVES
    frequencies = (longest / 2) ** (torch.arange(count) / count)
    turns = 2 * math.pi * frequencies[:, None] * torch.arange(longest) / longest
    waves = torch.stack([turns.sin(), turns.cos()]) / 10
    across = waves[..., None, :width].expand(2, count, height, width)
    down = waves[..., :height, None].expand(2, count, height, width)
    return torch.stack([across, down]).reshape(1, channels, height, width)


def guides(measurement: Measurement, count: int, height: int, width: int) -> Tensor:
    """Return what was measured of one picture, blurred: (1, count * C, height, width).

    Gaussian filters, of `FINEST` pixels, twice that, and so on, of the picture that uses no prior.
    Each channel has mean 0 and `CONTRAST`. The picture begins after `MARGIN` pixels, and its
    outermost pixels are repeated on all sides.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Denoise
    >>> guides(Denoise().measure(torch.rand(1, 3, 30, 20), seed=0), 2, 40, 32).shape
    torch.Size([1, 6, 40, 32])
    """
    y = measurement.y
    # Not cut off at black and white: dark noise would become light.
    picture = measurement.operator.initial_guess(y, measurement.shape)
    picture = CONTRAST * (picture - picture.mean((2, 3), keepdim=True))
    finest = FINEST if noisy(measurement) else FINEST_OF_EXACT
    values = picture[0].float().cpu().numpy()
    deviations = [finest * 2**octave for octave in range(count)]
    blurred = [
        torch.from_numpy(scipy.ndimage.gaussian_filter(values, (0, one, one))) for one in deviations
    ]
    rows, columns = height - MARGIN - picture.shape[2], width - MARGIN - picture.shape[3]
    code = functional.pad(torch.cat(blurred)[None], (MARGIN, columns, MARGIN, rows), "replicate")
    return code.to(y.device)
