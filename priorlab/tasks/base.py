"""A task is a named, parametrised way to degrade an image, with the protocol that judges results.

The built-in ones are in `priorlab.tasks.builtin`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import Identity, LinearOperator, Shape
from priorlab.specs import Component

SMALLEST_SIDE = 11
"""Least side in pixels of the region that metrics see: that of the window of SSIM."""


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What the metrics of a task are computed on.

    Attributes
    ----------
    channels : {"rgb", "luma"}
        All channels, or of a colour image the luma Y of ITU-R BT.601 only.
    crop : int
        Pixels left out along each border, where the image is large enough for it.
    """

    channels: Literal["rgb", "luma"] = "rgb"
    crop: int = 0

    def border(self, height: int, width: int) -> int:
        """Return the pixels left out along each border: less than `crop` in tiny images.

        At least `SMALLEST_SIDE` pixels remain, where the image has as many.
        """
        return max(0, min(self.crop, (min(height, width) - SMALLEST_SIDE) // 2))

    def text(self) -> str:
        """Return the protocol in words, as it is printed with every table."""
        channels = {"rgb": "on all channels (RGB)", "luma": "on the luma Y of BT.601"}
        border = f", {self.crop} border pixels left out" if self.crop else ""
        return f"{channels[self.channels]}{border}; output clipped to [0, 1], not rounded to 8 bits"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(Component, ABC):
    """Abstract base of all tasks: ``y ~ noise(A x)``.

    A subclass is a frozen dataclass whose fields are its parameters. It defines `noise` and,
    unless A is the identity, `operator`.
    """

    @property
    @abstractmethod
    def noise(self) -> Noise:
        """The noise model."""

    @property
    def protocol(self) -> Protocol:
        """What the metrics are computed on; by default all channels and all pixels."""
        return Protocol()

    def operator(self, shape: Shape, rng: np.random.Generator) -> LinearOperator:
        """Return A for images of `shape` (1, C, H, W); `rng` is its only randomness."""
        return Identity()

    def truth(self, clean: Tensor) -> Tensor:
        """Return the part (1, C, H', W') of a clean image that the task degrades.

        `measure` uses this part only, and a restored image is to be compared with it.
        """
        return clean

    def measure(self, clean: Tensor, seed: int) -> Measurement:
        """Degrade a clean image.

        The randomness derives from the task's fingerprint, the image's content and the seed,
        so the measurement is the same whatever was computed before, and wherever.

        Parameters
        ----------
        clean : Tensor
            Shape (1, C, H, W), in [0, 1].
        seed : int
            Which of the possible measurements to draw.

        Raises
        ------
        UsageError
            If the image is too small for the task, or a file the task needs does not fit.
        """
        from priorlab.pictures import images

        clean = self.truth(clean)
        exact = clean.detach().cpu().double()
        image = images.digest(exact[0].float().numpy())
        facts = json.dumps({"task": self.fingerprint(), "image": image, "seed": seed})
        entropy = int(hashlib.sha256(facts.encode()).hexdigest(), 16)
        rng_operator, rng_noise = map(
            np.random.default_rng, np.random.SeedSequence(entropy).spawn(2)
        )
        shape = _shape(clean)
        operator = self.operator(shape, rng_operator)
        y = self.noise.sample(operator.forward(exact).numpy(), rng_noise)
        return self._measurement(torch.from_numpy(y), operator, shape).to(clean.device)

    def adopt(self, y: Tensor) -> Measurement:
        """Take a picture (1, C, H, W) as one that this task has already degraded.

        Raises
        ------
        UsageError
            If the task does not say what exactly happened to the picture.
        """
        shape = self.restored_shape(_shape(y))
        operator = self.operator(shape, np.random.default_rng(0))
        return self._measurement(y, operator.to(y.device), shape)

    def restored_shape(self, shape: Shape) -> Shape:
        """Return the shape of the image to which data of `shape` belong."""
        return shape

    def _measurement(self, y: Tensor, operator: LinearOperator, shape: Shape) -> Measurement:
        return Measurement(y.float(), operator, self.noise, shape)


def _shape(x: Tensor) -> Shape:
    if x.ndim != 4 or x.shape[0] != 1 or x.shape[1] not in (1, 3):
        raise ValueError(f"expected one image of shape (1, 1 or 3, H, W), not {tuple(x.shape)}")
    return (1, x.shape[1], x.shape[2], x.shape[3])
