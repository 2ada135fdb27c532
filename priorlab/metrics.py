"""Metrics: how close a restored image is to the true one, each with its written specification.

All metrics take float images (C, H, W) in [0, 1] with any number of channels. `evaluate` first
brings both images to what the task's protocol compares: clipped, as luma or in all channels,
without a border.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from priorlab.pictures import arrays

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from priorlab.tasks.base import Protocol

Image = NDArray[np.float32]
Function = Callable[[Image, Image], float]

WINDOW = 11
"""SSIM compares windows of so many rows and columns."""
_SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2
_ROWS, _COLUMNS = 22, 32
_SPREAD = 0.05
_SMALL = 256 * 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as the hook `priorlab_metrics` returns it.

    Attributes
    ----------
    name : str
        The column's name: small letters, digits and hyphens.
    doc : str
        One line: what `priorlab list` prints.
    spec : str
        What exactly is computed, so that someone else gets the same number.
    function : callable, optional
        Takes restored and true image, float32 arrays (C, H, W) in [0, 1] of equal shape with
        any C >= 1, and returns the value, or NaN where it is not defined.
    prepare : callable, optional
        Instead of `function`, for a metric that must load something first, such as a network:
        takes the `torch.device` to compute on and returns the function. It is called once per
        process and device.
    higher_is_better : bool
        False for distances and errors.

    Examples
    --------
    >>> mae = Metric(
    ...     name="mae",
    ...     doc="Mean absolute error.",
    ...     spec="mean of |a - b| over all pixels and channels",
    ...     function=lambda restored, clean: float(abs(restored - clean).mean()),
    ...     higher_is_better=False,
    ... )
    """

    name: str
    doc: str
    spec: str
    function: Function | None = None
    prepare: Callable[[torch.device], Function] | None = None
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        if (self.function is None) == (self.prepare is None):
            raise TypeError(f"the metric {self.name!r} needs either `function` or `prepare`")

    def on(self, device: str | torch.device = "cpu") -> Function:
        """Return the function that computes the metric, prepared for a device."""
        return self.function or _prepared(self, str(device))


@functools.cache
def _prepared(metric: Metric, device: str) -> Function:
    """Return what `Metric.prepare` returned; if it raises, the next call tries again."""
    import torch

    assert metric.prepare is not None
    return metric.prepare(torch.device(device))


def evaluate(
    restored: Image | Tensor,
    clean: Image | Tensor,
    protocol: Protocol,
    metrics: Sequence[Metric] | None = None,
    device: str | torch.device = "cpu",
) -> dict[str, float]:
    """Return every metric's value under a protocol.

    Parameters
    ----------
    restored, clean : array or tensor of float, shape (C, H, W) or (1, C, H, W)
        Both are clipped to [0, 1].
    protocol : Protocol
        `channels`: "rgb", which means all channels however many there are, or "luma" (see
        `priorlab.pictures.arrays.luma`; images without three channels stay as they are).
        `border`: how many rows and columns are left out at each side.
    metrics : sequence of Metric, optional
        By default PSNR and SSIM.
    device : str or torch.device
        Where metrics that are prepared for a device compute.

    Returns
    -------
    dict of str to float
        By name. PSNR of equal images is infinite; SSIM of fewer than 11 rows or columns is NaN.
    """
    a, b = _compared(restored, protocol), _compared(clean, protocol)
    chosen = BUILTIN_METRICS if metrics is None else metrics
    return {metric.name: float(metric.on(device)(a, b)) for metric in chosen}


