"""Blur kernels: Gaussian, motion, the filters of down-sampling, and kernels from files.

Each function returns a float64 array (kh, kw) with sum 1. Except for kernels from files, the
centre of mass is the centre of the array.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlab.errors import UsageError
from priorlab.ground.files import check_regular
from priorlab.pictures import reading

Kernel = NDArray[np.float64]

SMALL, LEAST_VARIED, DARKER = 32, 0.1, 0.5
"""A picture with fewer rows or columns may be a kernel that fills it; so may one that hardly
varies, as of a box. In others half of the border has at most this share of the mean brightness."""

FAINT = 0.02
"""Share of a kernel's largest value below which is no light, as what JPEG leaves around it."""


def gaussian(width: float, even: bool = False) -> Kernel:
    """Return a Gaussian of standard deviation `width` in pixels, cut off at 4 times that.

    Its sides are odd or, on request, even.

    Examples
    --------
    >>> gaussian(1.6).shape, gaussian(1.6, even=True).shape
    ((15, 15), (14, 14))
    """
    radius = max(1, math.ceil(4 * width))
    offsets = np.arange(2 * radius) - radius + 0.5 if even else np.arange(-radius, radius + 1)
    return _separable(np.exp(-0.5 * (offsets / width) ** 2))


def motion(length: float, angle: float) -> Kernel:
    """Return the blur of a straight movement, with anti-aliased edges.

    Parameters
    ----------
    length : float
        Length of the path in pixels, at least 1.
    angle : float
        Direction in degrees, counter-clockwise from the horizontal.

    Examples
    --------
    >>> motion(length=3, angle=0).round(2).tolist()
    [[0.33, 0.33, 0.33]]
    """
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    half = (length - 1) / 2
    radius = math.ceil(half + 1)
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    along = columns * cosine - rows * sine
    across = columns * sine + rows * cosine
    distance = np.hypot(np.maximum(np.abs(along) - half, 0), across)
    weights = np.maximum(1 - distance, 0)
    weights[weights < 1e-12] = 0
    used = np.flatnonzero(weights.any(1)), np.flatnonzero(weights.any(0))
    weights = weights[used[0][0] : used[0][-1] + 1, used[1][0] : used[1][-1] + 1]
    return np.asarray(weights / weights.sum(), np.float64)


def antialias(kind: str, factor: int) -> Kernel:
    """Return the filter that goes before keeping each `factor`-th pixel.

    It is the interpolation kernel stretched by the factor, sampled symmetrically about the
    centre of the block of pixels that become one: of even size for an even factor, of odd
    size for an odd one.

    Parameters
    ----------
    kind : {"lanczos", "bicubic"}
        Lanczos with two lobes (Duchon 1979), or the cubic of Keys (1981) with a = -0.5.
    factor : int
        The factor by which the image shrinks.

    Examples
    --------
    >>> antialias("lanczos", 2).shape, antialias("bicubic", 3).shape
    ((8, 8), (11, 11))
    """
    size = 4 * factor - factor % 2
    distance = np.abs(np.arange(size) - (size - 1) / 2) / factor
    if kind == "lanczos":
        return _separable(np.sinc(distance) * np.sinc(distance / 2))
    if kind != "bicubic":
        raise ValueError(f"kind={kind!r} is neither 'lanczos' nor 'bicubic'")
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return _separable(np.where(distance < 1, near, far))


