"""Noisy and clean crops of photographs, drawn anew for each step.

Most photographs are stored with colour at half resolution, and a network that sees nothing else
takes sharp colour for noise. So half of the colour crops are of photographs at half size, whose
colour is as sharp as their brightness, most of them with changed colours: channels exchanged,
more or less saturated, other gains, another gamma.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from priorlab.forward.jpeg import TO_YCBCR
from priorlab.training.photographs import Array, crop, gray, halved

Floats = npt.NDArray[np.float32]

CROP = 64
BATCH = 16
MIDDLE, LOW, HIGH = (0.0, 55.0), (0.1, 10.0), (55.0, 255.0)
"""Ranges of noise levels, on the 0-255 scale: the levels of `LOW` are drawn evenly on a logarithmic
scale, the others evenly."""
SHARE_LOW, SHARE_HIGH = 0.15, 0.05

SHARE_HALVED = {1: 0.25, 3: 0.5}
"""The share of crops that are of photographs at half size, for gray and for colour."""
SHARE_RECOLOURED = 0.7
"""The share of those colour crops whose colours are changed."""
LUMA = TO_YCBCR[0].astype(np.float32)[:, None, None]


class Pairs:
    """Draws batches of noisy and clean crops.

    Parameters
    ----------
    photographs : list of uint8 arrays
        Colour images (3, H, W), each side at least ``2 * CROP``.
    level : float
        The noise level of all of them on the 0-255 scale, or 0 for levels from 0 to 255.
    """

    def __init__(self, photographs: list[Array], level: float = 0) -> None:
        self._level = level
        small = [halved(image) for image in photographs]
        self._images = {
            1: ([gray(image) for image in photographs], [gray(image) for image in small]),
            3: (photographs, small),
        }

    def draw(self, kind: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Draw clean crops (B, kind, 64, 64) in [0, 1], their noise, and the levels (B,)."""
        clean = self.draw_clean(kind, rng)
        sigma = draw_levels(BATCH, rng)
        if self._level:
            sigma = np.full_like(sigma, self._level / 255)
        noise = rng.standard_normal(clean.shape, np.float32) * sigma[:, None, None, None]
        return clean, torch.from_numpy(noise), torch.from_numpy(sigma)

    def draw_clean(self, kind: int, rng: np.random.Generator) -> Tensor:
        """Draw clean crops (B, kind, 64, 64) in [0, 1]."""
        whole, small = self._images[kind]
        crops = []
        for index in rng.integers(len(whole), size=BATCH):
            if rng.random() >= SHARE_HALVED[kind]:
                crops.append(crop(whole[index], CROP, rng))
                continue
            part = crop(small[index], CROP, rng)
            if kind == 3 and rng.random() < SHARE_RECOLOURED:
                part = recoloured(part, rng)
            crops.append(part)
        return torch.from_numpy(np.stack(crops))


class NoisyCrops:
    """Draws crops of noisy photographs, of which there is no clean version.

    Parameters
    ----------
    photographs : list of uint8 arrays
        Colour images (3, H, W).
    level : float
        Their noise level, on the 0-255 scale.
    clean : bool
        They are clean in truth, and get noise of that level: once, the same in every step.
    seed : int
        That of this noise.
    """

    def __init__(self, photographs: list[Array], level: float, clean: bool, seed: int) -> None:
        rng = np.random.default_rng([seed, len(photographs)])
        self._level = level / 255

        def noisy(image: Array) -> npt.NDArray[np.float16]:
            values = image.astype(np.float32) / 255
            if clean:
                values += np.float32(self._level) * rng.standard_normal(values.shape, np.float32)
            return values.astype(np.float16)

        self._images = {
            1: [noisy(gray(image)) for image in photographs],
            3: [noisy(image) for image in photographs],
        }

    def draw(self, kind: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw noisy crops (B, kind, 64, 64) in about [0, 1], and their levels (B,)."""
        images = self._images[kind]
        crops = [crop(images[index], CROP, rng) for index in rng.integers(len(images), size=BATCH)]
        return torch.from_numpy(np.stack(crops)), torch.full((BATCH,), self._level)


def draw_levels(count: int, rng: np.random.Generator) -> Floats:
    """Draw noise levels on the [0, 1] scale."""
    low = np.exp(rng.uniform(math.log(LOW[0]), math.log(LOW[1]), count))
    high, middle = rng.uniform(*HIGH, count), rng.uniform(*MIDDLE, count)
    kind = rng.random(count)
    levels = np.where(kind < SHARE_LOW, low, np.where(kind < SHARE_LOW + SHARE_HIGH, high, middle))
    return (levels / 255).astype(np.float32)


def recoloured(image: Floats, rng: np.random.Generator) -> Floats:
    """Return a colour crop (3, H, W) with its channels exchanged and other colours, in [0, 1]."""
    image = image[rng.permutation(3)]
    luma = (image * LUMA).sum(0, keepdims=True)
    image = luma + (image - luma) * np.float32(np.exp(rng.uniform(-0.3, 1.0)))
    image = image * rng.uniform(0.7, 1.15, (3, 1, 1)).astype(np.float32)
    gamma = np.float32(np.exp(rng.uniform(-0.4, 0.4)))
    return np.power(np.clip(image, 0, 1), gamma)
