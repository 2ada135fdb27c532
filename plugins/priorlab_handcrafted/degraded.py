"""No prior at all: the row that every table needs."""

import dataclasses
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.spatial import QhullError
from torch import Tensor

from priorlab.measurement import Measurement
from priorlab.operators import Mask
from priorlab.priors import SILENT, Prior, Trace


@dataclasses.dataclass(frozen=True, kw_only=True)
class Degraded(Prior):
    """The input itself, linearly interpolated where pixels are missing: what any prior must beat.

    Missing pixels are interpolated on the Delaunay triangulation of the known ones, as
    `scipy.interpolate.griddata` does; outside its hull the nearest one counts. Small images are
    enlarged by bicubic interpolation.
    """

    name: ClassVar[str] = "degraded"

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the measurement as a picture of the right shape, clipped to [0, 1]."""
        if not isinstance(measurement.operator, Mask):
            return measurement.initial()
        y = measurement.y.detach().cpu().numpy().astype(np.float64)
        known = measurement.operator.mask.cpu().numpy()[0] > 0.5
        for channels, mask in _groups(known, y.shape[1]):
            y[:, channels] = _fill(y[:, channels], mask)
        return torch.from_numpy(y).to(measurement.y).clamp(0, 1)


def _groups(known: NDArray[np.bool_], channels: int) -> list[tuple[slice, NDArray[np.bool_]]]:
    """Pair channels with their mask; one triangulation serves all that share it."""
    if len(known) == 1:
        return [(slice(0, channels), known[0])]
    return [(slice(channel, channel + 1), mask) for channel, mask in enumerate(known)]


def _fill(y: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill the missing pixels of images (B, C, H, W); mid-gray if nothing is known."""
    if known.all() or not known.any():
        return y if known.any() else np.full_like(y, 0.5)
    planes = y.reshape(-1, *known.shape).copy()
    points, wanted = np.argwhere(known).astype(np.float64), np.argwhere(~known)
    values = planes[:, known].T
    planes[:, ~known] = NearestNDInterpolator(points, values)(wanted).T
    # Four corners of a square have no unique triangulation, which Qhull is slow to settle:
    # a fixed displacement by 1/10000 pixel takes half the time and breaks ties at random.
    points += np.random.default_rng(0).uniform(-1e-4, 1e-4, points.shape)
    try:
        linear = LinearNDInterpolator(points, values)(wanted).T
    except (QhullError, ValueError):  # the known pixels lie on a line, or are fewer than three
        return planes.reshape(y.shape)
    inside = ~np.isnan(linear)
    filled = planes[:, ~known]
    filled[inside] = linear[inside]
    planes[:, ~known] = filled
    return planes.reshape(y.shape)
