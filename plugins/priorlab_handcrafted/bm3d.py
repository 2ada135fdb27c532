"""BM3D: a stack of similar blocks of an image has a sparse spectrum."""

import dataclasses
import functools
import math
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.priors import Denoiser
from priorlab.solvers.tiles import Locality
from priorlab_handcrafted.blocks import bands, matching, transforms
from priorlab_handcrafted.blocks import bm3d_kernels as kernels
from priorlab_handcrafted.blocks.bands import Groups, Transform
from priorlab_handcrafted.blocks.matching import Array
from priorlab_handcrafted.blocks.transforms import BLOCK
from priorlab_handcrafted.shared.colour import from_opponent, gray_or_rgb, to_opponent
from priorlab_handcrafted.shared.grids import offset
from priorlab_handcrafted.shared.threads import Threads

TILE = 43
"""Most reference blocks along a side of a tile."""

MOST_SIDE = 4096
"""Larger images are denoised in parts that overlap, which take longer and less memory."""

SMALLEST_SIGMA = 1e-6
"""Noise below this level is ignored."""

THRESHOLD = 2.7
"""Smallest coefficient kept in gray and luma planes, in standard deviations of the noise."""

CHROMA_THRESHOLD = 3.3
"""The same for the colour differences, which have less detail."""

FIRST_GROUP, SECOND_GROUP = 16, 32
"""Most blocks in a group of the first and of the second step; powers of two."""

MATCH_LIMIT = 400 / 255**2
"""Blocks of the first estimate match up to this mean squared difference ..."""

MATCH_NOISE = 0.3
"""... plus this many times the variance of the noise."""

NOISY_SHARE = 0.1
"""Share of the noisy image that is mixed into the first estimate before blocks are matched."""

WIDER = 2
"""Factor by which reference blocks are farther apart in a step of plug-and-play, up to `BLOCK`."""

KAISER = 2.0
"""Shape of the window that gives the centre of a block more weight than its edges."""


class Grid(NamedTuple):
    """Where reference blocks begin: at `first` and `step` pixels on in both directions."""

    step: int
    first: tuple[int, int] = (0, 0)


