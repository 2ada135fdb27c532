"""Total variation: the length of the gradient."""

import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor

from priorlab.components import parameter
from priorlab_handcrafted.variation import condat, rof, rof_torch
from priorlab_handcrafted.variation.iterated_prox import (
    TINY,
    Report,
    Variation,
    as_array,
    product,
)

TOLERANCE, TOLERANCE_OF_CONDAT = 1e-4, 1e-3
"""The prox stops at this duality gap, relative to the objective value."""

MAX_ITERATIONS = 3000
WARM_ITERATIONS = 10

KINDS = ("isotropic", "anisotropic")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TotalVariation(Variation):
    """Total variation, colour-coupled: images are piecewise smooth with sharp edges.

    ``energy(x) = weight sqrt(C) sum over pixels of |grad x|``, with one Euclidean norm over
    both directions and all C channels, forward differences and a replicated border. The
    factor ``sqrt(C)`` makes a gray picture stored in three channels come out as in one.
    The anisotropic kind has one norm for each direction and favours edges along the axes.

    The kind of Condat is not bound to the corner at which the two forward differences of a pixel
    meet: it is the least sum of the lengths of vectors, where rows meet, where columns meet and
    in the middle of pixels, that explain all differences between neighbours. Edges of any
    direction cost the same, as sharp as others. It takes some ten times as long.

    L. I. Rudin, S. Osher, E. Fatemi: Nonlinear total variation based noise removal algorithms,
    Physica D 60, 1992. Colour: X. Bresson, T. F. Chan: Fast dual minimization of the vectorial
    total variation norm and applications to color image processing, Inverse Problems and
    Imaging 2(4), 2008. Anisotropic: S. Esedoglu, S. J. Osher: Decomposition of images by the
    anisotropic Rudin-Osher-Fatemi model, Communications on Pure and Applied Mathematics 57, 2004.

    Differences from the paper
    --------------------------
    - The weight is relative to the noise level, and smaller by default where that is low (paper:
      such that the residual is as large as the noise).
    - The minimum is found by a dual method up to the gap `TOLERANCE` (paper: by marching in
      time); for Condat's kind by a primal-dual one up to `TOLERANCE_OF_CONDAT`.
    - Vectors of Condat's kind have one norm over all channels (paper: gray pictures).

    Examples
    --------
    >>> step = torch.zeros(1, 1, 8, 10)
    >>> step[..., 5:] = 0.5
    >>> TotalVariation(weight=1).energy(step)  # eight rows with a difference of 0.5
    tensor([4.])
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> float(TotalVariation().prox(0.5 + 0.1 * noise, step=0.1).std()) < 0.03
    True
    """

    name: ClassVar[str] = "tv"
    # The steps of Condat's kind have a least length.
    knows_exposure: ClassVar[bool] = True
    kind: str = parameter(
        "isotropic",
        "norm of the gradient; anisotropic favours edges along the axes, condat no direction",
        choices=(*KINDS, "condat"),
    )

    @property
    def side(self) -> int:
        """See `Variation.side`; bands share the threads if there is one tile."""
        return super().side if self.kind == "condat" else 2048

    @property
    def gap(self) -> float:
        """See `Variation.gap`."""
        return TOLERANCE_OF_CONDAT if self.kind == "condat" else TOLERANCE

    def energy(self, x: Tensor) -> Tensor:
        """Return the weighted total variation of each image (B, C, H, W): shape (B,)."""
        if self.kind == "condat":
            return self.scale(x) * torch.stack([self._of_condat(image) for image in x])
        down, right = torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0])
        down[:, :-1] += x.diff(dim=2).square().sum(1)
        right[:, :, :-1] += x.diff(dim=3).square().sum(1)
        squares = torch.stack([down, right] if self.kind == "anisotropic" else [down + right])
        return self.scale(x) * self._lengths(squares).flatten(2).sum((0, 2))

    @property
    def _rounding(self) -> float:
        """Length of gradient below which its norm is rounded off to a parabola."""
        return 0.0

    def start(self, v: Tensor) -> Any:
        """Return the dual field zero; (2, C, H, W) unless on the CPU."""
        if self.kind == "condat":
            return condat.State(as_array(v))
        return rof.State(as_array(v)) if v.device.type == "cpu" else v.new_zeros((2, *v.shape))

    def solve(self, v: Tensor, radius: float, state: Any, few: bool, report: Report) -> Tensor:
        """Solve the model of Rudin, Osher and Fatemi, by compiled loops on the CPU."""
        if self.kind == "condat":
            x = condat.solve(
                as_array(v),
                radius,
                state,
                tolerance=self.gap,
                iterations=WARM_ITERATIONS if few else MAX_ITERATIONS,
                report=lambda iteration, x, gap: report(iteration, torch.from_numpy(x), gap),
            )
            return torch.from_numpy(x).to(v.device)
        options = {
            "huber": self._rounding,
            "anisotropic": self.kind == "anisotropic",
            "tolerance": self.gap,
            "iterations": WARM_ITERATIONS if few else MAX_ITERATIONS,
        }
        if v.device.type != "cpu":
            return rof_torch.solve(v, radius, state, **options, report=report)
        x = rof.solve(
            as_array(v),
            radius,
            state,
            **options,
            report=lambda iteration, x, gap: report(iteration, torch.from_numpy(x), gap),
        )
        return torch.from_numpy(x)

    def _of_condat(self, image: Tensor) -> Tensor:
        """Return the total variation of one image, as its product with the dual field."""
        state = self.start(image)
        self.solve(image, TINY, state, False, lambda *values: None)
        return product(state.field(), image)

    def _lengths(self, squares: Tensor) -> Tensor:
        """Return the norm of the gradient from its square, with gradient zero at zero."""
        positive = squares > 0
        return torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0)
