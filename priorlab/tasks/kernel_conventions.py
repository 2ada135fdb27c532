"""Where a kernel's origin is and which way round it lies: priorlab, SciPy and OpenCV differ.

Here a kernel is *convolved* with the image: it is the picture of a point of light. Its origin,
where the point was, is the element ``(rows // 2, columns // 2)``, the centre of odd sides. A filter
that is *correlated* lies the other way round; for sides that are even there are two middles to
choose from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from priorlab.errors import UsageError
from priorlab.tasks.kernels import Kernel

UPPER, LOWER = 0, 1
"""The middle of an even side that counts as its origin: the element before or after its centre."""

CONVENTIONS = {
    "scipy.ndimage.convolve": (False, LOWER),
    "scipy.ndimage.correlate": (True, LOWER),
    "scipy.signal.convolve": (False, UPPER),
    "scipy.signal.convolve2d": (False, UPPER),
    "scipy.signal.fftconvolve": (False, UPPER),
    "scipy.signal.correlate": (True, LOWER),
    "scipy.signal.correlate2d": (True, UPPER),
    "cv2.filter2D": (True, LOWER),
}
"""Whether a function correlates, and which middle it takes; those of `scipy.signal` in the mode
"same", the others with their default origin or anchor."""


def convert(weights: ArrayLike, made_for: str, anchor: tuple[int, int] | None = None) -> Kernel:
    """Return the kernel with which `deblur` undoes what another library's function did.

    Parameters
    ----------
    weights : array of shape (rows, columns)
        The filter as it was given to that function.
    made_for : str
        The function, one of `CONVENTIONS`. ``scipy.ndimage.convolve`` is the convention here.
    anchor : tuple of int, optional
        Row and column of the weight that lies on the pixel itself, where it is not the default:
        OpenCV's ``anchor`` is (column, row), and an ``origin`` of `scipy.ndimage.correlate` adds
        to ``size // 2``.

    Returns
    -------
    array of float64
        To be saved with `numpy.save` for ``deblur:kernel=FILE``. A row or column of zeros may be
        added, so that the origin gets where it belongs; nothing is divided by the sum.

    Raises
    ------
    UsageError
        For an unknown function, weights that are not a matrix, or an anchor outside of it.

    Examples
    --------
    >>> convert([[1, 2, 3]], "cv2.filter2D").tolist()
    [[3.0, 2.0, 1.0]]
    >>> convert([[1, 2, 3, 4]], "cv2.filter2D").tolist()
    [[0.0, 4.0, 3.0, 2.0, 1.0]]
    """
    kernel = np.asarray(weights, np.float64)
    if made_for not in CONVENTIONS:
        raise UsageError(f"made_for={made_for} is none of {', '.join(CONVENTIONS)}")
    if kernel.ndim != 2 or kernel.size == 0:
        raise UsageError(f"a kernel has rows and columns, not the shape {kernel.shape}")
    correlates, middle = CONVENTIONS[made_for]
    origin = anchor or tuple((side - 1 + middle) // 2 for side in kernel.shape)
    if not all(0 <= at < side for at, side in zip(origin, kernel.shape, strict=True)):
        raise UsageError(f"the anchor {origin} is outside of a kernel of shape {kernel.shape}")
    if correlates:
        kernel = kernel[::-1, ::-1]
        origin = tuple(side - 1 - at for at, side in zip(origin, kernel.shape, strict=True))
    return np.pad(kernel, [_zeros(at, side) for at, side in zip(origin, kernel.shape, strict=True)])


def _zeros(origin: int, side: int) -> tuple[int, int]:
    """Return how many zeros before and after a side of a kernel bring its origin to the middle."""
    if origin == side // 2:
        return 0, 0
    # Of an odd new side, so that a kernel whose origin is its centre stays symmetric.
    return max(0, side - 1 - 2 * origin), max(0, 2 * origin + 1 - side)
