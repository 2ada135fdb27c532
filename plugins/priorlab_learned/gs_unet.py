"""The ``gs-unet`` prior: a denoiser that is the gradient step of an energy."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from priorlab.components import parameter
from priorlab.solvers.tiles import Locality
from priorlab_learned.networks.gradient_step import GradientStepNetwork
from priorlab_learned.networks.trained import LOCALITY
from priorlab_learned.networks.unet_network import UNetNetwork
from priorlab_learned.unet import UNet, share_of_change

SHIPPED = {
    1: Path(__file__).parent / "weights" / "gs_unet_gray.safetensors",
    3: Path(__file__).parent / "weights" / "gs_unet_color.safetensors",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GradientStepUNet(UNet):
    """A denoiser with an energy: ``D(x) = x - grad g(x)``, g made of a U-Net.

    A plain network is the gradient of nothing, and plug-and-play with it minimises nothing. With
    this one, half-quadratic splitting at one level, ``gs-unet:solver=hqs,first_level=s,
    last_level=s``, descends on ``nll(A x; y) / data_weight + g(x) / s^2`` in tests, and nears a
    limit; `energy` returns g. It costs two to three times as much as ``unet``.

    S. Hurault, A. Leclaire, N. Papadakis: Gradient step denoiser for convergent plug-and-play,
    ICLR 2022 (arXiv 2110.03220). Unlike there, the activations are rounded ReLUs instead of ELUs,
    training begins with the weights of ``unet``, the penalty on the norm of the Jacobian is left
    out, and the step is not searched: the objective falls in tests, and nothing proves that it
    always does.

    Examples
    --------
    >>> noise = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> prior, v = GradientStepUNet(), 0.5 + 0.1 * noise
    >>> bool(prior.energy(prior.denoise(v, 0.1), 0.1) < prior.energy(v, 0.1))
    True
    """

    name: ClassVar[str] = "gs-unet"
    by_default: ClassVar[bool] = False
    limited_to_noise: ClassVar[bool] = False
    kind: ClassVar[type[GradientStepNetwork]] = GradientStepNetwork
    shipped: ClassVar[dict[int, Path]] = SHIPPED

    weights: str = parameter(
        "",
        "safetensors file that `priorlab train gs-unet` wrote; empty: the shipped ones",
        file=True,
    )

    @override
    def locality(self, channels: int, sigma: float) -> Locality:
        # The gradient passes through the network once more.
        return dataclasses.replace(LOCALITY, reach=2 * LOCALITY.reach)

    @torch.no_grad()
    def energy(self, x: Tensor, sigma: float) -> Tensor:
        """Return g, whose gradient `denoise` takes away: shape (B,).

        Parameters
        ----------
        x : Tensor
            Images (B, C, H, W) in about [0, 1], C 1 or 3, of any size. Not in tiles.
        sigma : float
            Noise level on the [0, 1] scale.
        """
        network = self._network(x.device, x.shape[1])
        assert isinstance(network, GradientStepNetwork)
        level = torch.full((len(x),), sigma, device=x.device)
        return share_of_change(sigma) * network.energy(x.float(), level)

    @override
    def _without_noise(self, network: UNetNetwork, v: Tensor, level: Tensor) -> Tensor:
        # It continues images itself: else this was the gradient of another energy at the border.
        return network(v, level)
