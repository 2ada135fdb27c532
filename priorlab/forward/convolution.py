"""Convolution and down-sampling: linear operators that the Fourier transform inverts."""

from __future__ import annotations

import copy
from typing import Self

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.errors import UsageError
from priorlab.forward.borders import fold, mirrored, reach, reflect
from priorlab.forward.fourier import fast_size, image_of, spectrum_of
from priorlab.forward.operators import LinearOperator, Shape


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
        How the image continues beyond its border: it repeats (``abcd|abcd``), or it is mirrored
        (``dcba|abcd|dcba``). `solve` has a closed form for circular, and for reflect if the
        kernel equals its mirror images and its size is odd or even as the factor is.

    Raises
    ------
    UsageError
        On use: for an image smaller than the kernel, or not a multiple of the factor.

    References
    ----------
    N. Zhao et al., "Fast single image super-resolution using a new analytical solution for
    l2-l2 problems", IEEE Transactions on Image Processing 25(8), 2016: the closed form.

    Examples
    --------
    >>> operator = Downsampling(torch.full((2, 2), 0.25), factor=2)
    >>> operator.forward(torch.rand(1, 3, 8, 10)).shape
    torch.Size([1, 3, 4, 5])
    """

    def __init__(self, kernel: Tensor, factor: int = 1, boundary: str = "circular") -> None:
        if kernel.ndim != 2 or factor < 1:
            raise ValueError(f"expected a kernel (kh, kw) and a factor >= 1, not {kernel.shape}")
        if boundary not in ("circular", "reflect"):
            raise ValueError(f"boundary={boundary!r} is neither 'circular' nor 'reflect'")
        if factor > 1 and any(side % 2 != factor % 2 for side in kernel.shape):
            raise ValueError("an even factor needs a kernel of even size, an odd one of odd size")
        self.kernel, self.factor, self.boundary = kernel, factor, boundary
        # Mirroring the image then mirrors the data: see `solve`.
        self._mirrors = all(
            side % 2 == factor % 2 and torch.allclose(kernel, kernel.flip(dim), rtol=1e-6, atol=0)
            for dim, side in enumerate(kernel.shape)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the blurred and decimated image, (B, C, H / factor, W / factor)."""
        self.check(x.shape[-2:])
        return self._decimate(self._blur(x))

    def adjoint(self, y: Tensor) -> Tensor:
        """Return the data spread over a grid of zeros and blurred by the mirrored kernel."""
        spread = self._spread(y)
        self.check(spread.shape[-2:])
        return self._blur_adjoint(spread)

    @property
    @override
    def is_convolution(self) -> bool:
        return self.factor == 1

    @property
    def has_closed_form(self) -> bool:
        """Whether the boundary is circular, or reflects and the kernel is symmetric."""
        return self.boundary == "circular" or self._mirrors

    def solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return the closed form where there is one, else by conjugate gradients."""
        self.check(v.shape[-2:])
        if self.boundary == "circular":
            return self._periodic_solve(y, v, rho)
        if self._mirrors:
            # An image and its mirror images side by side repeat without a seam, and by
            # symmetry the minimiser for all of them is that for each of them.
            full = self._periodic_solve(mirrored(y), mirrored(v), rho)
            return full[..., : v.shape[-2], : v.shape[-1]]
        return super().solve(y, v, rho)

    def initial_guess(self, y: Tensor, shape: Shape) -> Tensor:
        """Return `y`, enlarged by bicubic interpolation to `shape`."""
        if self.factor == 1:
            return y
        # antialias=True changes nothing in an enlargement but the cubic's parameter: -0.5, as
        # in Keys (1981), Matlab and Pillow.
        return torch.nn.functional.interpolate(
            y, size=shape[-2:], mode="bicubic", align_corners=False, antialias=True
        )

    @override
    def to(self, device: torch.device | str) -> Self:
        moved = copy.copy(self)
        moved.kernel = self.kernel.to(device)
        return moved

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

    def _decimate(self, x: Tensor) -> Tensor:
        first = (self.factor - 1) // 2
        return x[..., first :: self.factor, first :: self.factor]

    def _spread(self, y: Tensor) -> Tensor:
        """Return `y` on the fine grid, with zeros in between: the adjoint of `_decimate`."""
        if self.factor == 1:
            return y
        height, width = y.shape[-2:]
        spread = y.new_zeros(*y.shape[:-2], height * self.factor, width * self.factor)
        self._decimate(spread).copy_(y)
        return spread

    def _periodic_solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return ``v + A^T (A A^T + rho)^-1 (y - A v)`` for the circular boundary.

        ``A A^T`` is then a circular convolution on the coarse grid, with each `factor`-th
        value of the kernel's autocorrelation. This is the same as the block identity of Zhao
        et al. (2016), without the loss of digits from a division by a small `rho`.
        """
        coarse, fine = (y.shape[-2], y.shape[-1]), (v.shape[-2], v.shape[-1])
        transfer = self._transfer(fine, v.dtype)
        correlation = image_of(transfer.abs().square(), fine)[:: self.factor, :: self.factor]
        power = spectrum_of(correlation).real.clamp_min(0)
        residual = y - self._decimate(image_of(transfer * spectrum_of(v), fine))
        w = image_of(spectrum_of(residual) / (power + rho), coarse)
        return v + image_of(transfer.conj() * spectrum_of(self._spread(w)), fine)

    def _blur(self, x: Tensor) -> Tensor:
        """Convolve with the kernel; the size stays."""
        (height, width), (kh, kw) = x.shape[-2:], self.kernel.shape
        if self.boundary == "circular":
            return image_of(
                spectrum_of(x) * self._transfer((height, width), x.dtype), (height, width)
            )
        padded = reflect(reflect(x, *reach(kh), -2), *reach(kw), -1)
        size = fast_size(padded.shape[-2:])
        product = spectrum_of(padded, size) * spectrum_of(self.kernel.to(x.dtype), size)
        return image_of(product, size)[..., kh - 1 : kh - 1 + height, kw - 1 : kw - 1 + width]

    def _blur_adjoint(self, y: Tensor) -> Tensor:
        """Undo each step of `_blur` by its adjoint, in reverse order."""
        (height, width), (kh, kw) = y.shape[-2:], self.kernel.shape
        if self.boundary == "circular":
            transfer = self._transfer((height, width), y.dtype)
            return image_of(spectrum_of(y) * transfer.conj(), (height, width))
        embedded = torch.nn.functional.pad(y, (kw - 1, 0, kh - 1, 0))
        size = fast_size(embedded.shape[-2:])
        product = spectrum_of(embedded, size) * spectrum_of(self.kernel.to(y.dtype), size).conj()
        padded = image_of(product, size)[..., : height + kh - 1, : width + kw - 1]
        return fold(fold(padded, *reach(kw), -1), *reach(kh), -2)

    def _transfer(self, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
        """Return the spectrum, on `size` pixels, of the kernel with its origin at (0, 0)."""
        kh, kw = self.kernel.shape
        embedded = torch.nn.functional.pad(
            self.kernel.to(dtype), (0, size[1] - kw, 0, size[0] - kh)
        )
        return spectrum_of(embedded.roll((-(kh // 2), -(kw // 2)), (0, 1)))


class Convolution(Downsampling):
    """Convolution of each channel with a kernel of odd or even size: deblurring.

    Parameters
    ----------
    kernel : Tensor
        Shape (kh, kw), its origin at ``(kh // 2, kw // 2)``.
    boundary : {"circular", "reflect"}
        As in `Downsampling`.

    Examples
    --------
    >>> from priorlab.tasks import kernels
    >>> blur = Convolution(torch.from_numpy(kernels.gaussian(1.0)), boundary="reflect")
    >>> blur.forward(torch.ones(1, 1, 16, 16)).allclose(torch.ones(1, 1, 16, 16))
    True
    """

    def __init__(self, kernel: Tensor, boundary: str = "circular") -> None:
        super().__init__(kernel, 1, boundary)

    def canvas(self, shape: Shape) -> Shape:
        """Return the shape of the image of which a picture of `shape` is the blurred one."""
        return shape

    def _periodic_solve(self, y: Tensor, v: Tensor, rho: float) -> Tensor:
        """Return the same as the parent, with half of its transforms."""
        size = (v.shape[-2], v.shape[-1])
        transfer, spectrum = self._transfer(size, v.dtype), spectrum_of(v)
        gain = transfer.conj() / (transfer.abs().square() + rho)
        return image_of(spectrum + gain * (spectrum_of(y) - transfer * spectrum), size)
