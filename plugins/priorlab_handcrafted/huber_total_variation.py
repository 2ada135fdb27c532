"""Huber total variation: the length of the gradient where that is large."""

import dataclasses
from typing import ClassVar

from torch import Tensor

from priorlab.components import parameter
from priorlab_handcrafted.total_variation import KINDS, TotalVariation


@dataclasses.dataclass(frozen=True, kw_only=True)
class HuberTV(TotalVariation):
    """Total variation that is quadratic in small gradients: slopes stay smooth, without steps.

    As `tv`, with ``h(|grad x|)`` in place of ``|grad x|``: ``h(t) = t^2 / (2 delta)`` up to
    ``t = delta``, and ``t - delta / 2`` above.

    P. J. Huber: Robust estimation of a location parameter, Annals of Mathematical Statistics
    35(1), 1964. M. Werlberger, W. Trobin, T. Pock, A. Wedel, D. Cremers, H. Bischof: Anisotropic
    Huber-L1 optical flow, BMVC 2009.

    Differences from the paper
    --------------------------
    - Huber's function is that of the image's gradient, under white Gaussian noise (papers: of the
      residual of an estimate of location; of the flow between two pictures).
    - The weight is relative to the noise level, and smaller by default where that is low (papers:
      free).

    Examples
    --------
    >>> import torch
    >>> ramp = torch.linspace(0, 0.09, 10).expand(1, 1, 1, 10)  # nine differences of 0.01
    >>> HuberTV(weight=1, delta=0.02).energy(ramp)
    tensor([0.0225])
    """

    name: ClassVar[str] = "huber-tv"
    knows_exposure: ClassVar[bool] = True
    kind: str = parameter(
        "isotropic",
        "norm of the gradient; anisotropic favours edges along the axes",
        choices=KINDS,
    )
    delta: float = parameter(
        0.01,
        "length of the gradient up to which its square counts, where white is 1",
        low=0,
        search=(0.001, 0.1),
    )

    @property
    def _rounding(self) -> float:
        return self.delta

    def _lengths(self, squares: Tensor) -> Tensor:
        lengths = super()._lengths(squares)
        if self.delta == 0:
            return lengths
        inner = lengths.clamp_max(self.delta)
        return lengths - inner + inner.square() / (2 * self.delta)
