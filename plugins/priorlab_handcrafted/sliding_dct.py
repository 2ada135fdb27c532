"""Sliding DCT shrinkage: a small block of an image is made up of few cosines."""

import dataclasses
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate
from typing_extensions import override

from priorlab.components import parameter
from priorlab.priors import Denoiser
from priorlab.solvers.tiles import Locality
from priorlab_handcrafted.blocks.dct_kernels import SIDE, TILE, shrink_strips
from priorlab_handcrafted.shared.colour import from_opponent, to_opponent
from priorlab_handcrafted.shared.mirroring import mirror
from priorlab_handcrafted.shared.threads import Threads

ROWS = 64
"""Approximate number of rows of blocks in one piece of work."""

TRUST = 0.8
"""Noise level of the Wiener gains, relative to the true one: the first pass has lost detail."""


LEAST_SIDE = 16
"""Width in pixels of the smallest scale."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SlidingDCT(Denoiser):
    """Sliding DCT: 8x8 blocks have few large cosine coefficients; the others are noise.

    In each block, coefficients below a threshold are set to zero; all blocks that cover a pixel
    are averaged, and those with few coefficients left count more. A second pass multiplies the
    coefficients of the noisy image by Wiener gains computed from the first result. Structure
    coarser than a block is then taken from a smaller copy of the image, denoised in the same
    way. RGB images are split into opponent colours; other channels are denoised one by one.

    L. P. Yaroslavsky: Local adaptive image restoration and enhancement with the use of DFT and
    DCT in a running window, Proc. SPIE 2825, 1996. G. Yu, G. Sapiro: DCT image denoising: a
    simple and effective image denoising algorithm, Image Processing On Line 1, 2011. Weights:
    O. G. Guleryuz: Weighted averaging for denoising with overcomplete dictionaries, IEEE
    Transactions on Image Processing 16(12), 2007. Second pass: S. P. Ghael, A. M. Sayeed, R. G.
    Baraniuk: Improved wavelet denoising via empirical Wiener filtering, Proc. SPIE 3169, 1997.
    Scales: N. Pierazzo, J.-M. Morel, G. Facciolo: Multi-scale DCT denoising, Image Processing On
    Line 7, 2017.

    Differences from the paper
    --------------------------
    The paper is that of Yu and Sapiro, which has the threshold and the plain average.

    - A `threshold` of 2.8 (paper: 3), and blocks with few coefficients left count more (paper:
      all alike; the weights are Guleryuz').
    - A second pass with Wiener gains for `TRUST` times the noise (paper: one pass; Ghael and
      others take all of the noise). ``wiener=false`` turns it off.
    - Several `scales`, by means of 2x2 pixels (paper: one; Pierazzo and others take the lowest
      cosines of the whole image). ``scales=1`` turns them off.
    - Blocks that stick out of the image count as well, continued by their mirror images (paper:
      blocks within the image).

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = SlidingDCT().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "dct"
    batched: ClassVar[bool] = True
    threshold: float = parameter(2.8, "smallest coefficient kept", unit="sigma", low=0)
    wiener: bool = parameter(True, "whether there is a second pass")
    scales: int = parameter(
        3, "sizes at which the image is denoised, each half of the one before", low=1, high=6
    )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Compile the loops."""
        self.denoise(torch.zeros(1, channels, 16, 16, device=device), 0.1)

    @override
    def locality(self, channels: int, sigma: float) -> Locality:
        # Each pass sees the blocks around a pixel; a coarser scale reaches twice as far, and a
        # few of its pixels further where it is interpolated.
        passes = 2 if self.wiener else 1
        reach = passes * (SIDE - 1)
        for _ in range(self.scales - 1):
            reach = max(2 * reach + 12, passes * (SIDE - 1) + 8)
        return Locality(reach, grid=2 ** (self.scales + 1))

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) without small cosine coefficients; `sigma` in [0, 1] units.

        Computed on the CPU in float32.
        """
        with Threads() as threads:
            x = to_opponent(v.detach().float().cpu())
            return from_opponent(self._denoise(x, sigma, self.scales, threads)).to(v)

    def _denoise(self, x: Tensor, sigma: float, scales: int, threads: Threads) -> Tensor:
        restored = _average(x, None, self.threshold * sigma, threads)
        if self.wiener:
            restored = _average(x, restored, TRUST * sigma, threads)
        height, width = x.shape[-2:]
        if scales == 1 or min(height, width) < 2 * LEAST_SIDE:
            return restored
        rows, columns = (0, -height % 4), (0, -width % 4)
        # The mean of four pixels has half the noise, and that is still white.
        smaller = avg_pool2d(mirror(x, rows, columns), 2)
        smaller = self._denoise(smaller, sigma / 2, scales - 1, threads)
        # At its own finest scale the smaller image is no better than the larger one.
        error = avg_pool2d(smaller, 2) - avg_pool2d(mirror(restored, rows, columns), 4)
        return restored + interpolate(error, scale_factor=4, mode="bilinear")[..., :height, :width]


def _average(x: Tensor, pilot: Tensor | None, level: float, threads: Threads) -> Tensor:
    """Return the weighted average of all shrunk blocks, including those that stick out."""
    height, width = x.shape[-2:]
    reach = SIDE - 1
    rows, columns = (reach, reach), (reach, reach + -(width + reach) % TILE)
    padded = mirror(x, rows, columns).flatten(0, 1).numpy()
    guides = None if pilot is None else mirror(pilot, rows, columns).flatten(0, 1).numpy()
    out = x.new_empty(x.shape)
    for index, target in enumerate(out.flatten(0, 1).numpy()):
        guide = np.empty((0, 0), np.float32) if guides is None else guides[index]
        total = _sum_of_blocks(padded[index], guide, np.float32(level), threads)
        target[:] = total[reach : reach + height, reach : reach + width]
    return out


def _sum_of_blocks(
    x: np.ndarray, pilot: np.ndarray, level: np.float32, threads: Threads
) -> np.ndarray:
    """Return the average in each pixel of a plane; see `shrink_strips`."""
    strips, width = len(x) - SIDE + 1, x.shape[1]
    weights = np.zeros((strips + 2 * SIDE - 2, width), np.float32)

    def work(rows: tuple[int, int]) -> np.ndarray:
        sums = np.zeros((rows[1] - rows[0] + SIDE - 1, width), np.float32)
        shrink_strips(x, pilot, level, *rows, sums, weights[SIDE - 1 :])
        return sums

    count = max(1, round(strips / ROWS))
    pieces = list(pairwise(strips * piece // count for piece in range(count + 1)))
    total = np.zeros_like(x)
    for (first, last), sums in zip(pieces, threads.map(work, pieces), strict=True):
        total[first : last + SIDE - 1] += sums
    share = sum(weights[k : k + len(x)] for k in range(SIDE))
    return total / share
