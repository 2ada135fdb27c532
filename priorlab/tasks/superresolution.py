"""Super-resolution: the image was blurred and down-sampled."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.forward.convolution import Downsampling
from priorlab.forward.noise import Noise
from priorlab.forward.operators import Shape
from priorlab.pictures.picture import Picture
from priorlab.tasks import error_levels, kernels
from priorlab.tasks.base import Protocol, Task
from priorlab.tasks.parameters import boundary_parameter, noise_of, sigma_parameter


@dataclasses.dataclass(frozen=True, kw_only=True)
class SuperResolution(Task):
    """Enlarge an image that was blurred and down-sampled.

    Clean images are cropped at the right and bottom to a multiple of the factor. The Lanczos
    filter has two lobes, as in Ulyanov, Vedaldi, Lempitsky: Deep Image Prior (CVPR 2018);
    bicubic has a = -0.5, as in Matlab and Pillow; the Gaussian has the width 0.4 x factor.

    Examples
    --------
    >>> SuperResolution(factor=2).measure(torch.rand(1, 3, 33, 40), seed=0).y.shape
    torch.Size([1, 3, 16, 20])
    """

    name: ClassVar[str] = "superres"
    called: ClassVar[str] = "Super-resolution"
    factor: int = parameter(4, "how many times smaller the data are", low=2, high=8, shown=True)
    kernel: str = parameter(
        "lanczos", "filter before down-sampling", choices=("lanczos", "bicubic", "gaussian")
    )
    sigma: float = sigma_parameter(0)
    boundary: str = boundary_parameter("reflect")

    @property
    @override
    def title(self) -> str:
        return self._title(f"×{self.factor}", said={"factor"})

    @property
    def noise(self) -> Noise:
        """Gaussian noise on the small image."""
        return noise_of(self.sigma)

    @property
    def protocol(self) -> Protocol:
        """Luma and a border of `factor` pixels left out, as in the literature."""
        return Protocol("luma", self.factor)

    @property
    @override
    def rules(self) -> str:
        """As every task has them, and what becomes of sides that the factor does not divide."""
        return f"{super().rules}; images cropped to multiples of {self.factor} pixels"

    @override
    def operator(self, shape: Shape, rng: np.random.Generator) -> Downsampling:
        if self.kernel == "gaussian":
            kernel = kernels.gaussian(0.4 * self.factor, even=self.factor % 2 == 0)
        else:
            kernel = kernels.antialias(self.kernel, self.factor)
        operator = Downsampling(torch.from_numpy(kernel).float(), self.factor, self.boundary)
        operator.check(shape[-2:])
        return operator

    def truth(self, clean: Tensor) -> Tensor:
        """Return the image cropped to a multiple of the factor."""
        height, width = clean.shape[-2:]
        return clean[..., : height - height % self.factor, : width - width % self.factor]

    def restored_shape(self, shape: Shape) -> Shape:
        """Return `shape`, enlarged by the factor."""
        return (*shape[:2], shape[2] * self.factor, shape[3] * self.factor)

    @override
    def for_photograph(self, typed: Collection[str]) -> SuperResolution:
        return self if "boundary" in typed else dataclasses.replace(self, boundary="reflect")

    @override
    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        notes = []
        if "factor" not in typed:
            notes.append(f"no factor was given: enlarging {self.factor} times")
        if "kernel" not in typed:
            notes.append(f"no kernel was given: assuming that a {self.kernel} filter made it small")
        task = self.for_photograph(typed)
        if "sigma" not in typed:
            sigma, said = error_levels.of_small(picture)
            task = dataclasses.replace(task, sigma=sigma)
            notes.append(said)
        else:
            notes.extend(error_levels.of_other_scale(self.sigma, picture))
        return task, tuple(notes)
