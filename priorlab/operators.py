"""Linear operators A: forward, adjoint, and the quadratic solve that the solvers need."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from priorlab.conjugate_gradients import conjugate_gradients
from priorlab.errors import UsageError

Shape = tuple[int, int, int, int]


class LinearOperator(ABC):
    """A linear map from images (B, C, H, W) to data (B, C, h, w), the same for each image.

    Every operator passes the adjoint test ``<A x, y> = <x, A^T y>`` and works in float32 and
    float64, on the device of the tensors it holds (see `to`).
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return ``A x``."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """Return ``A^T y``."""

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return argmin over x of ``1/2 |A x - y|^2 + rho/2 |x - v|^2``, with ``rho > 0``.

        The minimiser is ``v + A^T w`` with ``(A A^T + rho) w = y - A v``. Operators with a
        closed form override this; here w is found by preconditioned conjugate gradients, to
        a relative residual of 1e-6 (float32) or 1e-10 (float64) in each image.
        """
        return v + self.adjoint(
            conjugate_gradients(
                lambda w: self.forward(self.adjoint(w)) + rho * w,
                y - self.forward(v),
                lambda r: self.precondition(r, rho),
            )
        )

    def precondition(self, r: Tensor, rho: float) -> Tensor:
        """Return about ``(A A^T + rho)^-1 r``, which speeds up `solve`; here just `r`.

        What an operator returns instead must be symmetric and positive definite in `r`.
        """
        return r

    def initial(self, y: Tensor, shape: Shape) -> Tensor:
        """Return an image of `shape` made from `y` without any prior (may leave [0, 1])."""
        if y.shape != shape:
            raise ValueError(f"{type(self).__name__} must define initial(): {y.shape} != {shape}")
        return y

    def to(self, device: torch.device | str) -> LinearOperator:
        """Return the same operator with its tensors on `device`."""
        return self


