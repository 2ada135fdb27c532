"""The tasks that come with priorlab: denoising, inpainting, super-resolution, deblurring, JPEG."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.forward import jpeg
from priorlab.forward.convolution import Convolution, Downsampling
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, Noise, NoNoise, Poisson, SaltAndPepper
from priorlab.forward.operators import Identity, LinearOperator, Mask, Shape
from priorlab.pictures.noise_level import estimate_sigma
from priorlab.specs import PER_GRAY_LEVEL, parameter
from priorlab.tasks import kernels, masks
from priorlab.tasks.base import Protocol, Task

BOUNDARY = "how the image goes on beyond its border; tables use circular, photographs need reflect"


def _sigma(default: float) -> float:
    """Declare the standard deviation of Gaussian noise; `default` is typed, on 0-255."""
    value: float = parameter(
        default * PER_GRAY_LEVEL,
        "standard deviation of the Gaussian noise; 0 is none",
        unit="0-255",
        low=0,
        high=1,
        scale=PER_GRAY_LEVEL,
        shown=default > 0,
    )
    return value


def _gaussian(sigma: float) -> Noise:
    return Gaussian(sigma) if sigma > 0 else NoNoise()


def _assumed(sigma: float, typed: Collection[str]) -> str:
    """Return the note on a sigma that nobody typed; empty where there is no noise."""
    if not sigma or "sigma" in typed:
        return ""
    return f"no sigma was given: assuming sigma = {sigma / PER_GRAY_LEVEL:.1f} (0-255 scale)"


def _kernel(kernel: kernels.Kernel) -> Tensor:
    return torch.from_numpy(kernel).float()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Denoise(Task):
    """Remove additive white Gaussian noise."""

    name: ClassVar[str] = "denoise"
    sigma: float = _sigma(25)

    @property
    def noise(self) -> Noise:
        """Gaussian noise; nothing is clipped or rounded."""
        return _gaussian(self.sigma)

    def for_picture(self, picture: NDArray[np.float32], typed: Collection[str]) -> tuple[Task, str]:
        """Return the task with the sigma that the picture seems to have."""
        if "sigma" in typed:
            return self, ""
        sigma = min(estimate_sigma(picture), 1.0)
        # A picture without noise still has the rounding to 8 bits.
        task = dataclasses.replace(self, sigma=max(sigma, NoNoise().sigma))
        shown = sigma / PER_GRAY_LEVEL
        return task, f"no sigma was given: estimated sigma = {shown:.1f} (0-255 scale)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenoisePoisson(Task):
    """Remove photon noise: each pixel is a Poisson count."""

    name: ClassVar[str] = "denoise-poisson"
    peak: float = parameter(30.0, "mean count at white", low=0.1, high=1e6, shown=True)

    @property
    def noise(self) -> Noise:
        """Poisson noise."""
        return Poisson(self.peak)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenoiseImpulse(Task):
    """Remove salt-and-pepper noise: some values are 0 or 1, black or white."""

    name: ClassVar[str] = "denoise-impulse"
    amount: float = parameter(
        0.2, "fraction of the values that are hit", low=0.001, high=1, shown=True
    )

    @property
    def noise(self) -> Noise:
        """Salt-and-pepper noise, independent in the channels of a pixel."""
        return SaltAndPepper(self.amount)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inpaint(Task):
    """Fill in missing pixels: a random fraction, overlaid text, a box, or a mask file."""

    name: ClassVar[str] = "inpaint"
    kind: str = parameter("random", "which pixels are missing", choices=masks.KINDS)
    missing: float = parameter(
        0.5, "fraction of missing pixels, for random and box", low=0, high=0.999, shown=True
    )
    mask: str = parameter(
        "", "picture of the image's size: white is known, black is missing", file=True
    )
    sigma: float = _sigma(0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask and self.kind != "random":
            raise UsageError(f"{self.name}: give either mask={self.mask} or kind={self.kind}")
        if self.missing != 0.5 and (self.mask or self.kind == "text"):
            raise UsageError(f"{self.name}: missing= is for kind=random and kind=box only")

    def spec(self) -> str:
        """Return the spec, without `missing` where it means nothing."""
        text = super().spec()
        if self.mask:
            return text.replace("missing=0.5,", "", 1)
        return text.replace(",missing=0.5", "") if self.kind == "text" else text

    @property
    def noise(self) -> Noise:
        """Gaussian noise on the known pixels."""
        return _gaussian(self.sigma)

    def operator(self, shape: Shape, rng: np.random.Generator) -> Mask:
        """Return the mask; the same for all channels."""
        size = shape[-2:]
        if self.mask:
            known = masks.read(self.mask, size)
        else:
            known = masks.draw(self.kind, size, self.missing, rng)
        return Mask(torch.from_numpy(known[None, None].astype(np.float32)))

    def for_picture(self, picture: NDArray[np.float32], typed: Collection[str]) -> tuple[Task, str]:
        """Return the task, and a note on its sigma."""
        return self, _assumed(self.sigma, typed)

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class SuperResolution(Task):
    """Enlarge an image that was blurred and down-sampled.

    Clean images are cropped at the right and bottom to a multiple of the factor. The Lanczos
    filter has two lobes, as in Ulyanov, Vedaldi, Lempitsky: Deep Image Prior (CVPR 2018);
    bicubic has a = -0.5, as in Matlab and Pillow; the Gaussian has the width 0.4 x factor.
    """

    name: ClassVar[str] = "superres"
    factor: int = parameter(4, "how many times smaller the data are", low=2, high=8, shown=True)
    kernel: str = parameter(
        "lanczos", "filter before down-sampling", choices=("lanczos", "bicubic", "gaussian")
    )
    sigma: float = _sigma(0)
    boundary: str = parameter("circular", BOUNDARY, choices=("circular", "reflect"))

    @property
    def noise(self) -> Noise:
        """Gaussian noise on the small image."""
        return _gaussian(self.sigma)

    @property
    def protocol(self) -> Protocol:
        """Luma and a border of `factor` pixels left out, as in the literature."""
        return Protocol("luma", self.factor)

    def operator(self, shape: Shape, rng: np.random.Generator) -> Downsampling:
        """Return blur and decimation."""
        if self.kernel == "gaussian":
            kernel = kernels.gaussian(0.4 * self.factor, even=self.factor % 2 == 0)
        else:
            kernel = kernels.antialias(self.kernel, self.factor)
        operator = Downsampling(_kernel(kernel), self.factor, self.boundary)
        operator.check(shape[-2:])
        return operator

    def truth(self, clean: Tensor) -> Tensor:
        """Return the image cropped to a multiple of the factor."""
        height, width = clean.shape[-2:]
        return clean[..., : height - height % self.factor, : width - width % self.factor]

    def restored_shape(self, shape: Shape) -> Shape:
        """Return `shape`, enlarged by the factor."""
        return (*shape[:2], shape[2] * self.factor, shape[3] * self.factor)

    def for_photograph(self, typed: Collection[str]) -> SuperResolution:
        """Return the task with a boundary that reflects."""
        return self if "boundary" in typed else dataclasses.replace(self, boundary="reflect")

    def for_picture(self, picture: NDArray[np.float32], typed: Collection[str]) -> tuple[Task, str]:
        """Return the task with a boundary that reflects, and a note on its sigma."""
        return self.for_photograph(typed), _assumed(self.sigma, typed)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deblur(Task):
    """Undo a known blur: Gaussian, motion, or a kernel from a file."""

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
    sigma: float = _sigma(2)
    boundary: str = parameter("circular", BOUNDARY, choices=("circular", "reflect"))

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
        return _gaussian(self.sigma)

    def operator(self, shape: Shape, rng: np.random.Generator) -> Convolution:
        """Return the convolution."""
        if self.kernel:
            kernel = kernels.read(self.kernel)
        elif self.kind == "motion":
            kernel = kernels.motion(self.length, self.angle)
        else:
            kernel = kernels.gaussian(self.width)
        operator = Convolution(_kernel(kernel), self.boundary)
        operator.check(shape[-2:])
        return operator

    def for_photograph(self, typed: Collection[str]) -> Deblur:
        """Return the task with a boundary that reflects."""
        return self if "boundary" in typed else dataclasses.replace(self, boundary="reflect")

    def for_picture(self, picture: NDArray[np.float32], typed: Collection[str]) -> tuple[Task, str]:
        """Return the task with a boundary that reflects, and a note on its sigma."""
        return self.for_photograph(typed), _assumed(self.sigma, typed)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dejpeg(Task):
    """Remove the blocks and the ringing of JPEG compression.

    Clean images are compressed with Pillow. The quality is that of the Independent JPEG Group,
    as in Pillow and most programs; others count in their own way. For a picture of one's own,
    `tables` is the JPEG file that it was read from. Its blocks must begin at the upper left
    corner, so the picture must not have been cropped, resized or rotated since.
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

    def spec(self) -> str:
        """Return the spec, without `quality` where a file has it."""
        text = super().spec()
        return text.replace("quality=10,", "", 1) if self.tables else text

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

    def for_picture(self, picture: NDArray[np.float32], typed: Collection[str]) -> tuple[Task, str]:
        """Return the task, and a note on the quality that it assumes."""
        if "quality" in typed or "tables" in typed:
            return self, ""
        told = "tables=FILE.jpg takes it from the picture's file"
        return self, f"no quality was given: assuming quality = {self.quality}; {told}"


BUILTIN_TASKS: tuple[type[Task], ...] = (
    Denoise,
    DenoisePoisson,
    DenoiseImpulse,
    Inpaint,
    SuperResolution,
    Deblur,
    Dejpeg,
)
