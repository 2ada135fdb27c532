"""Bicubic interpolation: enlarges small images without any prior."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from PIL import Image

from priorlab_handcrafted.shared.enlargement import Enlargement


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bicubic(Enlargement):
    """Bicubic interpolation of small images: the baseline of super-resolution.

    The kernel has the parameter a = -0.5.

    R. G. Keys: Cubic convolution interpolation for digital image processing, IEEE Transactions
    on Acoustics, Speech, and Signal Processing 29(6), 1981.

    Differences from the paper
    --------------------------
    - At the border the kernel is cut and its weights sum to one (paper: values beyond it are
      extrapolated, by a parabola).

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.convolution import Downsampling
    >>> from priorlab.forward.measurement import Measurement
    >>> from priorlab.forward.noise import NoNoise
    >>> operator = Downsampling(torch.full((2, 2), 0.25), factor=2)
    >>> y = torch.full((1, 3, 8, 8), 0.5)
    >>> Bicubic().restore(Measurement(y, operator, NoNoise(), (1, 3, 16, 16))).shape
    torch.Size([1, 3, 16, 16])
    """

    name: ClassVar[str] = "bicubic"
    conformance_exceptions: ClassVar[Mapping[str, str]] = {
        "gain": "the degraded picture is enlarged by the same kernel"
    }
    resampling = Image.Resampling.BICUBIC
