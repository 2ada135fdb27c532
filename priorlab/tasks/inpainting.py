"""Inpainting: some pixels are missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from priorlab.components import PER_GRAY_LEVEL, parameter
from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import LinearOperator, Mask, Shape
from priorlab.pictures import noise_profile
from priorlab.pictures.picture import Picture
from priorlab.tasks import mask_files, mask_marks, masks
from priorlab.tasks.base import Task
from priorlab.tasks.mask_files import MaskReading
from priorlab.tasks.parameters import assumed, noise_of, sigma_parameter

LEAST_SAID = 3 * PER_GRAY_LEVEL
"""Noise that stays is spoken of from this level on."""

NEEDED = (
    "needs mask=FILE, a picture of the same size that is white where yours is known and black "
    "where it is missing, or strokes on a copy of yours; or a picture that is transparent where "
    "it is missing"
)


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
    called: ClassVar[str] = "Inpainting"
    kind: str = parameter("random", "which pixels are missing", choices=masks.KINDS)
    missing: float = parameter(
        0.5, "fraction of missing pixels, for random and box", low=0, high=0.999, shown=True
    )
    mask: str = parameter(
        "",
        "picture of the image's size that marks what is missing, in black or as strokes",
        file=True,
    )
    holes: str = parameter("auto", "what of the mask is missing", choices=mask_marks.HOLES)
    grow: int = parameter(
        mask_files.AUTOMATIC,
        "by how much what the mask marks grows; -1: as its edge needs",
        unit="pixels",
        low=mask_files.AUTOMATIC,
        high=1000,
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
    @override
    def title(self) -> str:
        if "missing" not in self.shown():
            return self._title()
        return self._title(f"{100 * self.missing:g} % missing", said={"missing"})

    @property
    def noise(self) -> Noise:
        """Gaussian noise on the known pixels."""
        return noise_of(self.sigma)

    def operator(self, shape: Shape, rng: np.random.Generator) -> Mask:
        """Return the mask; the same for all channels."""
        size = shape[-2:]
        if self.mask:
            return _operator(self._reading(size).known)
        if (self.holes, self.grow) != ("auto", mask_files.AUTOMATIC):
            raise UsageError(f"{self.name}: holes= and grow= need mask=")
        return _operator(masks.draw(self.kind, size, self.missing, rng))

    @override
    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task, and what its mask was understood to say.

        A picture that is transparent in places, and has no other mask, is its own.
        """
        own = not self.mask
        task = self._with_own_mask(picture, typed) if own else self
        size = (picture.image.shape[1], picture.image.shape[2])
        found = task._reading(size, picture.image)
        doubtful = self.holes == "auto" and (own or not found.sure)
        if doubtful and found.missing > mask_marks.MOST_MISSING:
            raise UsageError(
                f"{self.name}: {found.note}; that is too much to be meant. If it is, add "
                f"holes={found.holes}, else give another mask"
            )
        stays = not self.sigma and "sigma" not in typed
        said = _on_noise(picture, found.known) if stays else assumed(self.sigma, typed)
        return task, (found.note, *said)

    def adopt(self, y: Tensor) -> Measurement:
        """Take a picture with missing pixels; the mask file says which."""
        if not self.mask:
            raise UsageError(f"{self.name}: {NEEDED}")
        shape = self._shape_of_picture(y)
        found = self._reading((shape[2], shape[3]), y[0].cpu().numpy())
        return self._measurement(y, _operator(found.known).to(y.device), shape)

    def _with_own_mask(self, picture: Picture, typed: Collection[str]) -> Inpaint:
        """Return the task with the picture's own opacity as its mask."""
        opacity = picture.opacity
        if (
            opacity is None
            or opacity.min() > 0.5
            or not picture.path
            or {"kind", "missing"} & {*typed}
        ):
            raise UsageError(f"{self.name}: {NEEDED}")
        return dataclasses.replace(
            self,
            mask=str(picture.path),
            holes="transparent" if self.holes == "auto" else self.holes,
        )

    def _reading(self, size: masks.Size, picture: NDArray[np.float32] | None = None) -> MaskReading:
        return mask_files.read(self.mask, size, picture, self.holes, self.grow)

    def _measurement(self, y: Tensor, operator: LinearOperator, shape: Shape) -> Measurement:
        # Nothing is measured at a missing pixel, not even noise.
        return super()._measurement(operator.adjoint(y), operator, shape)


def _on_noise(picture: Picture, known: masks.Known) -> tuple[str, ...]:
    """Return a line on the noise of what is known of a picture, if it has any that is seen."""
    opacity = known.astype(np.float32)
    if picture.opacity is not None:
        opacity *= picture.opacity
    try:
        level = noise_profile.profile(dataclasses.replace(picture, opacity=opacity)).noise.level
    except UsageError:  # too little is known
        return ()
    if level < LEAST_SAID:
        return ()
    shown = f"{level / PER_GRAY_LEVEL:.0f}"
    return (
        f"no sigma was given: noise of about {shown} (0-255 scale) stays; sigma={shown} removes it",
    )


def _operator(known: masks.Known) -> Mask:
    return Mask(torch.from_numpy(known[None, None].astype(np.float32)))
