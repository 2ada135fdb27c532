"""Linear interpolation of missing pixels."""

import dataclasses
from typing import ClassVar

import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.spatial import QhullError

from priorlab_handcrafted.shared.inpainting import Inpainting, Known, Planes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Linear(Inpainting):
    """Linear interpolation of missing pixels, on the Delaunay triangulation of the known ones.

    As `scipy.interpolate.griddata` does it; outside the hull of the known pixels the nearest
    one counts.

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.measurement import Measurement
    >>> from priorlab.forward.noise import NoNoise
    >>> from priorlab.forward.operators import Mask
    >>> ramp, mask = torch.linspace(0, 1, 9).expand(1, 1, 9, 9), torch.ones(1, 1, 9, 9)
    >>> mask[..., 3:5, 3:5] = 0
    >>> measurement = Measurement(mask * ramp, Mask(mask), NoNoise(), (1, 1, 9, 9))
    >>> torch.allclose(Linear().restore(measurement), ramp, atol=1e-3)
    True
    """

    name: ClassVar[str] = "linear"

    def fill(self, planes: Planes, known: Known) -> Planes:
        """Return `planes` (N, H, W), interpolated where they are not `known` (H, W)."""
        result = planes.copy()
        points, wanted = np.argwhere(known).astype(np.float64), np.argwhere(~known)
        values = planes[:, known].T
        result[:, ~known] = NearestNDInterpolator(points, values)(wanted).T
        # Four corners of a square have no unique triangulation, which Qhull is slow to settle:
        # a fixed displacement by 1/10000 pixel takes half the time and breaks ties at random.
        displacement = np.random.default_rng(0).uniform(-1e-4, 1e-4, points.shape)
        # Points of the border stay on it: else the hull bends inwards between them.
        displacement[(points == 0) | (points == np.array(known.shape) - 1)] = 0
        points += displacement
        try:
            linear = LinearNDInterpolator(points, values)(wanted).T
        except (QhullError, ValueError):  # the known pixels lie on a line, or are less than three
            return result
        result[:, ~known] = np.where(np.isnan(linear), result[:, ~known], linear)
        return result
