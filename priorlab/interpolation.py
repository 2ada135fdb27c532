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

    if known.all():
        return planes
    if not known.any():
        return np.full_like(planes, 0.5)
    filled = planes.copy()
    # A missing pixel between four known ones: the mean of both pairs, as either diagonal of
    # the square would be a triangulation. This also spares most of the work at low rates.
    lone = np.zeros_like(known)
    lone[1:-1, 1:-1] = ~known[1:-1, 1:-1] & (
        known[:-2, 1:-1] & known[2:, 1:-1] & known[1:-1, :-2] & known[1:-1, 2:]
    )
    row, column = np.nonzero(lone)
    pairs = planes[:, row - 1, column] + planes[:, row + 1, column]
    pairs += planes[:, row, column - 1] + planes[:, row, column + 1]
    filled[:, lone] = pairs / 4
    missing = ~(known | lone)
    if not missing.any():
        return filled
    # Known pixels far from a hole are no corner of a triangle in it: leave them out.
    rim = known & binary_dilation(missing, np.ones((3, 3)), iterations=2)
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled[:, missing] = planes[:, nearest[0][missing], nearest[1][missing]]
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

    points = np.argwhere(corners).astype(np.float64)
    # Four corners of a square have no unique triangulation, which Qhull is slow to settle:
    # a fixed displacement by 1/10000 pixel takes half the time and breaks ties at random.
    points += np.random.default_rng(0).uniform(-1e-4, 1e-4, points.shape)
    try:
        interpolator: Any = LinearNDInterpolator(points, values)
    except (QhullError, ValueError):  # fewer than three points
        return None
    result: NDArray[np.float64] = interpolator(np.argwhere(wanted))
    return result
