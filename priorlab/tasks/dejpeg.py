"""Removing what JPEG compression does."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import ClassVar

import numpy as np
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.forward import jpeg
from priorlab.forward.noise import Noise
from priorlab.forward.operators import Identity, LinearOperator, Shape
from priorlab.pictures.picture import Picture
from priorlab.tasks.base import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dejpeg(Task):
    """Remove the blocks and the ringing of JPEG compression.

    Clean images are compressed with Pillow. The quality is that of the Independent JPEG Group,
    as in Pillow and most programs; others count in their own way. For a picture of your own,
    `tables` is the JPEG file that it was read from. Its blocks must begin at the upper left
    corner, so the picture must not have been cropped, resized or rotated since.

    Examples
    --------
    >>> import torch
    >>> clean = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> errors = [(Dejpeg(quality=q).measure(clean, seed=0).y - clean).norm() for q in (10, 90)]
    >>> bool(errors[0] > errors[1])
    True
    """

    name: ClassVar[str] = "dejpeg"
    quality: int = parameter(10, "quality on IJG's scale", low=1, high=100, shown=True)
    subsampling: str = parameter(
        "4:4:4",
        "4:4:4: each pixel has a colour; 4:2:0: four share one",
        choices=jpeg.SUBSAMPLINGS,
    )
    tables: str = parameter("", "JPEG file to take both from instead", file=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tables and (self.quality, self.subsampling) != (10, "4:4:4"):
            raise UsageError(
                f"{self.name}: give either tables={self.tables} or quality and subsampling"
            )

    @override
    def shown(self) -> list[str]:
        means_nothing = {"quality"} if self.tables else set()
        return [key for key in super().shown() if key not in means_nothing]

    @property
    def noise(self) -> Noise:
        """The error that JPEG makes; it is not random."""
        if self.tables:
            return jpeg.of_file(self.tables)
        return jpeg.standard(self.quality, self.subsampling)

    def operator(self, shape: Shape, rng: np.random.Generator) -> LinearOperator:
        """Return the identity; JPEG files hold gray and RGB images only."""
        if shape[1] not in (1, 3):
            raise UsageError(f"{self.name} treats 1 or 3 channels, like JPEG, not {shape[1]}")
        return Identity()

    @override
    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        if "quality" in typed or "tables" in typed:
            return self, ()
        hint = "tables=FILE.jpg takes it from the picture's file"
        return self, (f"no quality was given: assuming quality = {self.quality}; {hint}",)
