"""Metrics: how good a restored image is, each with its written specification.

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
from numpy.typing import NDArray

from priorlab.pictures import arrays
from priorlab.ssim import WINDOW, ssim_of_channel

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from priorlab.tasks.base import Protocol

Image = NDArray[np.float32]
Function = Callable[..., float]


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
        any C >= 1, and returns the value, or NaN where it is not defined. A metric without
        `needs_truth` takes the restored image only.
    prepare : callable, optional
        Instead of `function`, for a metric that must load something first, such as a network:
        takes the `torch.device` to compute on and returns the function. It is called once per
        process and device.
    higher_is_better : bool
        False for distances and errors.
    needs_truth : bool
        False for a metric of the restored image alone.

    Examples
    --------
    >>> mae = Metric(
    ...     name="mae",
    ...     doc="Mean absolute error.",
    ...     spec="mean of |a - b| over all pixels and channels",
    ...     function=lambda restored, clean: float(abs(restored - clean).mean()),
    ...     higher_is_better=False,
    ... )
    >>> mae.on("cpu")(np.ones((1, 4, 4)), np.zeros((1, 4, 4)))
    1.0
    """

    name: str
    doc: str
    spec: str
    function: Function | None = None
    prepare: Callable[[torch.device], Function] | None = None
    higher_is_better: bool = True
    needs_truth: bool = True

    def __post_init__(self) -> None:
        if (self.function is None) == (self.prepare is None):
            raise TypeError(f"the metric {self.name!r} needs either `function` or `prepare`")

    def on(self, device: str | torch.device = "cpu") -> Function:
        """Return the function that computes the metric, prepared for a device."""
        return self.function or _prepared(self, str(device))

    def value(self, restored: Image, clean: Image, device: str | torch.device = "cpu") -> float:
        """Return the metric of a restored image; the true one is only used where it is needed.

        Raises
        ------
        TypeError
            If the function returns anything but a number.
        """
        pair = (restored, clean) if self.needs_truth else (restored,)
        answer: Any = self.on(device)(*pair)
        try:
            return float(answer)
        except (TypeError, ValueError) as error:
            shape = tuple(getattr(answer, "shape", ()))
            what = type(answer).__name__ + (f" of shape {shape}" if shape else "")
            raise TypeError(f"it returned {what}, not a number: {error}") from None


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

    Examples
    --------
    >>> from priorlab.tasks.base import Protocol
    >>> clean = np.full((1, 16, 16), 0.5, np.float32)
    >>> evaluate(clean, clean, Protocol(), BUILTIN_METRICS[:1])
    {'psnr': inf}
    """
    a, b = compared(restored, protocol), compared(clean, protocol)
    chosen = BUILTIN_METRICS if metrics is None else metrics
    # Each has copies of its own: what one of a plugin writes into them no other is to read.
    return {metric.name: metric.value(a.copy(), b.copy(), device) for metric in chosen}


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

    Examples
    --------
    >>> clean = np.zeros((3, 16, 16), np.float32)
    >>> round(psnr(clean + 0.1, clean), 3)
    20.0
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

    Examples
    --------
    >>> clean = np.full((3, 16, 16), 0.5, np.float32)
    >>> round(ssim(clean, clean), 3)
    1.0
    """
    a, b = _pair(restored, clean)
    if min(a.shape[1:]) < WINDOW:
        return math.nan
    return math.fsum(map(ssim_of_channel, a, b)) / len(a)


def compared(image: Image | Tensor, protocol: Protocol) -> Image:
    """Return what a protocol compares of an image, clipped to [0, 1]: see `evaluate`."""
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
