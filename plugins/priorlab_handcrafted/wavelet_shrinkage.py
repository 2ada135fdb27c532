"""Wavelet shrinkage: few wavelet coefficients of an image are large."""

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.priors import Denoiser
from priorlab.recipes import WithRecipe
from priorlab.solvers.tiles import Locality
from priorlab_handcrafted.shared.colour import from_opponent, to_opponent
from priorlab_handcrafted.shared.mirroring import mirror
from priorlab_handcrafted.shared.threads import Threads
from priorlab_handcrafted.wavelets.extents import Axis, Extent
from priorlab_handcrafted.wavelets.filters import FILTERS
from priorlab_handcrafted.wavelets.planes import LevelRule, PlaneShrinkage
from priorlab_handcrafted.wavelets.thresholds import (
    bayes_threshold,
    removed,
    sure_threshold,
    universal_threshold,
)
from priorlab_handcrafted.wavelets.transform import WaveletTransform

SLACK = 32
"""Pixels by which four coefficients of the coarsest scale may span more than the image."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wavelet(WithRecipe, Denoiser):
    """Wavelet shrinkage: few coefficients are large; the small ones are noise.

    The undecimated transform is the orthogonal wavelet transform of all shifts of the image, and
    the result is their average (cycle spinning). By default each coefficient is shrunk by the
    BayesShrink threshold ``sigma^2 / sigma_x``, where sigma_x is the standard deviation of the
    clean coefficients, estimated in a window around the coefficient. The other rules have one
    threshold for the whole image ("visu") or for each band ("sure"). Beyond its border the image
    continues as its mirror image. RGB images are split into opponent colours; other channels are
    denoised one by one.

    S. G. Chang, B. Yu, M. Vetterli: Adaptive wavelet thresholding for image denoising and
    compression, and: Spatially adaptive wavelet thresholding with context modeling for image
    denoising, IEEE Transactions on Image Processing 9(9), 2000. R. R. Coifman, D. L. Donoho:
    Translation-invariant de-noising, Wavelets and Statistics, 1995.
    `priorlab_handcrafted.wavelets.thresholds` names the sources of the other rules.

    Differences from the paper
    --------------------------
    The paper is the first of the two, on BayesShrink.

    - The undecimated transform (paper: the orthogonal one).
    - The filter `sym3` (paper: `sym8`).
    - The clean deviation is estimated in a window around each coefficient (paper: in each band;
      the second paper estimates it from coefficients of similar context).

    ``recipe=paper`` has none of these. With either recipe the level of the noise is that which
    the task tells or `restore` estimates (paper: that, or the median of the finest diagonal band
    over 0.6745), the picture is mirrored at its border, and RGB images are treated in opponent
    colours, of both of which the paper says nothing.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = Wavelet().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "wavelet"
    batched: ClassVar[bool] = True
    published: ClassVar[dict[str, Any]] = {
        "transform": "orthogonal",
        "rule": "bayes",
        "shrinkage": "soft",
        "filter": "sym8",
        "levels": 4,
        "window": 0,
    }
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
        "width of the window in which bayes estimates the variance, doubled at each coarser scale; "
        "0 takes the whole band",
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

    @override
    def locality(self, channels: int, sigma: float) -> Locality | None:
        if self.as_in_paper:
            return self.as_published().locality(channels, sigma)
        transform = WaveletTransform(self.filter, self.levels, self.transform == "orthogonal")
        window = self._reach(self.levels - 1, transform)
        if window is None or transform.stride != 1:
            return None  # the whole band decides, or the place of the image on the grid
        return Locality(sum(transform.reach) * (2**self.levels - 1) + window)

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) with shrunk wavelet coefficients; `sigma` in [0, 1] units."""
        if self.as_in_paper:
            return self.as_published().denoise(v, sigma)
        deepest = max(1, int(math.log2(min(v.shape[-2:]) + SLACK)) - 2)
        decimated = self.transform == "orthogonal"
        transform = WaveletTransform(self.filter, min(self.levels, deepest), decimated)
        with Threads() as threads:
            x = to_opponent(v.detach())
            if decimated or v.device.type != "cpu":
                noise = self._removed(x, sigma, transform)
            else:
                noise = self._removed_on_cpu(x, sigma, transform, threads)
            return from_opponent(x - noise)

    def _removed(self, x: Tensor, sigma: float, transform: WaveletTransform) -> Tensor:
        """Return what shrinkage removes from images."""
        axes, pixels = _axes(x, transform), x.shape[-2] * x.shape[-1]
        # In whole steps of the coarsest grid, so that a point of it falls on the first pixel.
        step = transform.stride**transform.levels
        arrays = [
            Extent(axis.coarse[0].first // step * step, -(-axis.coarse[0].last // step) * step)
            for axis in axes
        ]
        coarse, details = transform.analyse(_mirrored(x, arrays))
        for level, bands in enumerate(details):
            noise, reach = sigma * transform.noise_scale(level), self._reach(level, transform)
            scale = transform.stride ** (level + 1)
            held = [Extent(first // scale, last // scale) for first, last in arrays]
            used = _places([axis.details[level] for axis in axes], held)
            inside = _places([axis.inside[level] for axis in axes], held)
            for index, band in enumerate(bands):
                shown = band[used] if reach is not None else band[inside]
                threshold = self._threshold(shown, noise, reach, pixels)
                bands[index] = torch.zeros_like(band)
                bands[index][used] = removed(band[used], threshold, self.shrinkage)
        image = [Extent(0, size) for size in x.shape[-2:]]
        return transform.synthesise(torch.zeros_like(coarse), details)[_places(image, arrays)]

    def _removed_on_cpu(
        self, x: Tensor, sigma: float, transform: WaveletTransform, threads: Threads
    ) -> Tensor:
        """Do the same in compiled loops, for the undecimated transform only."""
        axes, pixels = _axes(x, transform), x.shape[-2] * x.shape[-1]
        padded = _mirrored(x, [axis.coarse[0] for axis in axes])
        work, out = PlaneShrinkage(transform, *axes, threads), x.new_empty(x.shape)
        for plane, target in zip(padded.flatten(0, 1), out.flatten(0, 1), strict=True):
            work.analyse(plane.float().numpy())
            rules = [
                self._level_rule(work.inside(level), sigma, level, transform, pixels)
                for level in range(transform.levels)
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


def _axes(x: Tensor, transform: WaveletTransform) -> tuple[Axis, Axis]:
    return Axis(transform, x.shape[-2]), Axis(transform, x.shape[-1])


def _mirrored(x: Tensor, extents: list[Extent]) -> Tensor:
    """Return images, continued by their mirror images to these rows and columns."""
    rows, columns = (
        (-first, last - size) for (first, last), size in zip(extents, x.shape[-2:], strict=True)
    )
    return mirror(x, rows, columns)


def _places(extents: list[Extent], held: list[Extent]) -> tuple[Any, ...]:
    """Return the index of rows and columns in an array that holds those of `held`."""
    return (..., *(extent.within(whole) for extent, whole in zip(extents, held, strict=True)))
