"""Non-local means: pictures repeat themselves, so that similar pixels can be averaged."""

import dataclasses
import math
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.priors import Denoiser
from priorlab.solvers.tiles import Locality
from priorlab_handcrafted.shared.colour import gray_or_rgb, to_opponent
from priorlab_handcrafted.shared.weighted_means import Array, gaussian, weighted_mean

SECOND_PATCH = 3
"""Width of the patches in the second pass."""

SECOND_WIDTH = {1: 0.5, 3: 0.6}
"""Width of its weights, relative to the noise, by the number of channels."""

SECOND_NOISE = {1: 0.1, 3: 0.5}
"""Share of the noise in the picture whose patches it compares, by the number of channels."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NonLocalMeans(Denoiser):
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

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = NonLocalMeans().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "nlm"
    batched: ClassVar[bool] = True
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
        0.5, "width of the weights of the first pass, relative to the noise level", low=0.001
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
        first = self.distance + self.patch // 2
        second = self.distance + SECOND_PATCH // 2
        return Locality(first + second if self.passes == 2 else first)

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) averaged over similar pixels; `sigma` in [0, 1] units.

        Computed in float32, on the CPU.
        """
        if sigma <= 0:
            return v.clone()
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
