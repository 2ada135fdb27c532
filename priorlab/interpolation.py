"""Linear interpolation of missing pixels: what can be done without any prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def fill_missing(y: Tensor, mask: Tensor) -> Tensor:
    """Return `y` with its missing pixels interpolated linearly between known ones.

    Parameters
    ----------
    y : Tensor
        Images (B, C, H, W).
    mask : Tensor
        Shape (1, C, H, W): 1 where a pixel of `y` is known, 0 where it is missing.

    Returns
    -------
    Tensor
        Same shape. Known pixels are kept; missing ones are interpolated on the Delaunay
        triangulation of the known ones, take the value of the nearest outside its hull, and
        are mid-gray if nothing is known.
    """
    data = y.detach().cpu().double().numpy()
    known = mask[0].cpu().numpy() > 0.5
    filled = data.copy()
    if (known == known[:1]).all():  # one triangulation serves all channels
        filled = _fill(data.reshape(-1, *data.shape[2:]), known[0]).reshape(data.shape)
    else:
        for channel in range(data.shape[1]):
            filled[:, channel] = _fill(data[:, channel], known[channel])
    return torch.from_numpy(filled).to(y)


def _fill(planes: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill the planes (N, H, W), all of which miss the pixels that are not `known` (H, W)."""
    from scipy.ndimage import binary_dilation, distance_transform_edt

    missing = ~known
    if not missing.any():
        return planes
    if not known.any():
        return np.full_like(planes, 0.5)
    filled = planes.copy()
    rows, columns = distance_transform_edt(missing, return_distances=False, return_indices=True)
    filled[:, missing] = planes[:, rows[missing], columns[missing]]
    # Known pixels far from a hole are no corner of a triangle in it: leave them out.
    rim = known & binary_dilation(missing, np.ones((3, 3)), iterations=2)
    inside = _interpolate(rim, missing, planes[:, rim].T)
    if inside is not None:
        filled[:, missing] = np.where(np.isnan(inside.T), filled[:, missing], inside.T)
    return filled


def _interpolate(
    corners: NDArray[np.bool_], wanted: NDArray[np.bool_], values: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Interpolate values (points, N) at the wanted pixels; NaN outside the corners' hull."""
    from scipy.interpolate import LinearNDInterpolator
    from scipy.spatial import QhullError

    try:
        interpolator: Any = LinearNDInterpolator(np.argwhere(corners), values)
    except (QhullError, ValueError):  # fewer than three points, or all on one line
        return None
    result: NDArray[np.float64] = interpolator(np.argwhere(wanted))
    return result
