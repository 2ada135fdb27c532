"""Wiener deconvolution."""

import dataclasses
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from priorlab.components import parameter
from priorlab.forward.conjugate_gradients import conjugate_gradients, norm
from priorlab.forward.convolution import Convolution
from priorlab.forward.measurement import Measurement
from priorlab.trace import SILENT, Trace
from priorlab_handcrafted.shared.deblurring import Deblurring

LEAST_GRADIENT = 1e-3
"""Smallest root mean square gradient: flatter data are taken to have this one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wiener(Deblurring):
    """Wiener deconvolution: the best linear filter if power falls with the frequency squared.

    The result minimises ``|A x - y|^2 + sigma^2 / g^2 |grad x|^2``. The root mean square
    gradient g of the clean image is assumed to be `gain` times that of the data, after
    subtracting the noise. For a circular boundary this is `skimage.restoration.wiener`; for
    others, conjugate gradients respect the boundary.

    N. Wiener: Extrapolation, interpolation, and smoothing of stationary time series, 1949.
    B. R. Hunt: The application of constrained least squares estimation to image restoration by
    digital computer, IEEE Transactions on Computers C-22(9), 1973.

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
    gain: float = parameter(5.0, "gradient of clean images over that of the data", low=0.01)

    def prepare(self, device: torch.device, channels: int) -> None:
        """Import scikit-image, which takes longer than filtering a picture."""
        import skimage.restoration

        _ = skimage.restoration.wiener

    @torch.no_grad()
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the sharper image, clipped to [0, 1]."""
        self.require(measurement)
        operator = measurement.operator
        balance = self._balance(measurement)
        if operator.boundary == "circular":
            return _periodic(operator.kernel, measurement.y, balance).clamp(0, 1)
        return _solve(operator, measurement.y, balance).clamp(0, 1)

    def _balance(self, measurement: Measurement) -> Tensor:
        """Return ``sigma^2 / g^2`` of each image, shape (B, 1, 1, 1)."""
        y, variance = measurement.y, measurement.noise.level**2
        squares = [y.diff(dim=dim).square().mean((1, 2, 3), keepdim=True) for dim in (2, 3)]
        clean = sum(squares) - 4 * variance  # a difference has twice the variance of a pixel
        return variance / (self.gain**2 * clean.clamp_min(LEAST_GRADIENT**2))


def _periodic(kernel: Tensor, y: Tensor, balance: Tensor) -> Tensor:
    """Filter images that wrap around their borders."""
    from skimage.restoration import wiener

    planes, point_spread = y.detach().cpu().numpy(), kernel.cpu().numpy()
    rows, columns = (2 - 2 * np.cos(2 * np.pi * np.arange(n) / n) for n in y.shape[-2:])
    # scikit-image takes a complex array as a transfer function, a real one as an impulse response.
    gradient = np.sqrt(rows[:, None] + columns[: y.shape[-1] // 2 + 1]).astype(np.complex128)
    filtered = [
        [wiener(plane, point_spread, float(weight), gradient, clip=False) for plane in image]
        for image, weight in zip(planes, balance.flatten(), strict=True)
    ]
    return torch.from_numpy(np.array(filtered)).to(y)


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
