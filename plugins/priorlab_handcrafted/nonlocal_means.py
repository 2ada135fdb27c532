"""Non-local means: pictures repeat themselves, so that similar pixels can be averaged."""

import dataclasses
import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.priors import Denoiser
from priorlab.recipes import WithRecipe
from priorlab.solvers.tiles import Locality
from priorlab_handcrafted.shared.colour import gray_or_rgb, to_opponent
from priorlab_handcrafted.shared.weighted_means import Array, gaussian, weighted_mean

SECOND_PATCH = 3
"""Width of the patches in the second pass; for its constants see results/tuning-handcrafted.md."""

SECOND_WIDTH = {1: 0.5, 3: 0.6}
"""Width of its weights, relative to the noise, by the number of channels."""

SECOND_NOISE = {1: 0.1, 3: 0.5}
"""Share of the noise in the picture whose patches it compares, by the number of channels."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What the authors choose by the level of the noise.

    Attributes
    ----------
    sigma : float
        The greatest level that it serves, on the 0-255 scale.
    patch : int
        Rows and columns of a patch.
    distance : int
        Rows and columns between pixels that are compared.
    h : float
        Width of the weights, relative to the level.
    """

    sigma: float
    patch: int
    distance: int
    h: float


PUBLISHED = {
    1: (
        Setting(15, patch=3, distance=10, h=0.4),
        Setting(30, patch=5, distance=10, h=0.4),
        Setting(45, patch=7, distance=17, h=0.35),
        Setting(75, patch=9, distance=17, h=0.35),
        Setting(math.inf, patch=11, distance=17, h=0.3),
    ),
    3: (
        Setting(25, patch=3, distance=10, h=0.55),
        Setting(55, patch=5, distance=17, h=0.4),
        Setting(math.inf, patch=7, distance=17, h=0.35),
    ),
}
"""Table of the article of 2011, by the number of channels; it ends at a level of 100."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NonLocalMeans(WithRecipe, Denoiser):
    """Non-local means: average pixels whose surroundings are similar.

    The weight of a pixel is ``exp(-max(d - 2 variance sigma^2, 0) / (h sigma)^2)``, where d is
    the mean squared difference of the patches around both pixels, over all channels. All channels
    share the weight. The second pass measures distances between smaller patches in the result
    of the first, with a little of the noise added back; it averages the noisy pixels again. In
    images that are neither gray nor RGB each channel is denoised on its own.

    A. Buades, B. Coll, J.-M. Morel: A non-local algorithm for image denoising, CVPR 2005. One
    displacement at a time: J. Darbon, A. Cunha, T. F. Chan, S. Osher, G. J. Jensen: Fast
    nonlocal filtering applied to electron cryomicroscopy, ISBI 2008. The weight of the pixel
    itself: J. Salmon: On two parameters for denoising with non-local means, IEEE Signal
    Processing Letters 17(3), 2010.

    Differences from the paper
    --------------------------
    The paper is what the authors published with all parameters: A. Buades, B. Coll, J.-M. Morel:
    Non-local means denoising, Image Processing On Line 1, 2011, its pixelwise method. Of 2005 it
    keeps the idea; the weights no longer count what noise alone adds to a distance.

    - A second pass (paper: one), with constants of its own: `SECOND_PATCH`, `SECOND_WIDTH` and
      `SECOND_NOISE`.
    - In the first, one setting of `patch`, `distance` and `h` relative to the noise (paper: a
      table by noise level and colour, `PUBLISHED`).
    - A Gaussian window over the patch (paper: all pixels of a patch count alike).
    - In RGB images the luma counts `luma` times as much in distances (paper: all channels alike).

    ``recipe=paper`` has none of these. With either recipe pictures are mirrored at the border, of
    which the paper says nothing, weights below ``exp(-CUT)`` are zero, and a pixel of other than
    gray and RGB images counts as gray.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = NonLocalMeans().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "nlm"
    batched: ClassVar[bool] = True
    published: ClassVar[dict[str, Any]] = {
        "patch": None,
        "distance": None,
        "h": None,
        "variance": 1.0,
        "window": "flat",
        "centre": "max",
        "luma": 1.0,
        "passes": 1,
    }
    patch: int = parameter(
        11,
        "width of the patches of the first pass; an even number counts as the next odd one",
        unit="pixels",
        low=1,
        high=31,
    )
    distance: int = parameter(
        10, "rows and columns between pixels that are compared", unit="pixels", low=1, high=99
    )
    h: float = parameter(
        0.5,
        "width of the weights of the first pass, relative to the noise level",
        low=0.001,
        search=(0.2, 1.5),
    )
    variance: float = parameter(
        1.0, "share of the noise's variance that is subtracted from the distances", low=0, high=2
    )
    window: str = parameter(
        "gaussian",
        "weights of the pixels in a patch of the first pass; the Gaussian has a standard "
        "deviation of (patch - 1) / 4",
        choices=("gaussian", "flat"),
    )
    centre: str = parameter(
        "max",
        "weight of the pixel itself: that of the most similar one, or 1",
        choices=("max", "1"),
    )
    luma: float = parameter(
        3.0, "weight of the luma in distances, relative to each colour difference", low=0
    )
    passes: int = parameter(
        2, "2 measures distances again, in the result of the first pass", low=1, high=2
    )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Compile the loops."""
        self.denoise(torch.zeros(1, channels, 8, 8), 0.1)

    @override
    def locality(self, channels: int, sigma: float) -> Locality:
        if self.as_in_paper:
            return self._published(channels, sigma).locality(channels, sigma)
        first = self.distance + self.patch // 2
        second = self.distance + SECOND_PATCH // 2
        return Locality(first + second if self.passes == 2 else first)

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) averaged over similar pixels; `sigma` in [0, 1] units.

        Computed in float32, on the CPU.
        """
        if sigma <= 0:
            return v.clone()
        if self.as_in_paper:
            return self._published(v.shape[1], sigma).denoise(v, sigma)
        noisy = gray_or_rgb(v.detach().to("cpu", torch.float32))
        reach = self.patch // 2
        window = gaussian(reach, reach / 2 if self.window == "gaussian" else math.inf)
        result = self._average(noisy, noisy, window, self.h * sigma, self.variance * sigma**2)
        if self.passes == 2:
            left, width = SECOND_NOISE[noisy.shape[1]], SECOND_WIDTH[noisy.shape[1]]
            guide = torch.lerp(result, noisy, left)
            window = gaussian(SECOND_PATCH // 2)
            variance = self.variance * (left * sigma) ** 2
            result = self._average(noisy, guide, window, width * sigma, variance)
        return result.reshape(v.shape).to(v)

    def _published(self, channels: int, sigma: float) -> "NonLocalMeans":
        """Return the method of the article at this level of noise."""
        settings = PUBLISHED[3 if channels == 3 else 1]
        best = next(setting for setting in settings if sigma * 255 <= setting.sigma + 1e-6)
        return self.as_published(patch=best.patch, distance=best.distance, h=best.h)

    def _average(
        self, noisy: Tensor, guide: Tensor, window: Array, width: float, variance: float
    ) -> Tensor:
        """Average `noisy` (B, C, H, W) with weights from distances of the patches of `guide`."""
        shares = torch.ones(guide.shape[1])
        if len(shares) == 3:
            shares[0] = self.luma
        guide = to_opponent(guide) * (shares / shares.sum()).sqrt()[:, None, None]
        greatest = self.centre == "max"
        return weighted_mean(
            noisy, guide, window, self.distance, width, noise=2 * variance, greatest=greatest
        )
