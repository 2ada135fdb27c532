"""Lanczos interpolation: enlarges small images without any prior."""

import dataclasses
from typing import ClassVar

from PIL import Image

from priorlab_handcrafted.shared.enlargement import Enlargement


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lanczos(Enlargement):
    """Lanczos interpolation of small images: a windowed sinc with three lobes.

    C. E. Duchon: Lanczos filtering in one and two dimensions, Journal of Applied Meteorology
    18(8), 1979.

    Differences from the paper
    --------------------------
    - The kernel interpolates pixels, by Pillow (paper: its window smooths the response of filters
      of time series). Weights sum to one in each pixel, also at the border, where the kernel is
      cut (paper: as they come).

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.convolution import Downsampling
    >>> from priorlab.forward.measurement import Measurement
    >>> from priorlab.forward.noise import NoNoise
    >>> operator = Downsampling(torch.full((2, 2), 0.25), factor=2)
    >>> y = torch.full((1, 3, 8, 8), 0.5)
    >>> Lanczos().restore(Measurement(y, operator, NoNoise(), (1, 3, 16, 16))).shape
    torch.Size([1, 3, 16, 16])
    """

    name: ClassVar[str] = "lanczos"
    resampling = Image.Resampling.LANCZOS