class Identity(LinearOperator):
    """A = I: denoising."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`."""
        return x

    def adjoint(self, y: Tensor) -> Tensor:
        """Return `y`."""
        return y

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return the weighted mean of `y` and `v`."""
        return (y + rho * v) / (1 + rho)


class Mask(LinearOperator):
    """A = diag(mask): inpainting. The data have the image's shape, 0 where pixels miss.

    Parameters
    ----------
    mask : Tensor
        Shape (1, 1, H, W), or (1, C, H, W) for a mask that differs between channels: 1 where
        a pixel is known, 0 where it is missing.
    """

    def __init__(self, mask: Tensor) -> None:
        if mask.ndim != 4 or mask.shape[0] != 1 or not bool(((mask == 0) | (mask == 1)).all()):
            raise ValueError(f"expected a mask (1, 1 or C, H, W) of 0 and 1, not {mask.shape}")
        self.mask = mask

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` with the missing pixels set to 0."""
        return x * self.mask.to(x.dtype)

    def adjoint(self, y: Tensor) -> Tensor:
        """Return `y` with the missing pixels set to 0."""
        return y * self.mask.to(y.dtype)

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return the weighted mean of `y` and `v` at known pixels, `v` at missing ones."""
        mask = self.mask.to(y.dtype)
        return (mask * y + rho * v) / (mask + rho)

    def initial(self, y: Tensor, shape: Shape) -> Tensor:
        """Return `y` with the missing pixels interpolated linearly from the known ones."""
        from priorlab.interpolation import fill_missing

        return fill_missing(y, self.mask.expand(1, *shape[1:]))

    def to(self, device: torch.device | str) -> Mask:
        """Return the same operator with its mask on `device`."""
        return Mask(self.mask.to(device))


class Downsampling(LinearOperator):
    """Blur by a kernel, then keep one pixel of each ``factor x factor`` block.

    The pixel kept is the one at ``(factor - 1) // 2`` in its block, and the kernel's origin is
    ``size // 2``. With a symmetric kernel of even size for an even factor, and of odd size for
    an odd one, the data therefore lie at the centres of the blocks: nothing is displaced.

    Parameters
    ----------
    kernel : Tensor
        Shape (kh, kw); convolved with each channel (not correlated).
    factor : int
        Side of a block, at least 1. The image's sides must be multiples of it.
    boundary : {"circular", "reflect"}
        How the image goes on beyond its border: it repeats, or it is mirrored about the
        centres of its outermost pixels. Circular has a closed form for `solve`.

    Raises
    ------
    UsageError
        On use: for an image smaller than the kernel, or not a multiple of the factor.

    References
    ----------
    N. Zhao et al., "Fast single image super-resolution using a new analytical solution for
    l2-l2 problems", IEEE Transactions on Image Processing 25(8), 2016: the closed form.
    """

    def __init__(self, kernel: Tensor, factor: int = 1, boundary: str = "circular") -> None:
        if kernel.ndim != 2 or factor < 1:
            raise ValueError(f"expected a kernel (kh, kw) and a factor >= 1, not {kernel.shape}")
        if boundary not in ("circular", "reflect"):
            raise ValueError(f"boundary={boundary!r} is neither 'circular' nor 'reflect'")
        if factor > 1 and any(side % 2 != factor % 2 for side in kernel.shape):
            raise ValueError("an even factor needs a kernel of even size, an odd one of odd size")
        self.kernel, self.factor, self.boundary = kernel, factor, boundary

    def forward(self, x: Tensor) -> Tensor:
        """Return the blurred and decimated image, (B, C, H / factor, W / factor)."""
        self.check(x.shape[-2:])
        first = (self.factor - 1) // 2
        return self._blur(x)[..., first :: self.factor, first :: self.factor]

    def adjoint(self, y: Tensor) -> Tensor:
        """Return the data spread over a grid of zeros and blurred by the mirrored kernel."""
        first, height, width = (self.factor - 1) // 2, *y.shape[-2:]
        size = (height * self.factor, width * self.factor)
        self.check(size)
        if self.factor == 1:
            return self._blur_adjoint(y)
        spread = y.new_zeros(*y.shape[:-2], *size)
        spread[..., first :: self.factor, first :: self.factor] = y
        return self._blur_adjoint(spread)

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return the closed form if the boundary is circular, else by conjugate gradients."""
        if self.boundary == "circular":
            return v + self.adjoint(self.precondition(y - self.forward(v), rho))
        return super().solve(y, v, rho)

    def precondition(self, r: Tensor, rho: float) -> Tensor:
        """Return ``(A A^T + rho)^-1 r`` for the circular boundary, by FFT.

        ``A A^T`` is then a circular convolution on the coarse grid. Its spectrum is the mean
        over the aliases of the fine power spectrum: each ``factor``-th value of the
        kernel's autocorrelation.
        """
        height, width = r.shape[-2:]
        fine = (height * self.factor, width * self.factor)
        power = self._transfer(fine, r.dtype).abs().square()
        if self.factor > 1:
            correlation = _image(power, fine)[:: self.factor, :: self.factor]
            power = _spectrum(correlation).real.clamp_min(0)
        return _image(_spectrum(r) / (power + rho), (height, width))

    def initial(self, y: Tensor, shape: Shape) -> Tensor:
        """Return `y`, enlarged by bicubic interpolation to `shape`."""
        if self.factor == 1:
            return super().initial(y, shape)
        # antialias=True changes nothing in an enlargement but the cubic's parameter: -0.5, as
        # in Keys (1981), Matlab and Pillow.
        return torch.nn.functional.interpolate(
            y, size=shape[-2:], mode="bicubic", align_corners=False, antialias=True
        )

    def to(self, device: torch.device | str) -> Downsampling:
        """Return the same operator with its kernel on `device`."""
        return Downsampling(self.kernel.to(device), self.factor, self.boundary)

    def check(self, size: tuple[int, ...]) -> None:
        """Raise a `UsageError` unless images of `size` (H, W) suit the kernel and factor."""
        (height, width), (kh, kw) = size, self.kernel.shape
        if kh > height or kw > width:
            raise UsageError(
                f"the kernel ({kw}x{kh} pixels) is larger than the image ({width}x{height}); "
                "use a smaller kernel or a larger image"
            )
        if height % self.factor or width % self.factor:
            raise UsageError(
                f"the image ({width}x{height} pixels) is not a multiple of the factor "
                f"{self.factor}; crop it"
            )

    def _blur(self, x: Tensor) -> Tensor:
        """Convolve with the kernel; the size stays."""
        (height, width), (kh, kw) = x.shape[-2:], self.kernel.shape
        if self.boundary == "circular":
            return _image(_spectrum(x) * self._transfer((height, width), x.dtype), (height, width))
        padded = torch.nn.functional.pad(x, self._padding(), mode="reflect")
        size = _fast_size(padded)
        product = _spectrum(padded, size) * _spectrum(self.kernel.to(x.dtype), size)
        return _image(product, size)[..., kh - 1 : kh - 1 + height, kw - 1 : kw - 1 + width]

    def _blur_adjoint(self, y: Tensor) -> Tensor:
        """Undo each step of `_blur` by its adjoint, in reverse order."""
        (height, width), (kh, kw) = y.shape[-2:], self.kernel.shape
        if self.boundary == "circular":
            transfer = self._transfer((height, width), y.dtype)
            return _image(_spectrum(y) * transfer.conj(), (height, width))
        embedded = torch.nn.functional.pad(y, (kw - 1, 0, kh - 1, 0))
        size = _fast_size(embedded)
        product = _spectrum(embedded, size) * _spectrum(self.kernel.to(y.dtype), size).conj()
        padded = _image(product, size)[..., : height + kh - 1, : width + kw - 1]
        left, right, top, bottom = self._padding()
        return _fold(_fold(padded, left, right, -1), top, bottom, -2)

    def _padding(self) -> tuple[int, int, int, int]:
        """Return how many pixels the kernel reaches beyond the left, right, top and bottom."""
        kh, kw = self.kernel.shape
        return (kw - 1) // 2, kw // 2, (kh - 1) // 2, kh // 2

    def _transfer(self, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
        """Return the spectrum, on `size` pixels, of the kernel with its origin at (0, 0)."""
        kh, kw = self.kernel.shape
        embedded = torch.nn.functional.pad(
            self.kernel.to(dtype), (0, size[1] - kw, 0, size[0] - kh)
        )
        return _spectrum(embedded.roll((-(kh // 2), -(kw // 2)), (0, 1)))


class Convolution(Downsampling):
    """Convolution of each channel with a kernel of odd or even size: deblurring.

    Parameters
    ----------
    kernel : Tensor
        Shape (kh, kw), its origin at ``(kh // 2, kw // 2)``.
    boundary : {"circular", "reflect"}
        As in `Downsampling`.
    """

    def __init__(self, kernel: Tensor, boundary: str = "circular") -> None:
        super().__init__(kernel, 1, boundary)

    def to(self, device: torch.device | str) -> Convolution:
        """Return the same operator with its kernel on `device`."""
        return Convolution(self.kernel.to(device), self.boundary)


def _spectrum(x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """Return the Fourier transform over the pixels, after padding with zeros to `size`."""
    spectrum: Tensor = torch.fft.rfft2(x, s=size)
    return spectrum


def _image(spectrum: Tensor, size: tuple[int, int]) -> Tensor:
    image: Tensor = torch.fft.irfft2(spectrum, s=size)
    return image


def _fast_size(x: Tensor) -> tuple[int, int]:
    """Return the least size, not below that of `x`, whose transform is fast."""
    return next_fast_len(x.shape[-2], real=True), next_fast_len(x.shape[-1], real=True)


def _fold(x: Tensor, before: int, after: int, dim: int) -> Tensor:
    """Add each pixel of a reflected border to the one it mirrors: the adjoint of padding."""
    length = x.shape[dim] - before - after
    inner = x.narrow(dim, before, length).clone()
    if before:
        inner.narrow(dim, 1, before).add_(x.narrow(dim, 0, before).flip(dim))
    if after:
        outer = x.narrow(dim, before + length, after).flip(dim)
        inner.narrow(dim, length - 1 - after, after).add_(outer)
    return inner
