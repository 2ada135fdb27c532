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
import itertools
import math
from collections.abc import Iterator
from types import EllipsisType
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from typing_extensions import override

from priorlab.errors import UsageError
from priorlab.forward.noise import ROUNDING, Array, Noise

BLOCK = 8
FACTORS = {
    "4:4:4": (1, 1),
    "4:2:2": (1, 2),
    "4:2:0": (2, 2),
    "4:4:0": (2, 1),
    "4:1:1": (1, 4),
}
"""Down and across, the number of pixels that share one chroma value."""

WRITTEN = ("4:4:4", "4:2:2", "4:2:0")
"""Those that the encoder writes."""

WIDTH = 0.5 / 12**0.5
"""Standard deviation of the Gaussian that stands for a rounding error, over q: half of the true
one. A true error ends at q/2, and a prior should not be pulled far beyond."""

WHOLE = 1.0
"""Error of a coefficient (0-255) beyond that: planes and pixels are rounded to whole numbers."""

LUMA, CHROMA = 2000.0, 160.0
"""The mean square (0-255) of the coefficient (u, v) in photographs is about LUMA, and in colourful
ones CHROMA, over ``u^2 + v^2``. What is rounded to zero errs by no more."""

DETAIL = 2.0
"""Standard deviation (0-255) of the differences between the pixels that share a chroma value in
photographs."""

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
    the rounding to 8 bits. In a block that a border cuts, the error of the pixels outside is free:
    S is that of the pixels inside.

    Attributes
    ----------
    luma, chroma : tuple of int
        Quantisation tables, 64 entries in rows; gray images use the first only.
    subsampling : str
        Which pixels share a chroma value: one of `FACTORS`.
    orientation : int
        How images were turned after decoding, by the numbers of TIFF and Exif from 1 (not at all)
        to 8. The blocks lie in the picture as it was before.
    begins : pair of int
        The row and the column, in the picture as it was before, at which the first block begins
        that is not cut: other than (0, 0) in cut-outs. Where pixels share a chroma value, a block
        of chroma counts, which is 16 x 16 pixels in 4:2:0.
    """

    luma: Table
    chroma: Table
    subsampling: str = "4:4:4"
    orientation: int = 1
    begins: tuple[int, int] = (0, 0)

    @property
    def level(self) -> float:
        """Return the root mean square error to expect in the luma of a photograph."""
        expected = np.minimum(_square(self.luma) / 12, _power(LUMA)).mean()
        return float(_of_whole_numbers(expected) ** 0.5 / 255)

    @property
    def chroma_level(self) -> float:
        """Return the same of a chroma plane of a photograph, without `lost_in_chroma`."""
        expected = np.minimum(_square(self.chroma) / 12, _power(CHROMA)).mean()
        return float(_of_whole_numbers(expected) ** 0.5 / 255)

    @property
    def lost_in_chroma(self) -> float:
        """Return the root mean square of what subsampling takes from a chroma plane."""
        down, across = FACTORS[self.subsampling]
        return float(DETAIL * (1 - 1 / (down * across)) ** 0.5 / 255)

    @override
    def error(self, channels: int) -> float:
        """Return `level`, with `lost_in_chroma` of images in colour."""
        if channels != 3:
            return self.level
        of_chroma = np.square(np.linalg.inv(TO_YCBCR)[:, 1:]).sum() / 3  # in RGB
        return float((self.level**2 + of_chroma * self.lost_in_chroma**2) ** 0.5)

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
        stored = self.whole_at_first(self.stored(torch.from_numpy(clean))).numpy()
        decoded = torch.from_numpy(np.stack([self._compressed(image) for image in stored]))
        return self.upright(self.without_first(decoded)).numpy()

    def nll(self, u: Tensor, y: Tensor) -> Tensor:
        """Return ``1/2 e^T S^-1 e``, summed over the blocks of each image."""
        error = self.stored(u - y)
        total = error.new_zeros(len(error))
        for region in self._regions(error):
            basis, variance = self._eigen(error, region)
            blocks = _cut(error[region.place], *region.size) @ basis
            total = total + (blocks.square() / variance).sum((1, 2)) / 2
        return total

    def prox(self, v: Tensor, y: Tensor, step: float) -> Tensor:
        """Return ``y + S (S + step)^-1 (v - y)``, block by block."""
        error = self.stored(v - y)
        result = torch.empty_like(error)
        for region in self._regions(error):
            basis, variance = self._eigen(error, region)
            errors = error[region.place]
            blocks = _cut(errors, *region.size) @ basis * (variance / (variance + step))
            result[region.place] = _joined(blocks @ basis.T, errors.shape, *region.size)
        return y + self.upright(result)

    @override
    def possible(self, u: Tensor, y: Tensor) -> Tensor:
        """Return `u` with each coefficient where it may have been: within q/2 of that of `y`.

        In blocks with black or white, where decoding may have cut values off, twice as far.
        Blocks that the border cuts, and chroma values that pixels share, stay as they are: of them
        the coefficients are not seen.
        """
        error, data = self.stored(u - y), self.stored(y)
        rows, columns = (
            slice(first % BLOCK, side - (side - first) % BLOCK)
            for first, side in zip(self.begins, error.shape[2:], strict=True)
        )
        whole = error[..., rows, columns]
        if not whole.numel():
            return u
        basis, inverse, bounds = _coefficients(self, error.shape[1], error.dtype, error.device)
        ends = (_cut(data[..., rows, columns], BLOCK, BLOCK) % 1 == 0).any(2, keepdim=True)
        bounds = bounds * (1 + ends.to(bounds))
        blocks = (_cut(whole, BLOCK, BLOCK) @ basis).clamp(-bounds, bounds) @ inverse
        error[..., rows, columns] = _joined(blocks, whole.shape, BLOCK, BLOCK)
        return y + self.upright(error)

    def stored(self, image: Tensor) -> Tensor:
        """Turn upright images (B, C, H, W) to how they lie in the file."""
        if self.orientation in (2, 3, 6, 7):
            image = image.flip(-1)
        if self.orientation in (3, 4, 7, 8):
            image = image.flip(-2)
        return (image.mT if self.orientation >= 5 else image).contiguous()

    def upright(self, image: Tensor) -> Tensor:
        """Do the opposite of `stored`."""
        if self.orientation >= 5:
            image = image.mT
        if self.orientation in (3, 4, 7, 8):
            image = image.flip(-2)
        return image.flip(-1) if self.orientation in (2, 3, 6, 7) else image

    def corner(self, height: int, width: int) -> tuple[int, int]:
        """Return row and column at which the first whole block of upright images begins.

        Examples
        --------
        >>> dataclasses.replace(standard(10), orientation=3).corner(20, 33)
        (4, 1)
        """
        row, column = self.begins if self.orientation < 5 else self.begins[::-1]
        return (
            (height - row if self.orientation in (3, 4, 7, 8) else row) % BLOCK,
            (width - column if self.orientation in (2, 3, 6, 7) else column) % BLOCK,
        )

    def whole_at_first(self, image: Tensor) -> Tensor:
        """Return images that lie as `stored`, with what was cut off before them filled in.

        By their first rows and columns, so that blocks begin with the image.
        """
        for side, count in enumerate(self._before(image)):
            first = image.narrow(2 + side, 0, 1)
            image = torch.cat([first] * count + [image], 2 + side)
        return image

    def without_first(self, image: Tensor) -> Tensor:
        """Do the opposite of `whole_at_first`."""
        rows, columns = self._before(image)
        return image[..., rows:, columns:]

    def _compressed(self, image: Array) -> Array:
        if self.subsampling not in WRITTEN and len(image) == 3:
            raise UsageError(
                f"pictures cannot be compressed with {self.subsampling}; expected one of "
                f"{', '.join(WRITTEN)}"
            )
        levels = np.rint(image.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
        gray = levels.shape[2] == 1
        tables = [self.luma] if gray else [self.luma, self.chroma]
        file = io.BytesIO()
        picture = Image.fromarray(np.ascontiguousarray(levels[..., 0] if gray else levels))
        picture.save(file, "JPEG", qtables=tables, subsampling=self.subsampling)
        decoded = np.asarray(_opened(file), np.float64) / 255
        return decoded[None] if gray else decoded.transpose(2, 0, 1)

    def _block(self, image: Tensor) -> tuple[int, int]:
        """Return how many rows and columns of an image (B, C, H, W) hold a block of each plane."""
        down, across = FACTORS[self.subsampling] if image.shape[1] == 3 else (1, 1)
        return BLOCK * down, BLOCK * across

    def _before(self, image: Tensor) -> tuple[int, int]:
        """Return how many rows and columns of the first blocks were cut off."""
        (down, across), (row, column) = self._block(image), self.begins
        return -row % down, -column % across

    def _regions(self, image: Tensor) -> Iterator[_Region]:
        """Yield the whole blocks, and those that borders cut."""
        sides = zip(image.shape[2:], self._block(image), self.begins, strict=True)
        rows, columns = (list(_stretches(*side)) for side in sides)
        for (down, height), (across, width) in itertools.product(rows, columns):
            yield _Region((..., down, across), (height, width))

    def _eigen(self, error: Tensor, region: _Region) -> tuple[Tensor, Tensor]:
        return _eigen(self, error.shape[1], *region.inside, error.dtype, error.device)


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


def _opened(file: BinaryIO) -> Any:
    return Image.open(file, formats=["JPEG"])


def _power(scale: float) -> Array:
    """Return `scale` over the squared frequency of the coefficients (8, 8)."""
    squares = np.arange(BLOCK, dtype=np.float64) ** 2
    return scale / (squares[:, None] + squares).clip(min=0.1)


def _square(table: Table) -> Array:
    """Return the squares of a table (8, 8)."""
    return np.array(table, np.float64).reshape(BLOCK, BLOCK) ** 2


def _of_whole_numbers(variance: float) -> float:
    """Return the mean square of a Gaussian error between whole numbers, as pictures hold.

    Where the error is small, rounding mends most of it instead of adding its own.

    Examples
    --------
    >>> round(_of_whole_numbers(9.0), 4), round(_of_whole_numbers(0.0833), 4)
    (9.0833, 0.0832)
    """
    if variance > 1:
        return variance + 1 / 12
    spread = (2 * variance) ** 0.5
    return sum((2 * size - 1) * math.erfc((size - 0.5) / spread) for size in range(1, 8))


class _Region(NamedTuple):
    """Equal blocks beside each other.

    Attributes
    ----------
    place : index
        Of images (B, C, H, W).
    inside : pair of ranges
        The rows and the columns of a block that are within the image.
    """

    place: tuple[EllipsisType, slice, slice]
    inside: tuple[range, range]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of what is within the image of each block."""
        return len(self.inside[0]), len(self.inside[1])


