"""Richardson-Lucy deconvolution."""

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from priorlab.components import parameter
from priorlab.forward.measurement import Measurement
from priorlab.forward.operators import LinearOperator
from priorlab.trace import SILENT, Trace, TraceOfOne
from priorlab_handcrafted.shared.deblurring import Deblurring

HELD_OUT = 0.05
"""Share of the pixels that say when to stop; see `RichardsonLucy`."""

PATIENCE = 5
"""Updates that come no closer to these pixels before the first run ends."""

LEAST_SCALE = 0.01
"""Pixels beyond the frame of which data hold less than this, ``A^T 1``, stay as they are."""

TINY = 1e-6
"""Smallest value of a blurred image that data are divided by."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RichardsonLucy(Deblurring):
    """Richardson-Lucy deconvolution: the image is non-negative and the iteration stops early.

    Starting from a constant image, each update multiplies x by ``A^T (y / A x) / A^T 1``, which
    raises the Poisson likelihood. Each image of a batch stops on its own, before noise is fitted:
    a first run sees all but a few of the pixels, whose noise it cannot know. While it comes closer
    to these it learns the image. The second run sees all, and takes as many updates.

    W. H. Richardson: Bayesian-based iterative method of image restoration, Journal of the
    Optical Society of America 62(1), 1972. L. B. Lucy: An iterative technique for the
    rectification of observed distributions, The Astronomical Journal 79(6), 1974.

    Differences from the paper
    --------------------------
    - The iteration stops where held-out pixels are closest (papers: where the user stops it). A
      residual of a given share of the noise, which is usual, would stop weak blur too early, and
      the stronger ones never: what is blurred cannot come so close to noise.
    - Updates are divided by ``A^T 1``, and pixels of which less than `LEAST_SCALE` was seen stay
      as they are (papers: blurs that lose nothing, for which that is 1).
    - Negative data count as zero (papers: counts, which have no noise below zero).

    Examples
    --------
    >>> from priorlab.forward.convolution import Convolution
    >>> from priorlab.forward.noise import Gaussian
    >>> point = torch.zeros(1, 1, 15, 15)
    >>> point[..., 7, 7] = 1
    >>> operator = Convolution(torch.full((3, 3), 1 / 9))
    >>> measurement = Measurement(operator.forward(point), operator, Gaussian(0.01), (1, 1, 15, 15))
    >>> float(RichardsonLucy().restore(measurement)[0, 0, 7, 7]) > 2 / 9
    True
    """

    name: ClassVar[str] = "richardson-lucy"
    iterations: int = parameter(200, "greatest number of updates", low=1)

    @torch.no_grad()
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the sharper image, clipped to the range of an image."""
        self.require(measurement)
        result = measurement.initial_guess()
        for index in range(len(result)):
            one = slice(index, index + 1)
            x = self._iterate(measurement, measurement.y[one], TraceOfOne(trace, result, index))
            result[one] = measurement.clipped(x)
        return result

    def _iterate(self, measurement: Measurement, y: Tensor, trace: Trace) -> Tensor:
        operator, count = measurement.operator, self.iterations
        if not measurement.noise.is_exact:
            count = _best_count(operator, y, count)
        images = _images(operator, y, torch.ones_like(y))
        x, _ = next(images)
        for iteration, (x, blurred) in zip(range(1, count + 1), images, strict=False):
            residual = float((blurred - y).square().mean().sqrt())
            trace.report(iteration, count, x, residual=residual)
        return x


def _best_count(operator: LinearOperator, y: Tensor, most: int) -> int:
    """Return how many updates bring the blurred image closest to pixels that are held out."""
    generator = torch.Generator().manual_seed(0)
    held_out = (torch.rand(y.shape[-2:], generator=generator) < HELD_OUT).to(y.device)
    best, least = 0, float("inf")
    images = _images(operator, y, (~held_out).to(y).expand_as(y))
    for count, (_, blurred) in zip(range(most + 1), images, strict=False):
        error = float((blurred - y)[..., held_out].square().sum())
        if error < least:
            best, least = count, error
        elif count - best >= PATIENCE:
            break
    return best


def _images(operator: LinearOperator, y: Tensor, kept: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the image before each update and what it is when blurred; only `kept` data count."""
    data, scale = kept * y.clamp_min(0), operator.adjoint(kept)
    seen = scale >= LEAST_SCALE
    x = data.sum((-2, -1), keepdim=True) / kept.sum((-2, -1), keepdim=True).clamp_min(1)
    x = x.expand_as(scale)
    while True:
        blurred = operator.forward(x)
        yield x, blurred
        update = operator.adjoint(data / blurred.clamp_min(TINY)) / scale
        x = torch.where(seen, x * update, x)
