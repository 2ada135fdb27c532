"""WNNM: the matrix of patches that look alike has few large singular values."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from priorlab.components import parameter
from priorlab.priors import Denoiser
from priorlab_handcrafted.blocks import matching
from priorlab_handcrafted.blocks.matching import Array
from priorlab_handcrafted.blocks.wnnm_kernels import add_estimates
from priorlab_handcrafted.shared.colour import from_opponent, gray_or_rgb, to_opponent
from priorlab_handcrafted.shared.grids import offset
from priorlab_handcrafted.shared.threads import Threads

TILE = 24
"""Most reference patches along a side of a tile."""

SMALLEST_SIGMA = 1e-6
"""Noise below this level is ignored."""

FEEDBACK = 0.1
"""Share of the noise that was removed which is put back before each iteration."""

STRENGTH = 2 * 2**0.5
"""Weight times singular value, over the variance of the noise and the root of the group's size."""

FEWER = 10
"""By how many patches groups shrink before every second iteration."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the paper chooses by the level of the noise.

    Attributes
    ----------
    sigma : float
        The greatest level that it serves.
    block : int
        Rows and columns of a patch.
    patches : int
        Number of patches in a group, before it shrinks.
    iterations : int
        How often all groups are filtered.
    share : float
        Noise that an iteration expects, in parts of what was not yet removed (a deviation).
    """

    sigma: float
    block: int
    patches: int
    iterations: int
    share: float

    def size(self, iteration: int) -> int:
        """Return the number of patches in a group."""
        return self.patches - FEWER * (1 + iteration // 2)


SETTINGS = (
    Setting(20 / 255, block=6, patches=70, iterations=8, share=0.54),
    Setting(40 / 255, block=7, patches=90, iterations=12, share=0.56),
    Setting(60 / 255, block=8, patches=120, iterations=14, share=0.58),
    Setting(math.inf, block=9, patches=140, iterations=14, share=0.58),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WNNM(Denoiser):
    """Weighted nuclear norm minimisation: groups of similar patches have low rank.

    The patches most similar to a reference, less their mean, are the rows of a matrix. Its
    singular values are shrunk, by less the greater they are, with weights that follow from the
    shrunk values themselves; that has a closed form. All estimates of a pixel are averaged. Then a
    share of what was removed is put back, and all of it is repeated with the noise level that is
    left. In RGB images only the luma is searched for similar patches, and each opponent colour
    is shrunk on its own; in images with any other number of channels each channel is denoised by
    itself.

    S. Gu, L. Zhang, W. Zuo, X. Feng: Weighted nuclear norm minimization with application to image
    denoising, CVPR 2014. S. Gu, Q. Xie, D. Meng, W. Zuo, X. Feng, L. Zhang: Weighted nuclear norm
    minimization and its applications to low level vision, International Journal of Computer
    Vision 121(2), 2017.

    It is slow: about 20 times the time of `bm3d`, and on tasks other than denoising it is called
    in each step of the splitting. So a comparison includes it only where it is named.

    Differences from the paper
    --------------------------
    - Reference patches are `step` apart, in each iteration others (paper: always the same, 2 or 3
      apart).
    - Similar patches are searched within `reach` of 20 (paper: 30), and in every iteration
      (paper: every second).
    - Of each group only the singular vectors that stay are computed, from the eigenvectors of its
      Gram matrix; that changes the rounding alone.
    - Colour is treated in opponent colours (paper: gray images only).

    Patch and group sizes, numbers of iterations (`SETTINGS`), the share put back (`FEEDBACK`) and
    the weights (`STRENGTH`) are the paper's.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = WNNM().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "wnnm"
    by_default: ClassVar[bool] = False
    step: int = parameter(
        5,
        "distance between the reference patches of an iteration; smaller is slower",
        unit="pixels",
        low=1,
        high=6,
    )
    reach: int = parameter(
        20, "how far to search for similar patches in each direction", unit="pixels", low=1, high=64
    )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Compile the loops."""
        for setting in SETTINGS:
            self.denoise(torch.zeros(1, channels, 10, 10), min(setting.sigma, 1.0))

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) without noise of level `sigma` in [0, 1] units.

        Computed on the CPU in float32.
        """
        if sigma < SMALLEST_SIGMA:
            return v.clone()
        planes = to_opponent(gray_or_rgb(v.detach().cpu().float()))
        images = [torch.from_numpy(self._restore(image.numpy(), sigma)) for image in planes]
        return from_opponent(torch.stack(images)).reshape(v.shape).to(v)

    def _restore(self, noisy: Array, sigma: float) -> Array:
        """Return the estimate of one image (C, H, W) in opponent colours."""
        setting = next(setting for setting in SETTINGS if sigma <= setting.sigma)
        height, width = noisy.shape[1:]
        missing = [(0, max(0, setting.block - extent)) for extent in (height, width)]
        noisy = np.pad(noisy, [(0, 0), *missing], mode="symmetric")
        x = noisy
        for iteration in range(setting.iterations):
            x = self._average(
                x + np.float32(FEEDBACK) * (noisy - x), noisy, sigma, setting, iteration
            )
        return x[:, :height, :width]

    def _average(
        self, x: Array, noisy: Array, sigma: float, setting: Setting, iteration: int
    ) -> Array:
        """Return the average of the low-rank estimates of the patches of `x` (C, H, W)."""
        block, shape = setting.block, x.shape[1:]
        match = matching.matcher(block, self.step)
        # The first iteration has all of the noise.
        share = setting.share**2 if iteration else 0.0
        first = offset(iteration, self.step)

        def estimate(references: matching.References) -> tuple[Array, Array]:
            place = matching.area(references, block, self.reach, shape)
            part, whole = (np.ascontiguousarray(planes[:, *place]) for planes in (x, noisy))
            rows, columns = (
                begin - side.start for begin, side in zip(references, place, strict=True)
            )
            groups = np.zeros((len(rows) * len(columns), setting.size(iteration)), np.int32)
            counts = np.empty(len(groups), np.int32)
            match(part[0], rows, columns, self.reach, math.inf, groups, counts)
            total, mass = np.zeros_like(part), np.zeros_like(part[0])
            add_estimates(
                part, whole, rows, columns, groups, counts, block, sigma**2, share, STRENGTH,
                total, mass,
            )  # fmt: skip
            return total, mass

        tiles = matching.tiles(shape, block, self.step, TILE, first)
        sums, masses = np.zeros_like(x), np.zeros_like(x[0])
        with Threads() as threads:
            # Added in the order of the tiles, so that the threads do not change the rounding.
            for references, (total, mass) in zip(
                tiles, threads.stream(estimate, tiles), strict=True
            ):
                place = matching.area(references, block, self.reach, shape)
                sums[:, *place] += total
                masses[place] += mass
        return np.divide(sums, masses, out=sums)
