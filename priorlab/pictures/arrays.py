"""Images as arrays: layouts, checks, digests, luma, and what of an image a screen can show.

Everywhere in priorlab an image is an array (C, H, W) with C >= 1 channels, white at 1. Users
and files have the channels last: (H, W), or (H, W, C).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from priorlab.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from priorlab.forward.measurement import Measurement

SMALLEST_SIDE = 16
"""Images that are restored or measured have at least this many rows and columns."""


def check(image: ArrayLike, where: str) -> NDArray[np.float32]:
    """Return an image that is fit to be restored or measured, as float32.

    Parameters
    ----------
    image : array of float, shape (C, H, W)
        C >= 1, values in [0, 1], at least `SMALLEST_SIDE` rows and columns.
    where : str
        What the image is, for the error: its path, or "the image".

    Raises
    ------
    UsageError
        If shape or values are not as described.

    Examples
    --------
    >>> check(np.zeros((4, 16, 20)), "the image").shape
    (4, 16, 20)
    """
    values = np.asarray(image)
    if values.dtype.kind != "f":
        raise UsageError(f"{where} has {values.dtype} values; expected floats in [0, 1]")
    values = values.astype(np.float32, copy=False)
    check_shape(values, where)
    height, width = values.shape[1:]
    if min(height, width) < SMALLEST_SIDE:
        least = f"{SMALLEST_SIDE}x{SMALLEST_SIDE}"
        raise UsageError(f"{where} is {width}x{height} pixels; the smallest image is {least}")
    check_values(values, where)
    return values


def check_shape(image: NDArray[Any], where: str) -> None:
    """Raise a `UsageError` unless an array has the shape (C, H, W), none of them 0.

    Examples
    --------
    >>> check_shape(np.zeros((16, 16)), "the mask")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: the mask has shape (16, 16); expected (channels, height, width)
    """
    if image.ndim != 3 or image.size == 0:
        raise UsageError(f"{where} has shape {image.shape}; expected (channels, height, width)")


def check_values(image: NDArray[np.float32], where: str) -> None:
    """Raise a `UsageError` unless all values are finite and in [0, 1].

    Examples
    --------
    >>> check_values(np.full((1, 2, 2), 255.0), "a.tif")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: a.tif has values from 255 to 255; expected [0, 1]
    """
    if not np.isfinite(image).all():
        raise UsageError(f"{where} has values that are not finite (NaN or infinity)")
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 1:
        raise UsageError(f"{where} has values from {low:g} to {high:g}; expected [0, 1]")


def has_two_levels(image: NDArray[np.float32]) -> bool:
    """Whether each channel (C, H, W) has two values at most, and one has two: a 1-bit picture.

    What its noise was is lost, so it cannot be estimated.

    Examples
    --------
    >>> has_two_levels(np.eye(16)[None]), has_two_levels(np.zeros((1, 16, 16)))
    (True, False)
    """
    low, high = (bound(image, axis=(1, 2), keepdims=True) for bound in (np.min, np.max))
    return bool((low < high).any() and ((image == low) | (image == high)).all())


def is_gray(image: NDArray[np.float32]) -> bool:
    """Whether an image (C, H, W) is RGB, all of whose channels are the same.

    Examples
    --------
    >>> is_gray(np.zeros((3, 16, 16))), is_gray(np.zeros((1, 16, 16)))
    (True, False)
    """
    return len(image) == 3 and bool((image == image[:1]).all())


def digest(values: NDArray[Any]) -> str:
    """Return the SHA-256 over shape and values, as hexadecimal digits.

    Files of different formats that hold the same picture have the same digest.

    Parameters
    ----------
    values : array
        Of any shape, real or complex; compared in single precision.

    Examples
    --------
    >>> image = np.zeros((1, 16, 16), np.float32)
    >>> digest(image) == digest(image.astype(float))
    True
    >>> digest(image) == digest(image.astype(complex))
    False
    """
    number = "<c8" if np.iscomplexobj(values) else "<f4"
    kind = "complex " if np.iscomplexobj(values) else ""
    sha = hashlib.sha256(f"{kind}{np.shape(values)}".encode())
    sha.update(np.ascontiguousarray(values, dtype=number).data)
    return sha.hexdigest()


def check_user(array: NDArray[Any]) -> None:
    """Raise a `UsageError` unless a user's array has the shape and the values of an image.

    Parameters
    ----------
    array : array of shape (H, W) or (H, W, C)
        Float, uint8 or uint16.

    Examples
    --------
    >>> check_user(np.zeros((16, 20), int))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: an image array is float in [0, 1], uint8 or uint16, not int64
    """
    if array.ndim not in (2, 3) or array.size == 0:
        raise UsageError(f"an image array has shape (H, W) or (H, W, C), not {array.shape}")
    if array.dtype.kind != "f" and array.dtype not in (np.uint8, np.uint16):
        raise UsageError(f"an image array is float in [0, 1], uint8 or uint16, not {array.dtype}")


def to_user(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image (C, H, W) as users see it: (H, W), or (H, W, C) for several channels.

    Examples
    --------
    >>> to_user(np.zeros((1, 16, 20), np.float32)).shape
    (16, 20)
    """
    return image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))


