"""Bilateral filter: average pixels that are close in both position and value."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import scipy
import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.priors import Denoiser
from priorlab.recipes import WithRecipe
from priorlab.solvers.tiles import Locality
from priorlab_handcrafted.shared.colour import gray_or_rgb
from priorlab_handcrafted.shared.weighted_means import gaussian, weighted_mean

REACH = 2.5
"""How far the window reaches to each side, in units of `spread` (results/tuning-handcrafted.md)."""

REFERENCE = 25 / 255
"""Noise level that `smoothing` refers to."""

PUBLISHED_WIDTH = 50 / 255
"""Standard deviation of the weights in value in the paper's example, where white is 1."""

PUBLISHED_REACH = 4.0
"""The paper's weights in space do not end: what lies beyond this many deviations is invisible."""

WHITE_OF_LAB = 100.0
"""Lightness of white in CIE-Lab."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bilateral(WithRecipe, Denoiser):
    """Bilateral filter: average nearby pixels, but only those of similar value.

    The weight of a pixel at distance r, whose mean squared difference over all channels is d,
    is ``exp(-r^2 / (2 spread^2) - d / (2 (width s)^2))``. All channels share it. Differences
    are measured in a slightly smoothed copy of the picture, with noise of level s, because noise
    hides which values are close; the values averaged are the original ones.

    C. Tomasi, R. Manduchi: Bilateral filtering for gray and color images, ICCV 1998.

    Differences from the paper
    --------------------------
    - Differences are measured in a smoothed copy, by `smoothing` (paper: in the picture itself).
    - The width of the weights in value is `width` times the noise (paper: a free number of gray
      levels whatever the noise; `PUBLISHED_WIDTH` is that of its example, whose `spread` is 3).
    - No more is removed of an image with noise alone than there is noise (paper: whatever differs
      by less than the width).
    - Weights are zero beyond `REACH` deviations (paper: they do not end).
    - RGB values are compared and averaged as they are (paper: in CIE-Lab, where equal distances
      look equally different).

    ``recipe=paper`` has none of these; lightness then ranges from 0 to 100 where gray levels
    range from 0 to 255, and colours outside [0, 1] are cut off. As it does not look at the noise,
    it is no good inside the solvers for other tasks.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = Bilateral().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "bilateral"
    batched: ClassVar[bool] = True
    published: ClassVar[dict[str, Any]] = {"spread": 3.0, "width": None, "smoothing": 0.0}
    spread: float = parameter(
        3.0,
        "standard deviation of the weights in space",
        unit="pixels",
        low=0.3,
        high=20,
        search=(0.5, 6),
    )
    width: float = parameter(
        2.0,
        "standard deviation of the weights in value, relative to the noise in the values compared",
        low=0.01,
        search=(0.5, 6),
    )
    smoothing: float = parameter(
        0.7,
        "width of the Gaussian that smooths the values compared, at sigma 25; it grows with the"
        " cube root of sigma; 0 turns it off",
        unit="pixels",
        low=0,
        high=5,
    )

    @property
    @override
    def limited_to_noise(self) -> bool:
        return not self.as_in_paper

    def prepare(self, device: torch.device, channels: int) -> None:
        """Compile the loops."""
        self.denoise(torch.zeros(1, channels, 8, 8), 0.1)

    @override
    def locality(self, channels: int, sigma: float) -> Locality:
        if self.as_in_paper:
            return Locality(math.ceil(PUBLISHED_REACH * self.spread))
        return Locality(math.ceil(REACH * self.spread) + self._smoothing_reach(sigma))

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) averaged over similar pixels; `sigma` in [0, 1] units.

        Computed in float32, on the CPU.
        """
        if sigma <= 0:
            return v.clone()
        if self.as_in_paper:
            return self._denoise_as_published(v)
        y = v.detach().to("cpu", torch.float32)
        taps = gaussian(self._smoothing_reach(sigma), self._smoothing(sigma))
        down = scipy.ndimage.correlate1d(y.numpy(), taps, axis=2)
        guide = torch.from_numpy(scipy.ndimage.correlate1d(down, taps, axis=3))
        width = self.width * sigma * float((taps**2).sum()) * math.sqrt(2 * y.shape[1])
        reach = math.ceil(REACH * self.spread)
        return weighted_mean(y, guide, gaussian(0), reach, width, spread=self.spread).to(v)

    def _denoise_as_published(self, v: Tensor) -> Tensor:
        """Return the filter of the paper: RGB images in CIE-Lab, others channel by channel."""
        from skimage.color import lab2rgb, rgb2lab

        y = gray_or_rgb(v.detach().to("cpu", torch.float32))
        coloured = y.shape[1] == 3
        if coloured:
            y = _changed(rgb2lab, y) / WHITE_OF_LAB
        reach = math.ceil(PUBLISHED_REACH * self.spread)
        width = PUBLISHED_WIDTH * math.sqrt(2)
        x = weighted_mean(y, y, gaussian(0), reach, width, spread=self.spread)
        if coloured:
            x = _changed(lab2rgb, WHITE_OF_LAB * x)
        return x.reshape(v.shape).to(v)

    def _smoothing(self, sigma: float) -> float:
        return self.smoothing * (max(sigma, 0) / REFERENCE) ** (1 / 3)

    def _smoothing_reach(self, sigma: float) -> int:
        return math.ceil(4 * self._smoothing(sigma))


def _changed(change: Callable[..., np.ndarray], x: Tensor) -> Tensor:
    """Return images (B, 3, H, W) in other colours, by a function of scikit-image."""
    return torch.from_numpy(np.asarray(change(x.numpy(), channel_axis=1), np.float32))
