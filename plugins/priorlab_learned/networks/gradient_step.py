"""A denoiser that is a gradient step: the network of ``gs-unet``."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from priorlab_learned.networks.mirroring import continued
from priorlab_learned.networks.unet_network import MULTIPLE, UNetNetwork

ROUNDING = 0.1
"""How round the corner of the activation is, in units of the noise level."""

LEAST_LEVEL = 1e-4
"""Lower noise levels are treated like this one."""


MARGIN = 24
"""Rows and columns by which an image is at least continued where it is continued at all.

The gradient at the border comes from what lies beyond it, too: with the fewest that are needed,
8 rows at the border lost 0.13 dB at sigma 25."""


def _accepted(size: int) -> int:
    """Return the size to which rows or columns are continued.

    Examples
    --------
    >>> _accepted(64), _accepted(65)
    (64, 96)
    """
    return -(-(size + MARGIN * bool(size % MULTIPLE)) // MULTIPLE) * MULTIPLE


def rounded_relu(x: Tensor) -> Tensor:
    """Return a ReLU with a round corner, which has all derivatives.

    Examples
    --------
    >>> rounded_relu(torch.tensor([-5.0, 0.0, 5.0]))
    tensor([4.9996e-04, 5.0000e-02, 5.0005e+00])
    """
    return (x + (x.square() + ROUNDING**2).sqrt()) / 2


class GradientStepNetwork(UNetNetwork):
    """``D(x) = x - grad g(x)`` with ``g(x) = 1/2 |x - N(x)|^2``, N the network of ``unet``.

    A plain network is the gradient of nothing, so plug-and-play with it minimises nothing. This
    one comes with its energy g, and with a ReLU whose corner is round g is smooth [1]_. In units
    of the noise level all is the same for every level, up to the network's level channel. Images
    may have any size: how N continues them is a part of g.

    References
    ----------
    .. [1] Hurault, Leclaire, Papadakis, "Gradient Step Denoiser for convergent Plug-and-Play",
       ICLR 2022, arXiv 2110.03220.
    """

    @staticmethod
    @override
    def activation(x: Tensor) -> Tensor:
        return rounded_relu(x)

    def inner(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return N(x) for images (B, C, H, W) of any size and their levels (B,).

        What the size lacks is mirrored here, so that the gradient is that of what is done.
        """
        unit = sigma.clamp(min=LEAST_LEVEL).to(x.dtype).view(-1, 1, 1, 1)
        height, width = x.shape[-2:]
        inside: Tensor = super().forward(
            continued(x / unit, _accepted(height), _accepted(width)), torch.ones_like(sigma)
        )
        return unit * inside[:, :, :height, :width]

    def energy(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return g of each image: shape (B,)."""
        return (x - self.inner(x, sigma)).square().flatten(1).sum(1) / 2

    @override
    def forward(self, v: Tensor, sigma: Tensor) -> Tensor:
        """Return ``v - grad g(v)``.

        Differentiable itself: with respect to the weights while the network is trained, and to an
        image that asks for it.
        """
        further = self.training or v.requires_grad
        with torch.inference_mode(False), torch.enable_grad():
            x = v if v.requires_grad else v.detach().clone().requires_grad_()
            energy = self.energy(x, sigma.clone()).sum()
            (gradient,) = torch.autograd.grad(energy, x, create_graph=further)
        return v - gradient