def to_tensor(image: NDArray[np.float32]) -> Tensor:
    """Return an image (C, H, W) as a float32 tensor (1, C, H, W) with memory of its own.

    Examples
    --------
    >>> to_tensor(np.zeros((3, 16, 20), np.float32)).shape
    torch.Size([1, 3, 16, 20])
    """
    import torch

    return torch.from_numpy(np.array(image, dtype=np.float32))[None]


def from_tensor(image: Tensor) -> NDArray[np.float32]:
    """Return a real tensor (1, C, H, W) on any device as a float32 array (C, H, W).

    The array may share the tensor's memory.

    Examples
    --------
    >>> from_tensor(to_tensor(np.ones((3, 1, 1), np.float32))).tolist()
    [[[1.0]], [[1.0]], [[1.0]]]
    """
    values: NDArray[np.float32] = image.detach().squeeze(0).float().cpu().numpy()
    return values


def luma(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the luma Y of ITU-R BT.601 on its studio range, as super-resolution papers use it.

    ``Y = (65.481 R + 128.553 G + 24.966 B + 16) / 255`` for RGB in [0, 1]: black is 16/255 and
    white 235/255. An image with another number of channels is returned as it is, on its full
    range: the convention of those papers, whose gray test images are never converted.

    Parameters
    ----------
    image : ndarray, shape (C, H, W)
        In [0, 1].

    Returns
    -------
    ndarray, shape (1, H, W) for RGB, else (C, H, W)

    Examples
    --------
    >>> float(luma(np.ones((3, 1, 1)))[0, 0, 0]) == 235 / 255
    True
    """
    if len(image) != 3:
        return image
    weights = np.array([65.481, 128.553, 24.966], dtype=image.dtype)
    luminance = np.tensordot(weights, image, axes=1) + image.dtype.type(16)
    return np.asarray(luminance / image.dtype.type(255))[None]


def gray_or_rgb(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image (C, H, W) as a screen can show it, with 1 or 3 channels.

    Of two channels their mean is shown in gray; of more than three, the first three as RGB.

    Examples
    --------
    >>> [gray_or_rgb(np.zeros((channels, 16, 16))).shape[0] for channels in (1, 2, 3, 4)]
    [1, 1, 3, 3]
    """
    return image.mean(axis=0, keepdims=True) if len(image) == 2 else image[:3]


def viewable(measurement: Measurement) -> NDArray[np.float32]:
    """Return a picture (C, H, W) of a measurement of one image: what was done to the image.

    Data that are not a picture are shown as the image that the operator makes from them without
    any prior: complex data, and those without the image's channels and proportions, such as the
    projections of a tomograph.

    Examples
    --------
    >>> import torch
    >>> from priorlab.tasks.builtin import SuperResolution
    >>> measurement = SuperResolution(factor=2).measure(torch.zeros(1, 4, 16, 32), seed=0)
    >>> viewable(measurement).shape
    (4, 8, 16)
    """
    y, shape = measurement.y, measurement.frame_shape
    if y.ndim == 4 and not y.is_complex() and y.shape[1] == shape[1]:
        (height, width), (rows, columns) = shape[2:], y.shape[2:]
        if height * columns == width * rows:
            return from_tensor(y)
    return from_tensor(measurement.operator.frame(measurement.initial_guess()))


def box_means(planes: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the means over squares around each pixel, `planes` (C, H, W) mirrored at the border.

    They are what ``scipy.ndimage.uniform_filter(planes, (0, size, size))`` returns, bit by bit;
    to import that takes longer than all that is done to a small picture.

    Examples
    --------
    >>> box_means(np.float32([[[1, 1, 1, 1], [4, 4, 4, 4]]]), 3)
    array([[[2., 2., 2., 2.],
            [3., 3., 3., 3.]]], dtype=float32)
    """
    return np.stack([_means_down(_means_down(p, size).T.copy(), size).T for p in planes])


def _means_down(plane: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the means of `size` values in each column of a plane (H, W)."""
    margins = (size // 2, size - 1 - size // 2)
    values = np.pad(plane.astype(np.float64), (margins, (0, 0)), "symmetric")
    sums = np.empty(plane.shape)
    sums[0] = np.add.accumulate(values[:size])[-1]
    np.subtract(values[size:], values[:-size], out=sums[1:])
    for row in range(1, len(sums)):  # faster than `accumulate` along columns
        sums[row] += sums[row - 1]
    return (sums / size).astype(np.float32)