def _stretches(length: int, size: int, begins: int) -> Iterator[tuple[slice, range]]:
    """Yield where blocks lie along one side, and which of their pixels: cut ones and whole ones.

    Examples
    --------
    >>> [place.stop for place, _ in _stretches(20, size=8, begins=3)]
    [3, 19, 20]
    >>> [inside for _, inside in _stretches(20, size=8, begins=3)]
    [range(5, 8), range(0, 8), range(0, 1)]
    """
    first = min(begins % size, length)
    last = length - (length - first) % size
    if first:
        yield slice(0, first), range(-begins % size, -begins % size + first)
    if first < last:
        yield slice(first, last), range(size)
    if last < length:
        yield slice(last, length), range(length - last)


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
    down: range,
    across: range,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Return eigenvectors, as columns, and eigenvalues of S for these pixels of a block."""
    whole = _covariance(noise) if channels == 3 else _covariance_of_gray(noise)
    count = channels * len(down) * len(across)
    rows, columns = (slice(part.start, part.stop) for part in (down, across))
    inside = whole[:, rows, columns, :, rows, columns].reshape(count, count) / 255**2
    inside += (ROUNDING / 2) ** 2 * np.eye(count)  # half of the true one, as `WIDTH` is
    with torch.inference_mode(False):  # or no gradient could ever use what is kept
        variance, basis = torch.linalg.eigh(torch.from_numpy(inside))
        return basis.to(device, dtype), variance.to(device, dtype)


@functools.lru_cache(maxsize=32)
def _coefficients(
    noise: JpegQuantisation, channels: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what makes coefficients of the values of a block, its inverse, and their bounds."""
    coloured = channels == 3
    to_planes = TO_YCBCR if coloured else np.eye(channels)
    basis = np.kron(to_planes, np.kron(cosine_transform(), cosine_transform())).T
    bounds = [_square(noise.luma) ** 0.5 / 2 + WHOLE] * (1 if coloured else channels)
    if coloured:
        seen = noise.subsampling == "4:4:4"
        bounds += 2 * [_square(noise.chroma) ** 0.5 / 2 + (WHOLE if seen else np.inf)]
    made = (basis, np.linalg.inv(basis), np.ravel(bounds) / 255)
    with torch.inference_mode(False):
        one, inverse, most = (torch.from_numpy(array).to(device, dtype) for array in made)
    return one, inverse, most