def psnr(restored: Image | Tensor, clean: Image | Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB, for images in [0, 1].

    ``10 log10(1 / MSE)``, with the mean squared error over all pixels and channels together.

    Parameters
    ----------
    restored, clean : array or tensor of float, shape (C, H, W)
        Nothing is clipped here.

    Returns
    -------
    float
        Infinite for equal images, NaN for images without pixels.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    a, b = _pair(restored, clean)
    if not a.size:
        return math.nan
    error = np.subtract(a, b, dtype=np.float64).ravel()
    squared = float(np.dot(error, error)) / error.size
    if squared == 0:
        return math.inf
    return -10 * math.log10(squared)


def ssim(restored: Image | Tensor, clean: Image | Tensor) -> float:
    """Return the mean structural similarity [1]_ of images in [0, 1].

    Gaussian windows of 11x11 pixels with sigma 1.5, population (co)variances, ``K1 = 0.01``,
    ``K2 = 0.03``, data range 1; averaged over the windows that lie inside the image, and over
    the channels. These are the settings of the paper and of scikit-image's
    ``structural_similarity(..., gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=1)``, with which it agrees to 1e-6.

    Parameters
    ----------
    restored, clean : array or tensor of float, shape (C, H, W)
        Nothing is clipped here.

    Returns
    -------
    float
        In [-1, 1]; NaN for images of fewer than 11 rows or columns.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment:
       from error visibility to structural similarity", IEEE TIP 13(4), 2004.
    """
    a, b = _pair(restored, clean)
    if min(a.shape[1:]) < WINDOW:
        return math.nan
    return math.fsum(map(_ssim_of_channel, a, b)) / len(a)


def _ssim_of_channel(x: Image, y: Image) -> float:
    """Return the mean SSIM of two gray images (H, W).

    With the sum ``s = x + y`` and the difference ``d = x - y`` SSIM is

        (E[s]^2 - E[d]^2 + 2 C1) (V[s] - V[d] + 2 C2)
        ---------------------------------------------
        (E[s]^2 + E[d]^2 + 2 C1) (V[s] + V[d] + 2 C2)

    where E and V are mean and variance over a window. A window's weights are separable, and
    filtering a tile along one axis is a product with a banded matrix: small tiles make for few
    zeros in the matrix, and stay in the cache.

    ``V[s] = E[s^2] - E[s]^2`` cancels in float32 where an image is flat and bright. Variances
    do not depend on a shift, so each tile is first shifted to a mean of about zero. The shifts
    are spread a little, because equal pixels make equal rounding errors: from tile to tile they
    then average out. Small images have too few tiles for that and are computed in float64.
    """
    dtype = np.float64 if x.size <= _SMALL else np.float32
    height: int = x.shape[0] - WINDOW + 1
    width: int = x.shape[1] - WINDOW + 1
    across = -(-width // _COLUMNS)
    size = _COLUMNS + WINDOW - 1
    along_columns, along_rows = (_banded_gaussian(n).astype(dtype) for n in (_ROWS, _COLUMNS))
    along_rows = np.ascontiguousarray(along_rows.T)
    strip = np.empty((2, _ROWS + WINDOW - 1, across * _COLUMNS + WINDOW - 1), dtype)  # s, d
    overlapping = sliding_window_view(strip, size, axis=2)[:, :, ::_COLUMNS]
    tiles = np.empty((4, _ROWS + WINDOW - 1, across, size), dtype)  # s, d, s^2, d^2
    half = np.empty((4, _ROWS, across * size), dtype)  # filtered along the columns
    whole = np.empty((4 * _ROWS * across, _COLUMNS), dtype)  # and along the rows
    squares = np.empty((2, _ROWS, across, _COLUMNS), dtype)
    tops = range(0, height, _ROWS)
    spread = _SPREAD * (np.arange(len(tops) + across) * 0.618 % 1 - 0.5)
    total = 0.0
    for number, top in enumerate(tops):
        rows = min(_ROWS, height - top)
        below = rows + WINDOW - 1
        x_rows, y_rows = x[top : top + below], y[top : top + below]
        np.add(x_rows, y_rows, out=strip[0, :below, : x.shape[1]], dtype=dtype)
        np.subtract(x_rows, y_rows, out=strip[1, :below, : x.shape[1]], dtype=dtype)
        strip[:, :, x.shape[1] :] = strip[:, :, x.shape[1] - 1, None]  # fills tiles, not counted

        tile, unshifted = tiles[:, :below], overlapping[:, :below]
        shift = unshifted[:, ::5, :, ::5].mean(axis=(1, 3), keepdims=True)
        shift += spread[number : number + across, None].astype(dtype)
        np.subtract(unshifted, shift, out=tile[:2])
        np.multiply(tile[:2], tile[:2], out=tile[2:])

        filtered = half[:, :rows]
        flat = tile.reshape(4, below, across * size)
        np.matmul(along_columns[:rows, :below], flat, out=filtered)
        averages = whole[: 4 * rows * across]
        np.matmul(filtered.reshape(-1, size), along_rows, out=averages)

        mean, variance = averages.reshape(2, 2, rows, across, _COLUMNS)
        square = squares[:, :rows]
        np.multiply(mean, mean, out=square)
        variance -= square
        mean += shift
        np.multiply(mean, mean, out=square)
        square[0] += dtype(2 * _C1)
        variance[0] += dtype(2 * _C2)
        above = (square[0] - square[1]) * (variance[0] - variance[1])
        above /= (square[0] + square[1]) * (variance[0] + variance[1])
        total += float(above.reshape(rows, -1)[:, :width].sum(dtype=np.float64))
    return total / (height * width)


@functools.cache
def _banded_gaussian(count: int) -> NDArray[np.float64]:
    """Return the matrix that filters `count` + 10 values to `count`, where windows lie inside."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / _SIGMA) ** 2)
    weights /= weights.sum()
    band = np.zeros((count, count + WINDOW - 1))
    for row in range(count):
        band[row, row : row + WINDOW] = weights
    band.flags.writeable = False
    return band


def _compared(image: Image | Tensor, protocol: Protocol) -> Image:
    """Return what a protocol compares of an image."""
    values = _array(image)
    values = np.clip(values[0] if values.ndim == 4 else values, 0, 1)
    if protocol.channels == "luma":
        values = arrays.luma(values)
    height, width = values.shape[1:]
    border = protocol.border(height, width)
    return values[:, border : height - border, border : width - border]


def _pair(restored: Image | Tensor, clean: Image | Tensor) -> tuple[Image, Image]:
    a, b = _array(restored), _array(clean)
    if a.shape != b.shape or a.ndim != 3:
        raise ValueError(f"expected two images (C, H, W) of one shape, not {a.shape}, {b.shape}")
    return a, b


def _array(image: Any) -> Image:
    """Return an array or a tensor, wherever it is, as a float32 array."""
    return np.asarray(image.detach().cpu() if hasattr(image, "detach") else image, np.float32)


BUILTIN_METRICS = (
    Metric(
        name="psnr",
        doc="Peak signal-to-noise ratio in dB, over all pixels and channels.",
        function=psnr,
        spec="10 log10(1 / MSE) on images clipped to [0, 1], MSE over all pixels and channels",
    ),
    Metric(
        name="ssim",
        doc="Mean structural similarity: Gaussian 11x11 windows with sigma 1.5.",
        function=ssim,
        spec="SSIM (Wang 2004) on images clipped to [0, 1]: Gaussian 11x11 window, sigma 1.5, "
        "K1 = 0.01, K2 = 0.03, population covariance, mean over windows inside the image and "
        "over channels",
    ),
)
