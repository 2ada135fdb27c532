"""Convolution of a scene that goes on beyond the frame of its picture."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.errors import UsageError
from priorlab.forward.borders import reach, reflect
from priorlab.forward.convolution import Convolution
from priorlab.forward.fourier import fast_size, image_of, spectrum_of
from priorlab.forward.operators import LinearOperator, OnData, Shape


class CroppedConvolution(Convolution):
    """What a camera sees of a blurred scene: nothing is assumed of the world beyond the frame.

    The image is larger than the picture, by what the kernel reaches beyond its frame (`canvas`).
    Data stand only where the kernel sees nothing but the image: ``data = image - kernel + 1`` on
    each side. `frame` returns the part of the image that the picture shows.

    Parameters
    ----------
    kernel : Tensor
        As in `Convolution`.

    References
    ----------
    M. S. C. Almeida, M. A. T. Figueiredo: Deconvolving images with unknown boundaries using the
    alternating direction method of multipliers, IEEE Transactions on Image Processing 22(8), 2013.
    R. H. Chan, M. K. Ng: Conjugate gradient methods for Toeplitz systems, SIAM Review 38(3),
    1996: the circular boundary as a preconditioner.

    Examples
    --------
    >>> operator = CroppedConvolution(torch.full((3, 5), 1 / 15))
    >>> operator.canvas((1, 3, 16, 20)), operator.forward(torch.rand(1, 3, 18, 24)).shape
    ((1, 3, 18, 24), torch.Size([1, 3, 16, 20]))
    """

    def __init__(self, kernel: Tensor) -> None:
        super().__init__(kernel)
        self.boundary = "unknown"

    @property
    @override
    def has_closed_form(self) -> bool:
        return False

    def forward(self, x: Tensor) -> Tensor:
        """Return the blurred picture, (B, C, H - kh + 1, W - kw + 1)."""
        self.check(x.shape[-2:])
        (height, width), (kh, kw), size = x.shape[-2:], self.kernel.shape, fast_size(x.shape[-2:])
        product = spectrum_of(x, size) * spectrum_of(self.kernel.to(x.dtype), size)
        return image_of(product, size)[..., kh - 1 : height, kw - 1 : width]

    def adjoint(self, y: Tensor) -> Tensor:
        """Return the data blurred by the mirrored kernel, on all of the canvas."""
        kh, kw = self.kernel.shape
        canvas = torch.nn.functional.pad(y, (kw - 1, 0, kh - 1, 0))
        self.check(canvas.shape[-2:])
        size = fast_size(canvas.shape[-2:])
        product = spectrum_of(canvas, size) * spectrum_of(self.kernel.to(y.dtype), size).conj()
        return image_of(product, size)[..., : canvas.shape[-2], : canvas.shape[-1]]

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Find the minimiser by conjugate gradients."""
        self.check(v.shape[-2:])
        return LinearOperator.solve(self, y, v, rho)

    def initial_guess(self, y: Tensor, shape: Shape) -> Tensor:
        """Return `y`, mirrored beyond the frame."""
        kh, kw = self.kernel.shape
        return reflect(reflect(y, *reach(kh), -2), *reach(kw), -1)

    @override
    def canvas(self, shape: Shape) -> Shape:
        kh, kw = self.kernel.shape
        return (*shape[:2], shape[2] + kh - 1, shape[3] + kw - 1)

    @override
    def frame(self, x: Tensor) -> Tensor:
        (above, below), (left, right) = map(reach, self.kernel.shape)
        return x[..., above : x.shape[-2] - below, left : x.shape[-1] - right]

    @override
    def check(self, size: tuple[int, ...]) -> None:
        kh, kw = self.kernel.shape
        height, width = (max(0, n - k + 1) for n, k in zip(size, (kh, kw), strict=True))
        if kh > height or kw > width:
            raise UsageError(
                f"the kernel ({kw}x{kh} pixels) is larger than the blurred picture"
                f" ({width}x{height}, and {size[1]}x{size[0]} with what blurs into it from beyond"
                " its frame); use a smaller kernel or a larger image"
            )

    @override
    def _system(self, y: Tensor, rho: float) -> tuple[OnData, OnData]:
        """Return both as filters of data with zeros beyond them, in the Fourier domain.

        There is so much room that nothing of the first wraps around. The second is the inverse
        for data that fill all of the room.
        """
        (height, width), (kh, kw) = y.shape[-2:], self.kernel.shape
        size = fast_size((height + kh - 1, width + kw - 1))
        power = spectrum_of(self.kernel.to(y.dtype), size).abs().square() + rho

        def filtered(gain: Tensor) -> OnData:
            return lambda w: image_of(gain * spectrum_of(w, size), size)[..., :height, :width]

        return filtered(power), filtered(1 / power)
