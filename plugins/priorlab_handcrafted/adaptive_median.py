"""Adaptive median filter: repair the values hit by impulses and leave the others alone."""

import dataclasses
from typing import ClassVar

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.forward.measurement import Measurement
from priorlab.priors import Prior
from priorlab.recipes import WithRecipe
from priorlab.trace import SILENT, Trace
from priorlab_handcrafted.shared.compiled import kernel
from priorlab_handcrafted.shared.threads import Threads

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdaptiveMedian(WithRecipe, Prior):
    """Adaptive switching median filter: repair what salt and pepper hit and nothing else.

    A value counts as an impulse if it is 0 or 1, unless most values around it are the same (see
    `priorlab.forward.impulses`). Each impulse is replaced by the median of the values that are
    not impulses, in the smallest window that contains any. Each channel is filtered on its own.

    H. Hwang, R. A. Haddad: Adaptive median filters: new algorithms and results, IEEE
    Transactions on Image Processing 4(4), 1995.

    Differences from the paper
    --------------------------
    The paper is about its first filter, by ranks.

    - What is an impulse is decided by its value, 0 or 1, and by how common that is around it
      (paper: a value that is the least or the greatest of its window, in the smallest window
      whose median is neither).
    - The median is that of the good values (paper: that of all values of the window).
    - Where the widest window has no good value, the nearest one is taken (paper: the median of
      the widest window, if that is its least or its greatest value).

    ``recipe=paper`` has none of these; `largest` is then the width of the widest window. Windows
    are cut off at the border, of which the paper says nothing.

    Examples
    --------
    >>> from priorlab.forward.noise import SaltAndPepper
    >>> from priorlab.forward.operators import Identity
    >>> y = torch.full((1, 1, 16, 16), 0.5)
    >>> y[..., 8, 8] = 1
    >>> measurement = Measurement(y, Identity(), SaltAndPepper(0.01), (1, 1, 16, 16))
    >>> bool((AdaptiveMedian().restore(measurement) == 0.5).all())
    True
    """

    name: ClassVar[str] = "adaptive-median"
    largest: int = parameter(
        21,
        "width of the largest window; if it holds no good value, the nearest one is taken",
        unit="pixels",
        low=3,
        high=99,
    )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Compile the loops."""
        repair(np.zeros((3, 3), np.float32), np.eye(3, dtype=np.bool_), 1)
        filter_by_ranks(np.zeros((3, 3), np.float32), 1, np.zeros((3, 3), np.float32))

    @override
    def unsupported(self, measurement: Measurement) -> str | None:
        return None if measurement.has_outliers else "it only repairs salt-and-pepper noise"

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the measurement with its impulses replaced."""
        self.require(measurement)
        y = measurement.y.detach().cpu()
        good, reach = measurement.noise.reliable_pixels(y), self.largest // 2

        def work(plane: Array, known: Mask) -> Tensor:
            if not self.as_in_paper:
                return torch.from_numpy(repair(plane, known, reach))
            filtered = np.empty(plane.shape, np.float32)
            filter_by_ranks(plane.astype(np.float32), reach, filtered)
            return torch.from_numpy(filtered)

        planes = zip(y.flatten(0, 1).numpy(), good.flatten(0, 1).numpy(), strict=True)
        with Threads() as threads:
            results = threads.map(lambda pair: work(*pair), planes)
        return torch.stack(results).view(y.shape).to(measurement.y)


def repair(plane: Array, good: Mask, reach: int) -> Array:
    """Return the plane with all bad values replaced, or unchanged if every value is bad."""
    repaired = plane.copy()
    if good.all() or not good.any():
        return repaired
    left = np.zeros(plane.shape, np.bool_)
    replace_by_medians(plane, good, reach, repaired, left)
    if left.any():
        nearest = scipy.ndimage.distance_transform_edt(
            ~good, return_distances=False, return_indices=True
        )
        repaired[left] = plane[tuple(nearest)][left]
    return repaired


@kernel
def replace_by_medians(plane, good, reach, repaired, left):  # type: ignore[no-untyped-def]
    """Write the median of the good values in the smallest window with any; mark the rest."""
    height, width = plane.shape
    values = np.empty((2 * reach + 1) ** 2, np.float32)
    for row in range(height):
        for column in range(width):
            if good[row, column]:
                continue
            count, radius = 0, 0
            while count == 0 and radius < reach:
                radius += 1
                for r in range(max(row - radius, 0), min(row + radius + 1, height)):
                    for c in range(max(column - radius, 0), min(column + radius + 1, width)):
                        if good[r, c]:
                            values[count] = plane[r, c]
                            count += 1
            if count:
                repaired[row, column] = np.median(values[:count])
            else:
                left[row, column] = True


@kernel
def filter_by_ranks(plane, reach, filtered):  # type: ignore[no-untyped-def]
    """Write the adaptive median filter as published, with windows of up to 2 reach + 1 pixels."""
    height, width = plane.shape
    values = np.empty((2 * reach + 1) ** 2, np.float32)
    for row in range(height):
        for column in range(width):
            value = plane[row, column]
            for radius in range(1, reach + 1):
                count = 0
                least, greatest = value, value
                for r in range(max(row - radius, 0), min(row + radius + 1, height)):
                    for c in range(max(column - radius, 0), min(column + radius + 1, width)):
                        values[count] = plane[r, c]
                        least, greatest = min(least, plane[r, c]), max(greatest, plane[r, c])
                        count += 1
                middle = np.median(values[:count])
                if least < middle < greatest:
                    break
            inside = least < middle < greatest and least < value < greatest
            filtered[row, column] = value if inside else middle
