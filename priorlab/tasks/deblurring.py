"""Deblurring: the image was convolved with a known kernel."""

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
from priorlab.forward.convolution import Convolution
from priorlab.forward.cropped_convolution import CroppedConvolution
from priorlab.forward.noise import Noise
from priorlab.forward.operators import Shape
from priorlab.pictures.picture import Picture
from priorlab.tasks import kernels
from priorlab.tasks.base import Task
from priorlab.tasks.parameters import assumed, boundary_parameter, noise_of, sigma_parameter


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deblur(Task):
    """Undo a known blur: Gaussian, motion, or a kernel from a file.

    A kernel is the picture of a point of light: it is convolved with the image (not correlated,
    as OpenCV's ``filter2D`` does), and its origin, where the point was, is the element
    (rows // 2, columns // 2) counted from 0: the centre of odd sides. That is the convention of
    ``scipy.ndimage.convolve``; `priorlab.tasks.kernel_conventions.convert` converts kernels made
    for other functions of SciPy and OpenCV.

    Examples
    --------
    >>> measurement = Deblur(width=2.0).measure(torch.rand(1, 3, 32, 32), seed=0)
    >>> measurement.operator.kernel.shape
    torch.Size([17, 17])
    """

    name: ClassVar[str] = "deblur"
    kind: str = parameter("gaussian", "what blurs", choices=("gaussian", "motion"))
    width: float = parameter(
        1.6, "standard deviation of the Gaussian", unit="pixels", low=0.1, high=50
    )
    length: float = parameter(15.0, "path of the motion", unit="pixels", low=1, high=200)
    angle: float = parameter(
        45.0, "direction of the motion, counter-clockwise from the horizontal", unit="degrees"
    )
    kernel: str = parameter(
        "", "file with the kernel: an image, a .npy or a .txt matrix", file=True
    )
    sigma: float = sigma_parameter(2)
    boundary: str = boundary_parameter("unknown", "reflect")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel and self.kind != "gaussian":
            raise UsageError(f"{self.name}: give either kernel={self.kernel} or kind={self.kind}")
        for key, kind in (("width", "gaussian"), ("length", "motion"), ("angle", "motion")):
            default = type(self).__dataclass_fields__[key].default
            if getattr(self, key) != default and (self.kernel or self.kind != kind):
                raise UsageError(f"{self.name}: {key}= is for kind={kind} only")

    @property
    def noise(self) -> Noise:
        """Gaussian noise on the blurred image."""
        return noise_of(self.sigma)

    @override
    def operator(self, shape: Shape, rng: np.random.Generator) -> Convolution:
        operator = self._operator()
        operator.check(shape[-2:])
        return operator

    def _operator(self) -> Convolution:
        if self.kernel:
            kernel = kernels.read(self.kernel)
        elif self.kind == "motion":
            kernel = kernels.motion(self.length, self.angle)
        else:
            kernel = kernels.gaussian(self.width)
        values = torch.from_numpy(kernel).float()
        if self.boundary == "unknown":
            return CroppedConvolution(values)
        return Convolution(values, self.boundary)

    @override
    def scene(self, clean: Tensor) -> Tensor:
        return clean

    def truth(self, clean: Tensor) -> Tensor:
        """Return the part of the image that the picture shows: less, if the boundary is unknown."""
        return self._operator().frame(clean) if self.boundary == "unknown" else clean

    @override
    def restored_shape(self, shape: Shape) -> Shape:
        return self._operator().canvas(shape)

    @override
    def for_photograph(self, typed: Collection[str]) -> Deblur:
        return self if "boundary" in typed else dataclasses.replace(self, boundary="reflect")

    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task, blind beyond the frame, if what blurred the picture was typed."""
        needed = {"gaussian": ("width",), "motion": ("length", "angle")}[self.kind]
        if not self.kernel and (missing := [key for key in needed if key not in typed]):
            raise UsageError(
                f"{self.name}: what blurred {picture.name} is not known"
                f" (no {' and no '.join(missing)} was given); give kernel=FILE, or width=PIXELS of"
                " a Gaussian, or kind=motion,length=PIXELS,angle=DEGREES"
            )
        task = self if "boundary" in typed else dataclasses.replace(self, boundary="unknown")
        return task, assumed(self.sigma, typed)
