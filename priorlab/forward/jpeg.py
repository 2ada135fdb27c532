"""JPEG compression as a noise model: the error of a picture whose coefficients were rounded.

The encoder turns RGB into a luma and two chroma planes, takes the cosine transform of blocks of
8x8 pixels, and rounds each coefficient to a multiple of an entry q of its quantisation table.
So the true coefficient is anywhere within q/2 of the decoded one. Where the error is taken for
Gaussian, it has a covariance that is the same in all blocks, and its inverse and its prox are
linear maps of a block.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import scipy.fft
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.forward.noise import ROUNDING, Array, Noise

BLOCK = 8
SUBSAMPLINGS = ("4:4:4", "4:2:0")

WIDTH = 0.5 / 12**0.5
"""Standard deviation of the Gaussian that stands for a rounding error, over q: half of the true
one. A true error ends at q/2, and a prior should not be pulled far beyond."""

LUMA, CHROMA = 2000.0, 160.0
"""The mean square (0-255) of the coefficient (u, v) in photographs is about LUMA, and in colourful
ones CHROMA, over ``u^2 + v^2``. What is rounded to zero errs by no more."""

DETAIL = 2.0
"""Standard deviation (0-255) of the differences between the four pixels that share a chroma value
in photographs."""

LEAST = 0.5
"""Error of the best pixels, in flat regions, relative to that of the average one."""

TO_YCBCR = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)
"""ITU-R BT.601 on the full range, as JFIF files use it."""

Table = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class JpegQuantisation(Noise):
    """The error of JPEG compression, which is not random: `sample` encodes and decodes.

    The data fidelity is that of a Gaussian error, ``1/2 e^T S^-1 e`` for each block: e = u - y,
    and S is the covariance of its pixels: the coefficients err by ``WIDTH q``, and each value by
    the rounding to 8 bits. In a block that the right or bottom border cuts, the error of the pixels
    outside is free: S is that of the pixels inside.

    Attributes
    ----------
    luma, chroma : tuple of int
        Quantisation tables, 64 entries in rows; gray images use the first only.
    subsampling : {"4:4:4", "4:2:0"}
        Whether each pixel has a chroma of its own, or four share one.
    """

    luma: Table
    chroma: Table
    subsampling: str = "4:4:4"

    @property
    def level(self) -> float:
        """Return the root mean square error to expect in the luma of a photograph."""
        expected = np.minimum(_square(self.luma) / 12, _power(LUMA)).mean()
        return float((expected / 255**2 + ROUNDING**2) ** 0.5)

    @property
    def spread(self) -> tuple[float, float]:
        """Return what to expect in flat regions, and `level`."""
        return LEAST * self.level, self.level

    @property
    def is_independent(self) -> bool:
        """False: the values of a block err together."""
        return False

    def sample(self, clean: Array, rng: np.random.Generator) -> Array:
        """Encode images (B, C, H, W), clipped and rounded to 8 bits, and decode them."""
        return np.stack([self._compressed(image) for image in clean])

    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``1/2 e^T S^-1 e``, summed over the blocks of each image."""
        error = u - y
        total = error.new_zeros(len(error))
        for rows, columns, height, width in self._regions(error):
            basis, variance = self._eigen(error, height, width)
            blocks = _cut(error[..., rows, columns], height, width) @ basis
            total = total + (blocks.square() / variance).sum((1, 2)) / 2
        return total

    def prox(self, v: Tensor, y: Tensor, step: float) -> Tensor:
        """Return ``y + S (S + step)^-1 (v - y)``, block by block."""
        error = v - y
        result = torch.empty_like(error)
        for rows, columns, height, width in self._regions(error):
            basis, variance = self._eigen(error, height, width)
            region = error[..., rows, columns]
            blocks = _cut(region, height, width) @ basis * (variance / (variance + step))
            result[..., rows, columns] = _joined(blocks @ basis.T, region.shape, height, width)
        return y + result

    def _compressed(self, image: Array) -> Array:
        levels = np.rint(image.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
        gray = levels.shape[2] == 1
        tables = [self.luma] if gray else [self.luma, self.chroma]
        file = io.BytesIO()
        picture = Image.fromarray(np.ascontiguousarray(levels[..., 0] if gray else levels))
        picture.save(file, "JPEG", qtables=tables, subsampling=self.subsampling)
        decoded = np.asarray(_opened(file), np.float64) / 255
        return decoded[None] if gray else decoded.transpose(2, 0, 1)

    def _regions(self, image: Tensor) -> Iterator[tuple[slice, slice, int, int]]:
        """Yield rows, columns and block size: whole blocks, then those that borders cut."""
        size = BLOCK * 2 if self.subsampling == "4:2:0" and image.shape[1] == 3 else BLOCK
        for rows, height in _stretches(image.shape[2], size):
            for columns, width in _stretches(image.shape[3], size):
                yield rows, columns, height, width

    def _eigen(self, error: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        return _eigen(self, error.shape[1], height, width, error.dtype, error.device)


def standard(quality: int, subsampling: str = "4:4:4") -> JpegQuantisation:
    """Return the noise model of Pillow's encoder with a quality of 1 to 100 (IJG's scale).

    Examples
    --------
    >>> standard(quality=10).luma[:4]
    (80, 55, 50, 80)
    >>> standard(quality=10).level > standard(quality=90).level
    True
    """
    file = io.BytesIO()
    Image.new("RGB", (BLOCK, BLOCK)).save(file, "JPEG", quality=quality)
    tables = _opened(file).quantization
    return JpegQuantisation(tuple(tables[0]), tuple(tables[1]), subsampling)


def of_file(path: str | os.PathLike[str]) -> JpegQuantisation:
    """Return the noise model of a JPEG file.

    Raises
    ------
    UsageError
        If it is not a JPEG file, or one whose chroma is sampled in a way not in `SUBSAMPLINGS`.

    Examples
    --------
    >>> Image.open("photo.png").save("photo.jpg", quality=90, subsampling="4:2:0")
    >>> of_file("photo.jpg") == standard(quality=90, subsampling="4:2:0")
    True
    """
    try:
        with open(path, "rb") as file:
            image = _opened(file)
    except UnidentifiedImageError:
        raise UsageError(f"{path} is not a JPEG file, which would have the tables") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    # For each plane: its number, its sampling factors, and the number of its table.
    planes = image.layer
    tables = [tuple(image.quantization[plane[3]]) for plane in planes]
    factors = [tuple(plane[1:3]) for plane in planes]
    if len(planes) == 1:
        return JpegQuantisation(tables[0], tables[0])
    known = {(1, 1): "4:4:4", (2, 2): "4:2:0"}
    if len(planes) != 3 or factors[0] not in known or factors[1:] != [(1, 1)] * 2:
        raise UsageError(f"{path}: its colour is stored neither as 4:4:4 nor as 4:2:0")
    return JpegQuantisation(tables[0], tables[1], known[factors[0]])


def _opened(file: BinaryIO) -> Any:
    return Image.open(file, formats=["JPEG"])


def _power(scale: float) -> Array:
    """Return `scale` over the squared frequency of the coefficients (8, 8)."""
    squares = np.arange(BLOCK, dtype=np.float64) ** 2
    return scale / (squares[:, None] + squares).clip(min=0.1)


def _square(table: Table) -> Array:
    """Return the squares of a table (8, 8)."""
    return np.array(table, np.float64).reshape(BLOCK, BLOCK) ** 2


def _stretches(length: int, size: int) -> Iterator[tuple[slice, int]]:
    """Yield the whole blocks along one side, and what remains."""
    whole = length - length % size
    if whole:
        yield slice(0, whole), size
    if whole < length:
        yield slice(whole, length), length - whole


def _cut(region: Tensor, height: int, width: int) -> Tensor:
    """Return the blocks (B, N, C height width) of a region (B, C, H, W)."""
    batch, channels, rows, columns = region.shape
    grid = region.reshape(batch, channels, rows // height, height, columns // width, width)
    return grid.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * height * width)


def _joined(blocks: Tensor, shape: tuple[int, ...], height: int, width: int) -> Tensor:
    """Return the region that `_cut` cut."""
    batch, channels, rows, columns = shape
    grid = blocks.view(batch, rows // height, columns // width, channels, height, width)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(shape)


@functools.lru_cache(maxsize=32)
def _eigen(
    noise: JpegQuantisation,
    channels: int,
    height: int,
    width: int,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Return eigenvectors, as columns, and eigenvalues of S for a block of a given size."""
    whole = _covariance(noise) if channels == 3 else _covariance_of_gray(noise)
    count = channels * height * width
    inside = whole[:, :height, :width, :, :height, :width].reshape(count, count) / 255**2
    inside += ROUNDING**2 * np.eye(count)
    with torch.inference_mode(False):  # or no gradient could ever use what is kept
        variance, basis = torch.linalg.eigh(torch.from_numpy(inside))
        return basis.to(device, dtype), variance.to(device, dtype)


def _covariance_of_gray(noise: JpegQuantisation) -> Array:
    """Return the covariance of the pixels (1, 8, 8, 1, 8, 8) of a block, on 0-255."""
    plane = _seen(_cosine_transform(), WIDTH**2 * _square(noise.luma))
    return plane[None, :, :, None]


def _covariance(noise: JpegQuantisation) -> Array:
    """Return the covariance of the pixels (3, n, n, 3, n, n) of a block, on 0-255.

    Where four pixels share a chroma value, a block is 16x16 pixels: four blocks of luma. The
    mean of the four was quantised, and their differences are lost.
    """
    cosine = _cosine_transform()
    luma = WIDTH**2 * _square(noise.luma)
    # In luma such a bound costs quality: there, a prior restores much of what was rounded to 0.
    chroma = np.minimum(WIDTH**2 * _square(noise.chroma), _power(CHROMA))
    if noise.subsampling == "4:4:4":
        planes = [_seen(cosine, luma)] + 2 * [_seen(cosine, chroma)]
    else:
        pairs = np.repeat(np.eye(BLOCK), 2, axis=1) / 2**0.5
        differences = pairs * np.tile([1.0, -1.0], BLOCK)
        split = np.concatenate((cosine @ pairs, differences))
        shared = np.full((2 * BLOCK, 2 * BLOCK), DETAIL**2)
        shared[:BLOCK, :BLOCK] = 4 * chroma  # twice the mean is what an orthonormal transform gives
        twice = np.asarray(np.kron(np.eye(2), cosine), np.float64)
        four = _seen(twice, np.tile(luma, (2, 2)))
        planes = [four] + 2 * [_seen(split, shared)]
    to_rgb = np.linalg.inv(TO_YCBCR)
    covariance: Array = np.einsum("ap,bp,pijkl->aijbkl", to_rgb, to_rgb, np.stack(planes))
    return covariance


def _seen(transform: Array, variance: Array) -> Array:
    """Return the covariance (n, n, n, n) of pixels whose coefficients have a `variance` (n, n)."""
    t = transform
    covariance: Array = np.einsum("ui,vj,uv,uk,vl->ijkl", t, t, variance, t, t, optimize=True)
    return covariance


def _cosine_transform() -> Array:
    """Return the orthonormal discrete cosine transform of 8 values, one frequency per row."""
    return np.asarray(scipy.fft.dct(np.eye(BLOCK), norm="ortho", axis=0))
