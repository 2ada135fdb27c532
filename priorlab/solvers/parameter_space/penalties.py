"""Explicit priors in addition to a network: terms that a fit adds to its loss.

The terms are in the units of `nll(u; y)`, the data fidelity that they are added to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

INTERVAL = 10
"""Steps after which a denoiser is asked again: it may cost more than many steps."""


def total_variation(image: Tensor) -> Tensor:
    """Return the isotropic total variation of each image (B, C, H, W), all channels together.

    Source: J. Liu, Y. Sun, X. Xu, U. Kamilov, "Image restoration using total variation
    regularized deep image prior", ICASSP 2019, who add it to the loss.

    Examples
    --------
    >>> edge = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
    >>> round(float(total_variation(edge)), 2)
    2.0
    """
    down = torch.nn.functional.pad(image.diff(dim=2), (0, 0, 0, 1))
    right = torch.nn.functional.pad(image.diff(dim=3), (0, 1))
    squares = (down.square() + right.square()).sum(1)
    # The gradient of a root is infinite at 0: this is flat within a hundredth of a gray level.
    return (squares + (0.01 / 255) ** 2).sqrt().flatten(1).sum(1)


@dataclasses.dataclass(frozen=True)
class RED:
    """Regularisation by denoising: ``weight / 2 <x, x - f(x)>`` with a denoiser f.

    Source: G. Mataev, P. Milanfar, M. Elad, "DeepRED: Deep image prior powered by RED", ICCV
    Workshops 2019. Different from theirs, who use ADMM: see `REDPenalty`.

    Attributes
    ----------
    denoise : callable
        f, which maps images (B, C, H, W) and a noise level to images.
    weight : float
        Its weight.
    """

    denoise: Callable[[Tensor, float], Tensor]
    weight: float


class REDPenalty:
    """The term of one fit: ``weight / 2 |x - f|^2 / level^2`` with f held for some steps.

    The gradient of ``1/2 <x, x - f(x)>`` is ``x - f(x)``; so is that of ``1/2 |x - f|^2`` with f
    held fixed. The denoiser sees the running mean of the outputs, every `INTERVAL` steps.
    """

    def __init__(self, red: RED, level: float) -> None:
        """Prepare for a fit to data of this noise level."""
        self.red, self.level = red, level
        self.denoised: Tensor | None = None

    def energy(self, step: int, image: Tensor, mean: Tensor) -> Tensor:
        """Return the term for each `image`, of which `mean` is the running mean: shape (B,)."""
        if self.denoised is None or step % INTERVAL == 0:
            self.denoised = self.red.denoise(mean, self.level)
        square = (image - self.denoised).square().flatten(1).sum(1)
        return self.red.weight * square / (2 * self.level**2)
