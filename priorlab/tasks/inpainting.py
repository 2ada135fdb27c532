"""Inpainting: some pixels are missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import LinearOperator, Mask, Shape
from priorlab.pictures.picture import Picture
from priorlab.tasks import masks
from priorlab.tasks.base import Task
from priorlab.tasks.parameters import assumed, noise_of, sigma_parameter


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inpaint(Task):
    """Fill in missing pixels: a random fraction, overlaid text, a box, or a mask file.

    Examples
    --------
    >>> measurement = Inpaint(missing=0.25).measure(torch.rand(1, 3, 16, 16), seed=0)
    >>> float(measurement.operator.known_pixels.mean())
    0.75
    """

    name: ClassVar[str] = "inpaint"
    kind: str = parameter("random", "which pixels are missing", choices=masks.KINDS)
    missing: float = parameter(
        0.5, "fraction of missing pixels, for random and box", low=0, high=0.999, shown=True
    )
    mask: str = parameter(
        "", "picture of the image's size: white is known, black is missing", file=True
    )
    sigma: float = sigma_parameter(0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask and self.kind != "random":
            raise UsageError(f"{self.name}: give either mask={self.mask} or kind={self.kind}")
        if self.missing != 0.5 and (self.mask or self.kind == "text"):
            raise UsageError(f"{self.name}: missing= is for kind=random and kind=box only")

    @override
    def shown(self) -> list[str]:
        means_nothing = {"missing"} if self.mask or self.kind == "text" else set()
        return [key for key in super().shown() if key not in means_nothing]

    @property
    def noise(self) -> Noise:
        """Gaussian noise on the known pixels."""
        return noise_of(self.sigma)

    def operator(self, shape: Shape, rng: np.random.Generator) -> Mask:
        """Return the mask; the same for all channels."""
        size = shape[-2:]
        if self.mask:
            known = masks.read(self.mask, size)
        else:
            known = masks.draw(self.kind, size, self.missing, rng)
        return Mask(torch.from_numpy(known[None, None].astype(np.float32)))

    @override
    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        return self, assumed(self.sigma, typed)

    def adopt(self, y: Tensor) -> Measurement:
        """Take a picture with missing pixels; the mask file says which."""
        if not self.mask:
            raise UsageError(
                f"{self.name}: needs mask=FILE, a picture that is white where yours is known "
                "and black where it is missing"
            )
        return super().adopt(y)

    def _measurement(self, y: Tensor, operator: LinearOperator, shape: Shape) -> Measurement:
        # Nothing is measured at a missing pixel, not even noise.
        return super()._measurement(operator.adjoint(y), operator, shape)
