"""Wiener deconvolution."""

import dataclasses
import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from priorlab.components import parameter
from priorlab.forward.conjugate_gradients import conjugate_gradients, norm
from priorlab.forward.convolution import Convolution
from priorlab.forward.fourier import fast_size, image_of, spectrum_of
from priorlab.forward.measurement import Measurement
from priorlab.recipes import WithRecipe
from priorlab.trace import SILENT, Trace
from priorlab_handcrafted.shared.deblurring import Deblurring

LEAST_GRADIENT = 1e-3
"""Smallest root mean square gradient: flatter data are taken to have this one."""

LEAST_DEVIATION = 1e-3
"""The same of the deviation from the mean, in the published filter."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wiener(WithRecipe, Deblurring):
    """Wiener deconvolution: the best linear filter if power falls with the frequency squared.

    The result minimises ``|A x - y|^2 + sigma^2 / g^2 |grad x|^2``. The gradient of an image with
    such power is white, so that its mean square is known from what a blur leaves of it, and g is
    `gain` times its root. The data are blurred once more to look at it, for most of their own
    gradient is noise. For a circular boundary this is a filter, as in
    `skimage.restoration.wiener`; for others, conjugate gradients respect the boundary.

    N. Wiener: Extrapolation, interpolation, and smoothing of stationary time series, 1949.
    B. R. Hunt: The application of constrained least squares estimation to image restoration by
    digital computer, IEEE Transactions on Computers C-22(9), 1973.

    Differences from the paper
    --------------------------
    Wiener's filter is ``conj(H) / (|H|^2 + N / S)`` for a blur H and the power spectra N of the
    noise and S of the image, both known; on images it was first used by C. W. Helstrom: Image
    restoration by the method of least squares, Journal of the Optical Society of America 57(3),
    1967. Nobody knows S, so the choice of it is what differs.

    - S falls with the frequency squared, by `gain` (papers: given; where it is not, textbooks
      take it to be constant).
    - Hunt's penalty is on the second differences, here it is on the first; and he searches the
      weight with which the residual is as large as the noise, which here `gain` gives.

    ``recipe=paper`` is the filter with a constant S, the variance of the data less that of the
    noise (at least `LEAST_DEVIATION` squared), for what differs from the mean of a picture. With
    either recipe, borders other than circular are respected (papers: all pictures wrap around).

    Examples
    --------
    >>> from priorlab.forward.noise import Gaussian
    >>> point = torch.zeros(1, 1, 15, 15)
    >>> point[..., 7, 7] = 1
    >>> operator = Convolution(torch.full((3, 3), 1 / 9))
    >>> measurement = Measurement(operator.forward(point), operator, Gaussian(0.01), (1, 1, 15, 15))
    >>> float(Wiener().restore(measurement)[0, 0, 7, 7]) > 2 / 9
    True
    """

    name: ClassVar[str] = "wiener"
    knows_exposure: ClassVar[bool] = True
    weighs_photons: ClassVar[bool] = False
    published: ClassVar[dict[str, Any]] = {"gain": None}
    gain: float = parameter(
        0.75, "gradient of the clean image over the one that blur and data suggest", low=0.01
    )

    @torch.no_grad()
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the sharper image, clipped to the range of an image."""
        self.require(measurement)
        operator, y, balance = measurement.operator, measurement.y, self._balance(measurement)
        if self.as_in_paper:
            result = _of_constant_spectrum(operator, y, balance)
        elif operator.boundary == "circular":
            result = _periodic(operator, y, balance)
        else:
            result = _solve(operator, y, balance)
        return measurement.clipped(result)

    def _balance(self, measurement: Measurement) -> Tensor:
        """Return ``sigma^2 / g^2`` of each image, or ``sigma^2 / S``: shape (B, 1, 1, 1)."""
        y, variance = measurement.y, measurement.noise.level**2
        if self.as_in_paper:
            power = (y - y.mean((2, 3), keepdim=True)).square().mean((1, 2, 3), keepdim=True)
            return variance / (power - variance).clamp_min(LEAST_DEVIATION**2)
        kernel = measurement.operator.kernel.to(y)
        passed, noisy = _left_of_gradient(kernel)
        clean = _roughness(Convolution(kernel, "reflect").forward(y)) - noisy * variance
        return passed * variance / (self.gain**2 * clean.clamp_min(passed * LEAST_GRADIENT**2))


def _roughness(image: Tensor) -> Tensor:
    """Return the mean square gradient of each image: shape (B, 1, 1, 1)."""
    down, right = (image.diff(dim=dim).square().mean((1, 2, 3), keepdim=True) for dim in (2, 3))
    return down + right


def _left_of_gradient(kernel: Tensor) -> tuple[float, float]:
    """Return what blurred data have, once blurred again, of a white gradient and of white noise.

    The mean square gradient of an image that is blurred twice, over the one it had, and that of
    noise that is blurred once, over its variance.
    """
    size = fast_size(2 * side for side in kernel.shape)
    passed = torch.fft.fft2(kernel.double(), s=size).abs().square()
    squares = _squared_differences(size).to(kernel.device)
    return float(passed.square().mean()), float((passed * squares).mean())


def _squared_differences(size: tuple[int, int]) -> Tensor:
    """Return by what a frequency's power counts in the gradient of images that wrap around."""
    rows, columns = (
        2 - 2 * torch.cos(2 * math.pi * torch.arange(side, dtype=torch.float64) / side)
        for side in size
    )
    return rows[:, None] + columns


def _of_constant_spectrum(operator: Convolution, y: Tensor, balance: Tensor) -> Tensor:
    """Minimise ``|A x - y|^2 + balance |x - mean|^2``: the mean of a picture is no detail."""
    # A kernel that sums to one leaves the mean.
    mean = y.mean((2, 3), keepdim=True)
    details = [
        operator.solve(one, one.new_zeros(operator.canvas((*one.shape,))), float(weight))
        for one, weight in zip((y - mean).split(1), balance.flatten(), strict=True)
    ]
    return torch.cat(details) + mean


def _periodic(operator: Convolution, y: Tensor, balance: Tensor) -> Tensor:
    """Filter images that wrap around their borders."""
    height, width = y.shape[-2:]
    # In single precision the filter would be off where a kernel passes little and noise is weak.
    point = torch.zeros(1, 1, height, width, dtype=torch.float64, device=y.device)
    point[..., 0, 0] = 1
    passed = spectrum_of(operator.adjoint(operator.forward(point))).real
    squares = _squared_differences((height, width))[:, : width // 2 + 1].to(y.device)
    spectrum = spectrum_of(operator.adjoint(y.double())) / (passed + balance * squares)
    return image_of(spectrum, (height, width)).to(y.dtype)


def _solve(operator: Convolution, y: Tensor, balance: Tensor) -> Tensor:
    """Solve the normal equations of the same minimum, whatever the boundary."""

    def apply(x: Tensor) -> Tensor:
        return operator.adjoint(operator.forward(x)) + balance * _laplacian(x)

    right = operator.adjoint(y)
    start = operator.initial_guess(y, operator.canvas((*y.shape,)))
    return start + conjugate_gradients(apply, right - apply(start), norm(right))


def _laplacian(x: Tensor) -> Tensor:
    """Return ``D^T D x`` for forward differences D, with a replicated border."""
    result = torch.zeros_like(x)
    for dim in (2, 3):
        step, length = x.diff(dim=dim), x.shape[dim]
        result.narrow(dim, 1, length - 1).add_(step)
        result.narrow(dim, 0, length - 1).sub_(step)
    return result
