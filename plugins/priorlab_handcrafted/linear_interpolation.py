"""Linear interpolation of missing pixels."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy

from priorlab_handcrafted.shared.inpainting import Inpainting, Known, Planes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Linear(Inpainting):
    """Linear interpolation of missing pixels, on the Delaunay triangulation of the known ones.

    Equivalent to `scipy.interpolate.griddata`; outside the hull of the known pixels the nearest
    one is taken.

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
    conformance_exceptions: ClassVar[Mapping[str, str]] = {
        "gain": "the degraded picture has its holes filled, too"
    }

    def fill(self, planes: Planes, known: Known) -> Planes:
        """Return `planes` (N, H, W), interpolated where pixels are not `known` (H, W)."""
        result = planes.copy()
        points, wanted = np.argwhere(known).astype(np.float64), np.argwhere(~known)
        values = planes[:, known].T
        result[:, ~known] = scipy.interpolate.NearestNDInterpolator(points, values)(wanted).T
        # The four corners of a square have no unique triangulation, and Qhull takes long to
        # settle on one. Moving each point by up to 1/10000 pixel halves the time.
        displacement = np.random.default_rng(0).uniform(-1e-4, 1e-4, points.shape)
        # Points on the border stay there: otherwise the hull would bend inwards between them.
        displacement[(points == 0) | (points == np.array(known.shape) - 1)] = 0
        points += displacement
        try:
            linear = scipy.interpolate.LinearNDInterpolator(points, values)(wanted).T
        except (scipy.spatial.QhullError, ValueError):
            return result  # the known pixels lie on a line, or are fewer than three
        result[:, ~known] = np.where(np.isnan(linear), result[:, ~known], linear)
        return result
