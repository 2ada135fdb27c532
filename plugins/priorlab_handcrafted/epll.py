"""Expected patch log-likelihood: every patch of an image is likely under a mixture."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad
from typing_extensions import override

from priorlab.components import parameter
from priorlab.ground import torch_settings
from priorlab.priors import Denoiser
from priorlab.recipes import WithRecipe
from priorlab_handcrafted.patches.likely_patches import (
    COUPLED,
    Spectra,
    average_patches,
    load_spectra,
)
from priorlab_handcrafted.patches.mixture import SIZE
from priorlab_handcrafted.shared.colour import from_opponent, to_opponent
from priorlab_handcrafted.shared.grids import offset

SHIPPED = Path(__file__).parent / "patches" / "weights" / "epll_gray.safetensors"

ITERATIONS = 5
FIRST_LEVEL = 0.9
LEVEL_RATIO = 0.64
"""Iteration t assumes that patches have ``FIRST_LEVEL LEVEL_RATIO^t`` times the image's noise.

results/tuning-handcrafted.md has the sweeps of these and of the other constants of our recipe."""
FIRST_TRUST = 1.2
TRUST_RATIO = 0.27
"""It weighs the noisy image ``FIRST_TRUST TRUST_RATIO^t`` times as much as the patches."""
BETAS = (1, 4, 8, 16, 32)
"""The paper's iterations: how much the image trusts a patch, times the variance of the noise."""
SPARSER = 2
"""How much wider the stride of a step of plug-and-play is."""
SMALLEST = 16
"""Fewest rows and columns of the image at half size."""
LEAST_LEVEL = 1e-6
"""Noise below this is left alone: it is invisible in single precision."""
LUMA_SCALE = 3**0.5
"""Luma of orthonormal opponent colours over that of the training images."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExpectedPatchLogLikelihood(WithRecipe, Denoiser):
    """Expected patch log-likelihood: all patches are likely under a mixture of Gaussians.

    Minimises ``|x - v|^2 / (2 sigma^2) - sum over patches log p(patch)`` by half-quadratic
    splitting. Each iteration cleans every patch with the Wiener filter of its likeliest
    component, and then averages the overlapping patches and `v`. The assumed noise of the patches
    falls from iteration to iteration. The mixture has 200 zero-mean Gaussians for 8x8 patches
    without their mean; ``patches/weights/epll.md`` describes how it was learned from photographs.
    Opponent colours, or the channels of images that are not RGB, are treated one by one.

    D. Zoran, Y. Weiss: From learning models of natural patches to whole image restoration, ICCV
    2011. Subsets: S. Parameswaran, C. Deledalle, L. Denis, T. Nguyen: Accelerating GMM-based
    patch priors for image restoration: three ingredients for a 100x speed-up, IEEE Transactions
    on Image Processing 28(2), 2019. Certain pixels: O. G. Guleryuz: Weighted averaging for
    denoising with overcomplete dictionaries, IEEE Transactions on Image Processing 16(12), 2007.
    Half size: V. Papyan, M. Elad: Multi-scale patch-based image restoration, IEEE Transactions
    on Image Processing 25(1), 2016.

    Differences from the paper
    --------------------------
    - Every iteration takes a different subset of the patches, `stride` apart (paper: all
      patches).
    - The likeliest component is found from the correlations of the `COUPLED` lowest frequencies
      and the variances of the others (paper: from all), and the two likeliest are mixed (paper:
      the likeliest alone).
    - A pixel of a patch counts more if its component predicts it well, where `DOUBT` bounds how
      much more (paper: all count alike).
    - The means of patches are improved by the same method on the image at half size (paper: they
      stay those of the noisy image).
    - The `ITERATIONS` assume patches with ``FIRST_LEVEL LEVEL_RATIO^t`` times the noise, and
      weigh the noisy image ``FIRST_TRUST TRUST_RATIO^t`` times as much as the patches (paper:
      ``beta^(-1/2)`` and ``1 / beta`` times, by `BETAS`).
    - On tasks other than denoising, a step of plug-and-play cleans each of the patches, `SPARSER`
      farther apart, once and without the half size; the levels and the weight of the data are
      those of its solver (paper: half-quadratic splitting with `BETAS`).
    - Beyond the border the image is mirrored, so that all patches of the grid are complete
      (paper: only patches within the image).

    ``recipe=paper`` has none of these, and each pixel weighs its patches as if `SIZE` squared of
    them covered it (paper: as many as do, with which the border would keep its noise). It takes
    15 times as long; on tasks other than denoising, each step of plug-and-play takes the whole of
    it. The mixture is not the authors', but one of as many components, learned from other
    photographs. Of colour the paper says nothing.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = ExpectedPatchLogLikelihood().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "epll"
    published: ClassVar[dict[str, Any]] = {"stride": 1}
    stride: int = parameter(
        3,
        "distance between the patches of an iteration; 1 takes all of them",
        unit="pixels",
        low=1,
        high=SIZE,
    )
    weights: str = parameter(
        "", "safetensors file that `priorlab train epll` wrote; empty: the shipped one", file=True
    )

    def prepare(self, device: torch.device, channels: int) -> None:
        """Read and verify the mixture.

        Raises
        ------
        UsageError
            If its file is missing or damaged.
        """
        self._spectra(device)

    @torch.no_grad()
    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) without noise of level `sigma`; both in [0, 1] units."""
        spectra = self._spectra(v.device)
        return _plane_by_plane(lambda plane, level: self._restore(plane, level, spectra), v, sigma)

    @override
    @torch.no_grad()
    def denoise_in_step(self, v: Tensor, sigma: float, step: int) -> Tensor:
        if self.as_in_paper:
            return self.denoise(v, sigma)
        spectra, stride = self._spectra(v.device), min(SIZE, self.stride + SPARSER)

        def clean(plane: Tensor, level: float) -> Tensor:
            stage = spectra.stage(level**2)
            return average_patches(plane, plane, stage, stride, offset(step, stride))

        return _plane_by_plane(clean, v, sigma)

    def _restore(self, v: Tensor, sigma: float, spectra: Spectra, coarser: bool = True) -> Tensor:
        """Return one plane (H, W) without its noise."""
        if self.as_in_paper:
            return _restore_as_published(v, sigma, spectra)
        x, n, coarse = v, self.stride, None
        if coarser and min(v.shape) >= 2 * SMALLEST:
            # The mean over 2x2 pixels halves the noise.
            coarse = self._restore(_halve(v), sigma / 2, spectra, coarser=False)
        for t in range(ITERATIONS):
            stage = spectra.stage((FIRST_LEVEL * LEVEL_RATIO**t * sigma) ** 2)
            smooth = x
            if coarse is not None:
                smooth = x + _double(coarse - _halve(x), x.shape)
            cleaned = average_patches(x, smooth, stage, n, offset(t, n))
            trust = FIRST_TRUST * TRUST_RATIO**t
            x = (trust * v + cleaned) / (trust + 1)
        return x

    def _spectra(self, device: torch.device) -> Spectra:
        path = Path(self.weights) if self.weights else SHIPPED
        modified = path.stat().st_mtime_ns if path.exists() else 0
        coupled = SIZE**2 - 1 if self.as_in_paper else COUPLED
        with torch_settings.usual(device):  # what is kept serves whoever comes next
            return load_spectra(path, modified, device, coupled)


def _plane_by_plane(clean: Callable[[Tensor, float], Tensor], v: Tensor, sigma: float) -> Tensor:
    """Return `v` (B, C, H, W) with each plane cleaned by itself, as bright as those of training."""
    if sigma < LEAST_LEVEL:
        return v.clone()
    planes = to_opponent(v.float())
    out = torch.empty_like(planes)
    for channel in range(planes.shape[1]):
        scale = LUMA_SCALE if channel == 0 and planes.shape[1] == 3 else 1.0
        for index, plane in enumerate(planes[:, channel]):
            out[index, channel] = scale * clean(plane / scale, sigma / scale)
    return from_opponent(out).to(v.dtype)


def _restore_as_published(v: Tensor, sigma: float, spectra: Spectra) -> Tensor:
    """Return one plane (H, W) without its noise: the half-quadratic splitting of the paper.

    With ``lambda = SIZE^2 / sigma^2``, each pixel counts as one that lies in SIZE^2 patches: near
    the border it lies in fewer, and would keep its noise.
    """
    x = v
    for beta in BETAS:
        stage = spectra.stage(sigma**2 / beta, published=True)
        x = (v + beta * average_patches(x, x, stage, 1, (0, 0))) / (1 + beta)
    return x


def _halve(x: Tensor) -> Tensor:
    """Return the means of 2x2 pixels of a plane, the last of an odd number repeated."""
    height, width = x.shape
    even = pad(x[None], (0, width % 2, 0, height % 2), mode="replicate")
    return avg_pool2d(even, 2)[0]


def _double(x: Tensor, shape: torch.Size) -> Tensor:
    """Return a plane interpolated to twice the size and cut to `shape`."""
    fine = interpolate(x[None, None], scale_factor=2, mode="bilinear", align_corners=False)
    return fine[0, 0, : shape[0], : shape[1]]
