"""Deblurring: the image was convolved with a known kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.forward import kernel_evidence
from priorlab.forward.convolution import Convolution
from priorlab.forward.cropped_convolution import CroppedConvolution
from priorlab.forward.hidden_light import looked_for, without_hidden_light
from priorlab.forward.kernel_estimation import estimate_kernel
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import Shape
from priorlab.pictures import bars
from priorlab.pictures.hidden import clear_pixels, largest_part_without
from priorlab.pictures.picture import Picture
from priorlab.tasks import error_levels, kernels
from priorlab.tasks.base import Task
from priorlab.tasks.parameters import boundary_parameter, noise_of, sigma_parameter

KIND_OF = {"width": "gaussian", "length": "motion", "angle": "motion", "size": "estimate"}
"""The kind of blur that each parameter describes."""

LEAST_SIDE = 3
"""Side of the smallest kernel that is estimated."""

AROUND_EDGE = 16
"""Pixels on either side of a bar's edge that are looked at, unless the kernel is larger."""

CONTRADICTION = (
    "no image that is blurred so looks like the picture, which may become worse: is it sharp, was"
    " it framed or changed after the blur, or is the kernel another one?"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deblur(Task):
    """Undo a blur: Gaussian, motion, a kernel from a file, or one estimated from the picture.

    A kernel is the picture of a point of light: it is convolved with the image (not correlated,
    as OpenCV's ``filter2D`` does), and its origin, where the point was, is the element
    (rows // 2, columns // 2) counted from 0: the centre of odd sides. That is the convention of
    ``scipy.ndimage.convolve``; `priorlab.tasks.kernel_conventions.convert` converts kernels made
    for other functions of SciPy and OpenCV.

    ``kind=estimate`` is for a picture that a moving camera blurred evenly: the kernel is estimated
    from its edges (`priorlab.forward.kernel_estimation`) and written beside the result.

    Examples
    --------
    >>> measurement = Deblur(width=2.0).measure(torch.rand(1, 3, 32, 32), seed=0)
    >>> measurement.operator.kernel.shape
    torch.Size([17, 17])
    """

    name: ClassVar[str] = "deblur"
    called: ClassVar[str] = "Deblurring"
    kind: str = parameter("gaussian", "what blurs", choices=("gaussian", "motion", "estimate"))
    width: float = parameter(
        1.6, "standard deviation of the Gaussian", unit="pixels", low=0.1, high=50
    )
    length: float = parameter(15.0, "path of the motion", unit="pixels", low=1, high=200)
    angle: float = parameter(
        45.0, "direction of the motion, counter-clockwise from the horizontal", unit="degrees"
    )
    size: int = parameter(
        25,
        "side of the kernel to estimate, odd, somewhat more than the blur",
        low=LEAST_SIDE,
        high=99,
    )
    kernel: str = parameter(
        "", "file with the kernel: an image, a .npy or a .txt matrix; its sum is made 1", file=True
    )
    sigma: float = sigma_parameter(2)
    boundary: str = boundary_parameter("unknown", "reflect")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel and self.kind != "gaussian":
            raise UsageError(f"{self.name}: give either kernel={self.kernel} or kind={self.kind}")
        for key, kind in KIND_OF.items():
            default = type(self).__dataclass_fields__[key].default
            if getattr(self, key) != default and (self.kernel or self.kind != kind):
                raise UsageError(f"{self.name}: {key}= is for kind={kind} only")
        if self.size % 2 == 0:
            raise UsageError(f"{self.name}: size={self.size} must be odd, for the kernel's middle")

    @property
    def noise(self) -> Noise:
        """Gaussian noise on the blurred image."""
        return noise_of(self.sigma)

    @property
    @override
    def rules(self) -> str:
        """As every task has them, and what a picture shows that light reached from beyond it."""
        within = "; images without the border into which the blur brings what lies beyond"
        return super().rules + (within if self.boundary == "unknown" else "")

    @override
    def operator(self, shape: Shape, rng: np.random.Generator) -> Convolution:
        operator = self._operator()
        operator.check(shape[-2:])
        return operator

    def _operator(self) -> Convolution:
        if self.kernel:
            kernel = kernels.read(self.kernel)
        elif self.kind == "estimate":
            raise UsageError(
                f"{self.name}: kind=estimate is for restoring a picture; say with what to blur one"
            )
        elif self.kind == "motion":
            kernel = kernels.motion(self.length, self.angle)
        else:
            kernel = kernels.gaussian(self.width)
        return self._convolution(kernel)

    def _convolution(self, kernel: kernels.Kernel) -> Convolution:
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
    def part_of(self, picture: Picture) -> bars.Part | None:
        """Return what lies between bars whose edges are sharper than the blur.

        What stands under clear pixels is no bar.
        """
        if self.boundary != "unknown" or clear_pixels(picture) is not None:
            return None
        part = bars.picture_within(picture.image)
        if part is None:
            return None
        operator = self._operator() if self.kind != "estimate" else self._found_in(picture, part)
        kernel = operator.kernel.numpy()
        around = max(AROUND_EDGE, *kernel.shape)
        for edge in bars.edges(picture.image, part, around):
            shown = torch.from_numpy(np.ascontiguousarray(edge))[None]
            if kernel_evidence.is_sharper(shown, kernel, self.sigma):
                return part
        return None

    def _found_in(self, picture: Picture, part: bars.Part) -> Convolution:
        """Return what blurs a part of a picture, as it is estimated from that."""
        y = torch.from_numpy(np.ascontiguousarray(picture.image[:, *part]))[None]
        return self._estimated(y)

    @override
    def adopt(self, y: Tensor) -> Measurement:
        if self.kind == "estimate":
            return self._adopted(y, y)
        return self._within_white(super().adopt(y))

    @override
    def adopt_cut_out(self, y: Tensor, clear: NDArray[np.bool_]) -> Measurement:
        """Take a picture as `adopt` does; a kernel is estimated where no pixel is clear."""
        if self.kind != "estimate":
            return self.adopt(y)
        return self._adopted(y, _without(y, clear))

    def _adopted(self, y: Tensor, shown: Tensor) -> Measurement:
        """Take a picture as blurred by the kernel that is estimated from a part of it."""
        shape = self._shape_of_picture(y)
        operator = self._estimated(shown)
        measurement = self._measurement(y, operator.to(y.device), operator.canvas(shape))
        return self._within_white(measurement)

    def _estimated(self, shown: Tensor) -> Convolution:
        """Return what blurs a picture, as it is estimated from a part of it."""
        side = min(self.size, *(n - 1 + n % 2 for n in shown.shape[2:]))
        if side < LEAST_SIDE:
            raise UsageError(
                f"{self.name}: the picture has no part without clear pixels that is large enough"
                " to estimate a kernel from"
            )
        return self._convolution(estimate_kernel(shown, side))

    def _within_white(self, measurement: Measurement) -> Measurement:
        """Return the measurement of a picture without the light that it hides at white."""
        if self.boundary != "unknown":  # as pictures are not taken
            return measurement
        operator = cast(CroppedConvolution, measurement.operator)
        y = without_hidden_light(measurement.y, operator, self.sigma)
        return dataclasses.replace(measurement, y=y)

    @override
    def pictures(self, measurement: Measurement) -> dict[str, Tensor]:
        if self.kind != "estimate":
            return {}
        operator = cast(Convolution, measurement.operator)  # as `adopt` made it
        return {"kernel": operator.kernel[None, None]}

    @override
    def doubts(self, measurement: Measurement, clear: NDArray[np.bool_] | None) -> tuple[str, ...]:
        """Say why the kernel that was estimated, or the blur that was typed, may be wrong."""
        kernel = cast(Convolution, measurement.operator).kernel.cpu().numpy()
        y = measurement.y
        shown = y if clear is None else _without(y, clear)
        if self.kind != "estimate":
            wrong = kernel_evidence.contradicts(shown, kernel, self.sigma)
            return (CONTRADICTION,) if wrong else ()
        return kernel_evidence.doubts(shown, kernel, self.sigma)

    @override
    def restored_shape(self, shape: Shape) -> Shape:
        return self._operator().canvas(shape)

    @override
    def for_photograph(self, typed: Collection[str]) -> Deblur:
        return self if "boundary" in typed else dataclasses.replace(self, boundary="reflect")

    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task, blind beyond the frame, if what blurred the picture was typed."""
        needed = [key for key, kind in KIND_OF.items() if kind == self.kind and key != "size"]
        if not self.kernel and (missing := [key for key in needed if key not in typed]):
            raise UsageError(
                f"{self.name}: what blurred {picture.name} is not known"
                f" (no {' and no '.join(missing)} was given); give kernel=FILE, or width=PIXELS of"
                " a Gaussian, or kind=motion,length=PIXELS,angle=DEGREES, or kind=estimate"
            )
        task = self if "boundary" in typed else dataclasses.replace(self, boundary="unknown")
        if "sigma" in typed:
            notes = error_levels.of_other_scale(self.sigma, picture)
        else:
            sigma, said = error_levels.of_blurred(picture)
            task, notes = dataclasses.replace(task, sigma=sigma), (said,)
        if self.kernel and (beside := kernels.light_beside_origin(kernels.read(self.kernel))):
            notes = (*notes, _shifted(self.kernel, beside))
        if self.kind == "estimate":
            side = "" if "size" in typed else ", the default: give size= if the blur is larger"
            notes = (f"estimating a kernel of at most {self.size} pixels{side}", *notes)
            if (clear := clear_pixels(picture)) is not None:
                rows, columns = largest_part_without(clear)
                shown = f"{columns.stop - columns.start}x{rows.stop - rows.start}"
                notes = (*notes, f"estimating it from {shown} pixels, none of which is clear")
        if task.boundary == "unknown":
            looking = looked_for(torch.from_numpy(picture.image)[None], task.sigma)
            notes = (*notes, looking) if looking else notes
        return task, notes


def _shifted(kernel: str, beside: tuple[int, int]) -> str:
    """Return the line on a kernel file whose light lies rows and columns beside its middle."""
    ways = (("below", "above"), ("to the right", "to the left"))
    parts = [
        f"{abs(n)} pixel{'s' * (abs(n) > 1)} {names[n < 0]}"
        for n, names in zip(beside, ways, strict=True)
        if n
    ]
    return (
        f"all light of {kernel} lies beside its middle, at least {' and '.join(parts)}: the result"
        " is shifted by as much, and what comes in at its border is made up; cut the kernel out"
        " with its light in the middle"
    )


def _without(y: Tensor, clear: NDArray[np.bool_]) -> Tensor:
    """Return the part of a picture from which a kernel can be estimated: no pixel is clear."""
    return y[..., *largest_part_without(clear)]