Part = tuple[int, slice, slice]
"""Of an image (C, H, W): a channel, rows and columns."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BM3D(Denoiser):
    """BM3D: similar blocks are filtered together, by thresholding and then by a Wiener filter.

    The blocks most similar to a reference block are stacked into a group, whose transform in
    three dimensions is sparse. The first step sets small coefficients to zero. Its result shows
    the second step which blocks are similar and how strong their coefficients are; with that it
    applies a Wiener filter to the noisy image. All estimates of a pixel are averaged. In RGB
    images only the luma is searched for similar blocks; in images with any other number of
    channels each channel is denoised on its own.

    K. Dabov, A. Foi, V. Katkovnik, K. Egiazarian: Image denoising by sparse 3-D
    transform-domain collaborative filtering, IEEE Transactions on Image Processing 16(8), 2007,
    and: Color image denoising via sparse 3D collaborative filtering with grouping constraint in
    luminance-chrominance space, ICIP 2007. M. Lebrun: An analysis and implementation of the
    BM3D image denoising method, Image Processing On Line 2, 2012.

    Differences from the paper
    --------------------------
    One set of constants serves all noise, where the first paper has two profiles.

    - None for strong noise, above a level of 40 (paper: larger blocks of the second step, a
      greater threshold and wider limits; Lebrun analyses both).
    - In the first step blocks match however much they differ, and are compared as they are
      (paper: up to a limit, and above 40 after thresholding).
    - The limit of the second step grows with the noise, by `MATCH_NOISE` (paper: it does not).
    - Its blocks are compared in a first estimate with `NOISY_SHARE` of the noisy image (paper:
      none).
    - Colour differences have a threshold of their own, `CHROMA_THRESHOLD` (paper: the same as
      luma).
    - Colours are orthonormal opponent ones, which are noisy alike (paper: any such space).
    - On tasks other than denoising, of which the papers say nothing, reference blocks are `WIDER`
      times as far apart, and elsewhere in each step of plug-and-play; where no pixels are missing
      its first step alone serves better and takes half the time (`passes`).

    `THRESHOLD`, the group sizes, `KAISER`, `MATCH_LIMIT`, `step` and `reach` are the paper's.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = BM3D().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "bm3d"
    step: int = parameter(
        3,
        "distance between reference blocks; smaller is better and slower",
        unit="pixels",
        low=1,
        high=8,
    )
    reach: int = parameter(
        19, "how far to search for similar blocks in each direction", unit="pixels", low=1, high=64
    )
    passes: int = parameter(
        2,
        "in each step of plug-and-play: 1 takes the first step alone, 2 take both",
        low=1,
        high=2,
    )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Compile the loops, also those that are tuned for some kind of degradation."""
        for step in {step for one in self.variants() for step in (one.step, one._wider_step)}:
            self._denoised(torch.zeros(1, channels, 16, 16), 0.1, Grid(step), passes=2)

    @override
    def locality(self, channels: int, sigma: float) -> Locality:
        # In each step: a block over the pixel, the reference of its group, and the other blocks.
        step = 2 * self.reach + 2 * BLOCK
        grid = math.lcm(self.step, self._wider_step)
        return Locality(2 * step, grid=grid, side=MOST_SIDE)

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) without noise of level `sigma` in [0, 1] units."""
        return self._denoised(v, sigma, Grid(self.step), passes=2)

    @override
    def denoise_in_step(self, v: Tensor, sigma: float, step: int) -> Tensor:
        apart = self._wider_step
        return self._denoised(v, sigma, Grid(apart, offset(step, apart)), self.passes)

    @property
    def _wider_step(self) -> int:
        return min(BLOCK, WIDER * self.step)

    def _denoised(self, v: Tensor, sigma: float, grid: Grid, passes: int) -> Tensor:
        if sigma < SMALLEST_SIGMA:
            return v.clone()
        planes = to_opponent(gray_or_rgb(v.detach().cpu().float()))
        arrays = (self._restore(one.numpy(), sigma, grid, passes) for one in planes)
        images = [torch.from_numpy(array) for array in arrays]
        del planes  # large images leave little room
        restored = torch.stack(images) if len(images) > 1 else images[0][None]
        return from_opponent(restored).reshape(v.shape).to(v)

    def _restore(self, noisy: Array, sigma: float, grid: Grid, passes: int) -> Array:
        """Return the estimate of one image (C, H, W) in opponent colours."""
        channels, height, width = noisy.shape
        missing = [(0, 0), (0, max(0, BLOCK - height)), (0, max(0, BLOCK - width))]
        if height < BLOCK or width < BLOCK:
            noisy = np.pad(noisy, missing, mode="symmetric")
        first = self._filter(noisy, None, noisy[0], FIRST_GROUP, math.inf, sigma, grid)
        if passes == 1:
            return first[:, :height, :width]
        guide = first[0] + NOISY_SHARE * (noisy[0] - first[0])
        # Luma is the sum of the channels over the root of their number.
        limit = channels * MATCH_LIMIT + MATCH_NOISE * sigma**2
        second = self._filter(noisy, first, guide, SECOND_GROUP, BLOCK**2 * limit, sigma, grid)
        return second[:, :height, :width]

    def _filter(
        self,
        noisy: Array,
        first: Array | None,
        guide: Array,
        size: int,
        limit: float,
        sigma: float,
        grid: Grid,
    ) -> Array:
        """Return the Wiener estimate that `first` (C, H, W) suggests, or the first estimate.

        `guide` (H, W) shows which blocks are similar: a group has at most `size`, all of which have
        a sum of squared differences below `limit`.
        """
        matrix = transforms.spline_matrix() if first is None else transforms.cosine_matrix()
        taper = np.kaiser(BLOCK, KAISER).astype(np.float32)
        inverse = np.linalg.inv(matrix).astype(np.float32)
        transform = Transform(matrix.astype(np.float32), inverse, taper)
        match = matching.matcher(BLOCK, grid.step)

        def similar(references: matching.References) -> Groups:
            area = matching.area(references, BLOCK, self.reach, guide.shape)
            tile = np.ascontiguousarray(guide[area])
            rows, columns = (
                begin - side.start for begin, side in zip(references, area, strict=True)
            )
            members = np.zeros((len(rows) * len(columns), size), np.int32)
            counts = np.empty(len(members), np.int32)
            match(tile, rows, columns, self.reach, limit, members, counts)
            kernels.round_down(counts)
            return bands.in_bands(area, members, counts, rows, self.reach)

        def filtered(plane: tuple[Groups, int]) -> tuple[Part, Array]:
            groups, c = plane
            pictures = [np.ascontiguousarray(noisy[c][groups.area])]
            if first is None:
                level = sigma * (CHROMA_THRESHOLD if c else THRESHOLD)
                shrink = functools.partial(kernels.shrink, level)
            else:
                pictures.append(np.ascontiguousarray(first[c][groups.area]))
                shrink = functools.partial(kernels.wiener, sigma**2)
            return (c, *groups.area), bands.filtered(pictures, groups, transform, shrink)

        tiles = matching.tiles(guide.shape, BLOCK, grid.step, TILE, grid.first)
        sums = np.zeros((2, *noisy.shape), np.float32)
        with Threads() as threads:
            groups = threads.stream(similar, tiles)
            planes = ((tile, c) for tile in groups for c in range(len(noisy)))
            # Added in the order of the tiles, so that the threads do not change the rounding.
            for part, result in threads.stream(filtered, planes):
                sums[:, *part] += result
        return np.divide(sums[0], sums[1], out=sums[0])
