"""Bicubic interpolation of small images: what enlarges them without any prior."""

import dataclasses
from typing import ClassVar

from PIL import Image

from priorlab_handcrafted.shared.enlargement import Enlargement


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bicubic(Enlargement):
    """Bicubic interpolation of small images: the baseline of super-resolution.

    The kernel has the parameter a = -0.5.

    R. G. Keys: Cubic convolution interpolation for digital image processing, IEEE Transactions
    on Acoustics, Speech, and Signal Processing 29(6), 1981.
    """

    name: ClassVar[str] = "bicubic"
    resampling = Image.Resampling.BICUBIC
