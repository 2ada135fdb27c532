"""Richardson-Lucy deconvolution."""

import dataclasses
from typing import ClassVar

import torch
from torch import Tensor

from priorlab.components import parameter
from priorlab.forward.measurement import Measurement
from priorlab.trace import SILENT, Trace, TraceOfOne
from priorlab_handcrafted.shared.deblurring import Deblurring

DISCREPANCY = 0.94
"""Iteration stops when the residual is this many times the noise level, before noise is fitted."""

LEAST_SCALE = 0.01
"""Pixels beyond the frame of which data hold less than this, ``A^T 1``, stay as they are."""

TINY = 1e-6
"""Smallest value of a blurred image that data are divided by."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RichardsonLucy(Deblurring):
    """Richardson-Lucy deconvolution: the image is non-negative and the iteration stops early.

    Starting from a constant image, each update multiplies x by ``A^T (y / A x) / A^T 1``, which
    raises the Poisson likelihood. Each image of a batch stops on its own, when it fits the data
    as well as the noise level allows.

    W. H. Richardson: Bayesian-based iterative method of image restoration, Journal of the
    Optical Society of America 62(1), 1972. L. B. Lucy: An iterative technique for the
    rectification of observed distributions, The Astronomical Journal 79(6), 1974.

    Differences from the paper
    --------------------------
    - The iteration stops where the residual is `DISCREPANCY` times the noise (papers: where the
      user stops it).
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
        operator, goal = measurement.operator, DISCREPANCY * measurement.noise.level
        positive = y.clamp_min(0)
        scale = operator.adjoint(torch.ones_like(y))
        seen = scale >= LEAST_SCALE
        x = positive.mean((-2, -1), keepdim=True).expand_as(scale)
        for iteration in range(1, self.iterations + 1):
            blurred = operator.forward(x)
            residual = float((blurred - y).square().mean().sqrt())
            if residual <= goal:
                break
            update = operator.adjoint(positive / blurred.clamp_min(TINY)) / scale
            x = torch.where(seen, x * update, x)
            trace.report(iteration, self.iterations, x, residual=residual)
        return x
