"""Wavelet shrinkage: few wavelet coefficients of an image are large."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.priors import Denoiser
from priorlab.specs import parameter
from priorlab_handcrafted.shared.colour import from_opponent, to_opponent
from priorlab_handcrafted.shared.compiled import Threads
from priorlab_handcrafted.shared.mirroring import mirror
from priorlab_handcrafted.wavelets.filters import FILTERS
from priorlab_handcrafted.wavelets.planes import LevelRule, PlaneShrinkage
from priorlab_handcrafted.wavelets.thresholds import (
    bayes_threshold,
    removed,
    sure_threshold,
    universal_threshold,
)
from priorlab_handcrafted.wavelets.transform import WaveletTransform

MARGIN = 16
"""Pixels by which the picture is mirrored beyond its border before it wraps around."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wavelet(Denoiser):
    """Wavelet shrinkage: few coefficients are large; the small ones are noise.

    Without decimation, the orthogonal wavelet transform is that of all shifts of the image, and
    the result their average (cycle spinning). By default each coefficient is shrunk by the
    BayesShrink threshold ``sigma^2 / sigma_x``, where sigma_x is the standard deviation of the
    clean coefficients, estimated in a window about the coefficient. The other rules have one
    threshold for all the image ("visu") or for each band ("sure").

    S. G. Chang, B. Yu, M. Vetterli: Adaptive wavelet thresholding for image denoising and
    compression, and: Spatially adaptive wavelet thresholding with context modeling for image
    denoising, IEEE Transactions on Image Processing 9(9), 2000. R. R. Coifman, D. L. Donoho:
    Translation-invariant de-noising, Wavelets and Statistics, 1995.
    `priorlab_handcrafted.wavelets.thresholds` names the sources of the other rules.
    """

    name: ClassVar[str] = "wavelet"
    transform: str = parameter(
        "undecimated",
        "whether the result depends on the position of the grid (orthogonal) or not",
        choices=("undecimated", "orthogonal"),
    )
    rule: str = parameter("bayes", "how the threshold is chosen", choices=("bayes", "sure", "visu"))
    shrinkage: str = parameter(
        "soft", "whether large coefficients lose the threshold or nothing", choices=("soft", "hard")
    )
    filter: str = parameter("sym3", "orthogonal wavelet", choices=tuple(FILTERS))
    levels: int = parameter(4, "scales of the transform, fewer for small images", low=1, high=8)
    window: int = parameter(
        17,
        "width of the window of the variance estimate of bayes, doubled at each coarser scale; "
        "0 takes all the band",
        unit="pixels",
        low=0,
        high=99,
    )

    def __post_init__(self) -> None:
        """Check the parameters, and that the rule is made for the shrinkage."""
        super().__post_init__()
        if self.rule == "sure" and self.shrinkage == "hard":
            raise UsageError(
                "wavelet: rule=sure estimates the risk of soft shrinkage; use shrinkage=soft, "
                "or rule=visu with shrinkage=hard"
            )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Compile the loops."""
        self.denoise(torch.zeros(1, channels, 16, 16, device=device), 0.1)

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) with shrunk wavelet coefficients; `sigma` in [0, 1] units."""
        height, width = v.shape[-2:]
        deepest = max(1, int(math.log2(min(height, width) + 2 * MARGIN)) - 2)
        decimated = self.transform == "orthogonal"
        transform = WaveletTransform(self.filter, min(self.levels, deepest), decimated)
        # Decimation halves the sizes again and again.
        step = 2**transform.levels if decimated else 1
        rows, columns = ((MARGIN, MARGIN + -(size + 2 * MARGIN) % step) for size in v.shape[-2:])
        with Threads() as threads:
            x = to_opponent(v.detach())
            padded, pixels = mirror(x, rows, columns), height * width
            if decimated or v.device.type != "cpu":
                noise = self._removed(padded, sigma, transform, pixels)
            else:
                noise = self._removed_on_cpu(padded, sigma, transform, pixels, threads)
            inside = noise[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width]
            return from_opponent(x - inside)

    def _removed(self, x: Tensor, sigma: float, transform: WaveletTransform, pixels: int) -> Tensor:
        """Return what shrinkage removes from images that wrap around."""
        coarse, details = transform.analyse(x)
        for level, bands in enumerate(details):
            noise, reach = sigma * transform.noise_scale(level), self._reach(level, transform)
            for index, band in enumerate(bands):
                threshold = self._threshold(band, noise, reach, pixels)
                bands[index] = removed(band, threshold, self.shrinkage)
        return transform.synthesise(torch.zeros_like(coarse), details)

    def _removed_on_cpu(
        self, x: Tensor, sigma: float, transform: WaveletTransform, pixels: int, threads: Threads
    ) -> Tensor:
        """Do the same in compiled loops, which know no decimation."""
        out = x.new_empty(x.shape)
        for plane, target in zip(x.flatten(0, 1), out.flatten(0, 1), strict=True):
            work = PlaneShrinkage(plane.float().numpy(), transform, threads)
            rules = [
                self._level_rule(bands, sigma, level, transform, pixels)
                for level, bands in enumerate(work.details)
            ]
            target.copy_(torch.from_numpy(work.removed(rules)))
        return out

    def _level_rule(
        self,
        bands: np.ndarray,
        sigma: float,
        level: int,
        transform: WaveletTransform,
        pixels: int,
    ) -> LevelRule:
        noise, reach = sigma * transform.noise_scale(level), self._reach(level, transform)
        fixed = np.zeros(3, np.float32)
        if reach is None:
            for index, band in enumerate(torch.from_numpy(bands)):
                fixed[index] = float(self._threshold(band[None, None], noise, None, pixels))
        return LevelRule(
            np.float32(noise**2), -1 if reach is None else reach, fixed, self.shrinkage == "hard"
        )

    def _reach(self, level: int, transform: WaveletTransform) -> int | None:
        """Return how far the window of the variance estimate reaches; None without one."""
        if self.rule != "bayes" or not self.window:
            return None
        return self.window // 2 * transform.spacing(level)

    def _threshold(
        self, band: Tensor, noise: float, reach: int | None, pixels: int
    ) -> Tensor | float:
        if self.rule == "visu":
            return universal_threshold(noise, pixels)
        if self.rule == "sure":
            return sure_threshold(band, noise)
        return bayes_threshold(band, noise, reach)
