"""Guided filter: locally, a picture is a linear function of a guide."""

import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.priors import Denoiser
from priorlab.recipes import WithRecipe
from priorlab.solvers.tiles import Locality

LOST_IN_ROUNDING = 1e-5
"""A penalty that is smaller than this, relative to the mean square of the guide, needs double
precision: variances in windows are differences of squares."""

PUBLISHED_RADIUS = 4
"""Radius of the windows in the authors' example of smoothing."""

PUBLISHED_PENALTY = 0.2**2
"""Its penalty on the slopes, where white is 1."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Guided(WithRecipe, Denoiser):
    """Guided filter: in each window, the linear function of a guide that fits the picture best.

    The slopes are found by ridge regression with the penalty ``eps sigma^2``, and the fits of
    all windows that contain a pixel are averaged. In the first pass the picture is its own
    guide; each later pass is guided by the result of the one before, which has less noise. All
    channels of the guide contribute to each channel of the result.

    K. He, J. Sun, X. Tang: Guided image filtering, ECCV 2010, and IEEE Transactions on Pattern
    Analysis and Machine Intelligence 35(6), 2013.

    Differences from the paper
    --------------------------
    - Several `passes`, each guided by the result of the one before (paper: one, guided by the
      picture itself where nothing better is at hand).
    - The penalty is `eps` times the variance of the noise (paper: a free number whatever the
      noise; `PUBLISHED_PENALTY` and `PUBLISHED_RADIUS` are those of the authors' example of
      smoothing).

    ``recipe=paper`` has neither. As it does not look at the noise, it is no good inside the
    solvers for other tasks.

    Examples
    --------
    >>> import torch
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> restored = Guided().denoise(0.5 + 0.1 * noise, sigma=0.1)
    >>> float(restored.std()) < 0.03
    True
    """

    name: ClassVar[str] = "guided"
    published: ClassVar[dict[str, Any]] = {"radius": PUBLISHED_RADIUS, "eps": None, "passes": 1}
    radius: int = parameter(
        2, "how far the windows reach to each side", unit="pixels", low=1, high=50, search=(1, 8)
    )
    eps: float = parameter(
        0.9, "penalty on the slopes, relative to the noise's variance", low=0.01, search=(0.1, 10)
    )
    passes: int = parameter(4, "1 is guided by the picture itself alone", low=1, high=10)

    @override
    def locality(self, channels: int, sigma: float) -> Locality:
        if self.as_in_paper:
            return Locality(2 * PUBLISHED_RADIUS)
        return Locality(2 * self.radius * self.passes)

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v` (B, C, H, W) filtered by itself; `sigma` in [0, 1] units."""
        if sigma <= 0:
            return v.clone()
        if self.as_in_paper:
            return guided_filter(v, v, PUBLISHED_RADIUS, PUBLISHED_PENALTY)
        result = v
        for _ in range(self.passes):
            result = guided_filter(v, result, self.radius, self.eps * sigma**2)
        return result


def guided_filter(y: Tensor, guide: Tensor, radius: int, penalty: float) -> Tensor:
    """Return the guided filter of images (B, C, H, W) with guides (B, K, H, W).

    Windows are cut at the border. `penalty` is added to the variances of the guide.
    """
    # With the mean of each picture subtracted, the squares lose fewer digits.
    dtype, centre = y.dtype, y.mean((2, 3), keepdim=True)
    y, guide = y - centre, guide - guide.mean((2, 3), keepdim=True)
    if penalty < LOST_IN_ROUNDING * float(guide.square().mean((1, 2, 3)).max()):
        y, guide = y.double(), guide.double()
    mean_y, mean_guide = _box_mean(y, radius), _box_mean(guide, radius)
    channels = range(guide.shape[1])
    # Entries are planes (B, 1, H, W) of the matrix, (B, C, H, W) of its right-hand side.
    rows = []
    for i in channels:
        one, mean_one = guide[:, i, None], mean_guide[:, i, None]
        entries = _box_mean(one * guide, radius) - mean_one * mean_guide
        entries[:, i] += penalty
        right = _box_mean(one * y, radius) - mean_one * mean_y
        rows.append([*entries.split(1, 1), right])
    slopes = _solve(rows)
    offset = mean_y - sum(slopes[i] * mean_guide[:, i, None] for i in channels)
    result = _box_mean(offset, radius) + centre
    for i in channels:
        result += _box_mean(slopes[i], radius) * guide[:, i, None]
    return result.to(dtype)


def _solve(rows: list[list[Tensor]]) -> list[Tensor]:
    """Solve positive definite systems, each row with its right-hand side, by elimination."""
    for i, pivot in enumerate(rows):
        for row in rows[i + 1 :]:
            factor = row[i] / pivot[i]
            for j in range(i, len(row)):
                row[j] = row[j] - factor * pivot[j]
    solution: list[Tensor] = []
    for i, row in reversed(list(enumerate(rows))):
        known = sum(a * x for a, x in zip(row[i + 1 : -1], solution, strict=True))
        solution.insert(0, (row[-1] - known) / row[i])
    return solution


def _box_mean(x: Tensor, radius: int) -> Tensor:
    """Return the mean over the window around each pixel, cut at the border."""
    for axis in (-2, -1):
        size = x.shape[axis]
        total = x.clone()
        # Additions of shifted pictures: for small windows ten times as fast as a pooling layer.
        for shift in range(1, min(radius, size - 1) + 1):
            rest = size - shift
            total.narrow(axis, shift, rest).add_(x.narrow(axis, 0, rest))
            total.narrow(axis, 0, rest).add_(x.narrow(axis, shift, rest))
        place = torch.arange(size, device=x.device)
        counts = 1 + place.clamp_max(radius) + place.flip(0).clamp_max(radius)
        x = total.div_(counts if axis == -1 else counts[:, None])
    return x
