"""Biharmonic interpolation of missing pixels."""

import dataclasses
import itertools
import math
from typing import ClassVar

import numpy as np
import scipy
from typing_extensions import override

from priorlab.forward.measurement import Measurement
from priorlab_handcrafted.shared.inpainting import Inpainting, Known, Planes, known_planes

SIDE = 256
"""Images are filled window by window, each with this many pixels a side, or more if holes are wide:
time and memory then grow only linearly with the image."""

REACH = 4
"""The margin around a window, in units of the greatest distance to a known pixel."""

WIDEST = 512
"""Widest hole in pixels: wider ones would take minutes and gigabytes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Biharmonic(Inpainting):
    """Biharmonic interpolation of missing pixels: the surface bends as little as possible.

    Solves ``laplacian(laplacian(x)) = 0`` at the missing pixels, as
    `skimage.restoration.inpaint_biharmonic` does, and keeps the range of the known ones.

    S. B. Damelin, N. S. Hoang: On surface completion and image inpainting by biharmonic
    functions: numerical aspects, International Journal of Mathematics and Mathematical
    Sciences, 2018.

    Differences from the paper
    --------------------------
    - Large pictures are filled window by window (`SIDE`), each with a margin of `REACH` times the
      greatest distance to a known pixel; what is farther has no influence (paper: all of it has).
    - Values outside the range of the known ones are cut off, as scikit-image does.

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.noise import NoNoise
    >>> from priorlab.forward.operators import Mask
    >>> ramp, mask = torch.linspace(0, 1, 9).expand(1, 1, 9, 9), torch.ones(1, 1, 9, 9)
    >>> mask[..., 3:5, 3:5] = 0
    >>> measurement = Measurement(mask * ramp, Mask(mask), NoNoise(), (1, 1, 9, 9))
    >>> torch.allclose(Biharmonic().restore(measurement), ramp, atol=0.02)
    True
    """

    name: ClassVar[str] = "biharmonic"

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        if reason := super().unsupported(measurement):
            return reason
        width = max(2 * _greatest_distance(mask) for mask in known_planes(measurement))
        if width > WIDEST:
            return f"it fills holes up to {WIDEST} pixels wide, not {width:.0f}"
        return None

    def fill(self, planes: Planes, known: Known) -> Planes:
        """Return `planes` (N, H, W), with a smooth surface where pixels are not `known` (H, W)."""
        from skimage.restoration import inpaint_biharmonic

        margin = math.ceil(REACH * _greatest_distance(known))
        side = max(SIDE, 2 * margin)
        result = planes.copy()
        starts = (range(0, length, side) for length in known.shape)
        for top, left in itertools.product(*starts):
            inner = np.s_[top : top + side, left : left + side]
            missing = ~known[inner]
            if not missing.any():
                continue
            first = max(0, top - margin), max(0, left - margin)
            window = np.s_[first[0] : top + side + margin, first[1] : left + side + margin]
            filled = inpaint_biharmonic(planes[:, *window], ~known[window], channel_axis=0)
            filled = filled[:, top - first[0] :, left - first[1] :][:, :side, :side]
            result[:, *inner] = np.where(missing, filled, planes[:, *inner])
        return result


def _greatest_distance(known: Known) -> float:
    """Return the distance of the most remote missing pixel from a known one; 0 without either."""
    if known.all() or not known.any():
        return 0.0
    return float(scipy.ndimage.distance_transform_edt(~known).max())