def read(path: str) -> Kernel:
    """Read a kernel from an image, a ``.npy`` or a ``.txt`` file and divide it by its sum.

    Borders of zeros are left out, alike on both sides, so that the origin stays where it was.

    Raises
    ------
    UsageError
        If the file cannot be read, or its values are not a kernel.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savetxt(Path(folder) / "kernel.txt", [[1, 2, 1]])
    ...     read(str(Path(folder) / "kernel.txt")).tolist()
    [[0.25, 0.5, 0.25]]
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an empty file, complex values
            values = np.asarray(_values(path), np.float64)
    except UsageError:
        raise
    except OSError as error:
        raise UsageError(f"cannot read the kernel {path}: {error.strerror or error}") from None
    except (ValueError, TypeError, EOFError, Warning):
        layout = "; a .txt file has a line for each row, with blanks between equally many numbers"
        hint = layout if path.lower().endswith(".txt") else ""
        raise UsageError(f"the kernel {path} is not a matrix of real numbers{hint}") from None
    if values.ndim != 2 or values.size == 0:
        raise UsageError(f"the kernel {path} has shape {values.shape}; expected (height, width)")
    if not np.isfinite(values).all():
        raise UsageError(f"the kernel {path} has values that are not finite (NaN or infinity)")
    if values.sum() <= 0:
        raise UsageError(f"the kernel {path} has the sum {values.sum():g}; it must be positive")
    return _without_borders(values / values.sum())


def light_beside_origin(kernel: Kernel) -> tuple[int, int] | None:
    """Return how many rows and columns all light of a kernel lies beside its origin, if it does.

    A path of a camera may begin at its origin; beyond it, it only shifts the picture.

    Examples
    --------
    >>> kernel = np.zeros((9, 9))
    >>> kernel[4, 4:7] = 1 / 3
    >>> light_beside_origin(kernel), light_beside_origin(np.roll(kernel, (2, -4), (0, 1)))
    (None, (2, -2))
    """
    bright = kernel > FAINT * kernel.max()
    beside = []
    for axis, extent in enumerate(kernel.shape):
        places = np.flatnonzero(bright.any(1 - axis)) - extent // 2
        beside.append(int(np.clip(0, places[0], places[-1])))
    return (beside[0], beside[1]) if any(beside) else None


def _without_borders(kernel: Kernel) -> Kernel:
    """Return a kernel without what is only zeros on both sides of its origin."""
    kept = []
    for axis, extent in enumerate(kernel.shape):
        origin = extent // 2
        used = np.flatnonzero(kernel.any(1 - axis))
        reach = int(np.abs(used - origin).max())
        kept.append(slice(origin - reach, origin + reach + 1))
    return kernel[tuple(kept)]


def _values(path: str) -> NDArray[Any]:
    check_regular(Path(path))
    suffix = Path(path).suffix.lower()
    if suffix == ".npy":
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    if suffix == ".txt":
        return np.loadtxt(path, ndmin=2)
    found = reading.load(path)
    picture = np.asarray(found.image.mean(0))
    if found.opacity is not None:
        picture = picture * found.opacity  # what is clear gives no light, whatever colour it has
    if _is_negative(picture):
        raise UsageError(
            f"the kernel {path} is dark on bright; it should be the picture of a point of light, on"
            " black: invert it"
        )
    if _fills_its_frame(picture):
        raise UsageError(
            f"the kernel {path} is as bright at its border as inside; it should be the picture of a"
            " point of light, on black, not one of a scene"
        )
    return picture


def _is_negative(picture: NDArray[Any]) -> bool:
    """Return whether something dark is drawn on a bright ground, which reaches the border."""
    inside = picture[1:-1, 1:-1]
    if not inside.size:
        return False
    border = np.concatenate([*picture[[0, -1]], *picture[:, [0, -1]].T])
    bright = float(np.quantile(border, 0.1)) > 0.9 * float(picture.max())
    return bright and float(inside.min()) < float(border.min()) / 2


def _fills_its_frame(picture: NDArray[Any]) -> bool:
    """Return whether a picture is one of a scene: large, not even, and not darker at its border."""
    if min(picture.shape) < SMALL or picture.std() < LEAST_VARIED * picture.mean():
        return False
    border = np.concatenate([*picture[[0, -1]], *picture[:, [0, -1]].T])
    return bool(np.median(border) > DARKER * picture.mean())


def _separable(profile: Kernel) -> Kernel:
    profile = profile / profile.sum()
    return np.outer(profile, profile)