def _covariance_of_gray(noise: JpegQuantisation) -> Array:
    """Return the covariance of the pixels (1, 8, 8, 1, 8, 8) of a block, on 0-255."""
    cosine = cosine_transform()
    plane = _seen(cosine, WIDTH**2 * _square(noise.luma), cosine)
    return plane[None, :, :, None]


def _covariance(noise: JpegQuantisation) -> Array:
    """Return the covariance of the pixels (3, m, n, 3, m, n) of a block, on 0-255.

    Where several pixels share a chroma value, a block holds several blocks of luma. The mean of
    those pixels was quantised, and their differences are lost.
    """
    down, across = FACTORS[noise.subsampling]
    luma = np.tile(WIDTH**2 * _square(noise.luma), (down, across))
    # In luma such a bound costs quality: there, a prior restores much of what was rounded to 0.
    chroma = np.minimum(WIDTH**2 * _square(noise.chroma), _power(CHROMA))
    shared = np.full((BLOCK * down, BLOCK * across), DETAIL**2)
    # The root of their number times the mean is what an orthonormal transform gives.
    shared[:BLOCK, :BLOCK] = down * across * chroma
    alone = _seen(_of_blocks(down), luma, _of_blocks(across))
    planes = [alone] + 2 * [_seen(_of_means(down), shared, _of_means(across))]
    to_rgb = np.linalg.inv(TO_YCBCR)
    covariance: Array = np.einsum("ap,bp,pijkl->aijbkl", to_rgb, to_rgb, np.stack(planes))
    return covariance


