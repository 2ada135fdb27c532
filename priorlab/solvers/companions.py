"""Explicit priors beside a network: terms that a fit adds to its loss.

The terms are in the units of `nll(u; y)`, the closeness that they are added to.
"""

from __future__ import annotations

import torch
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.priors import Denoiser, Prior

INTERVAL = 10
"""Steps after which a denoiser is asked anew: it may cost more than many steps."""


def total_variation(image: Tensor) -> Tensor:
    """Return the isotropic total variation of each image (B, C, H, W), all channels together.

    Source: J. Liu, Y. Sun, X. Xu, U. Kamilov, "Image restoration using total variation
    regularized deep image prior", ICASSP 2019, who add it to the loss.
    """
    down = torch.nn.functional.pad(image.diff(dim=2), (0, 0, 0, 1))
    right = torch.nn.functional.pad(image.diff(dim=3), (0, 1))
    squares = (down.square() + right.square()).sum(1)
    # The gradient of a root is infinite at 0: this is flat within a hundredth of a gray level.
    return (squares + (0.01 / 255) ** 2).sqrt().flatten(1).sum(1)


def denoiser(name: str) -> type[Denoiser]:
    """Return the installed denoiser of a name, or raise a `UsageError`."""
    from priorlab import plugins

    try:
        kind: type[Prior] = plugins.load().find("priors", name)
    except UsageError as error:
        raise UsageError(f"red={name}: {error}") from None
    if not issubclass(kind, Denoiser):
        raise UsageError(f"red={name}: this prior is not a denoiser, such as bm3d, dct or nlm")
    return kind


class Red:
    """Regularisation by denoising: ``1/2 <x, x - f(x)>`` with a denoiser f.

    Its gradient is ``x - f(x)``; so is that of ``1/2 |x - f|^2`` with f held fixed, which the
    fit adds to its loss. The denoiser sees the running mean of the outputs, every `INTERVAL`
    steps.

    Source: G. Mataev, P. Milanfar, M. Elad, "DeepRED: Deep image prior powered by RED", ICCV
    Workshops 2019, who solve the same by ADMM.
    """

    def __init__(self, name: str, measurement: Measurement) -> None:
        """Prepare the installed denoiser `name`."""
        self.denoiser = denoiser(name)()
        self.denoiser.prepare(measurement.y.device, measurement.shape[1])
        self.level = measurement.noise.level
        self.denoised: Tensor | None = None

    def energy(self, step: int, image: Tensor, mean: Tensor) -> Tensor:
        """Return the term for each `image`, of which `mean` is the running mean: shape (B,)."""
        if self.denoised is None or step % INTERVAL == 0:
            self.denoised = self.denoiser.denoise(mean, self.level)
        return (image - self.denoised).square().flatten(1).sum(1) / (2 * self.level**2)
