"""Lanczos interpolation of small images: what enlarges them without any prior."""

import dataclasses
from typing import ClassVar

from PIL import Image

from priorlab_handcrafted.shared.enlargement import Enlargement


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lanczos(Enlargement):
    """Lanczos interpolation of small images: a windowed sinc with three lobes.

    C. E. Duchon: Lanczos filtering in one and two dimensions, Journal of Applied Meteorology
    18(8), 1979.
    """

    name: ClassVar[str] = "lanczos"
    resampling = Image.Resampling.LANCZOS