def _seen(down: Array, variance: Array, across: Array) -> Array:
    """Return the covariance (m, n, m, n) of pixels whose coefficients have a `variance` (m, n)."""
    covariance: Array = np.einsum(
        "ui,vj,uv,uk,vl->ijkl", down, across, variance, down, across, optimize=True
    )
    return covariance


def _of_blocks(count: int) -> Array:
    """Return the cosine transforms of blocks side by side."""
    return np.asarray(np.kron(np.eye(count), cosine_transform()), np.float64)


def _of_means(count: int) -> Array:
    """Return the transform of the means of `count` values each, and then their differences."""
    within = cosine_transform(count)
    means, *differences = [np.kron(np.eye(BLOCK), row[None]) for row in within]
    return np.concatenate((cosine_transform() @ means, *differences))


def cosine_transform(count: int = BLOCK) -> Array:
    """Return the orthonormal discrete cosine transform of so many values, one frequency per row.

    `scipy.fft` has it too, but takes a tenth of a second to import.

    Examples
    --------
    >>> transform = cosine_transform()
    >>> np.allclose(transform @ transform.T, np.eye(8))
    True
    """
    frequency, place = np.mgrid[:count, :count]
    cosines = np.cos((2 * place + 1) * frequency * np.pi / (2 * count))
    return np.asarray(cosines * np.where(frequency == 0, 1 / count, 2 / count) ** 0.5)
