"""Muon: momentum whose direction is made orthogonal, for the start of a fit.

An orthogonal step changes all directions of a layer's output equally, so that a fresh network
learns its weak directions as fast as its strong ones. Later that is a drawback: noise is in
the weak ones. Hence only for the first steps.

Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

MOMENTUM = 0.9
RATE = 0.01
"""Root mean square of the change that one step makes to the weights of a layer."""


class Muon:
    """Optimises convolution kernels (..., outputs, inputs, height, width), each as one matrix."""

    def __init__(self, kernels: Iterable[Tensor], rate: float = RATE) -> None:
        self.rate = rate
        self.momenta = {kernel: torch.zeros_like(kernel) for kernel in kernels}

    @torch.no_grad()
    def step(self, share: float = 1.0) -> None:
        """Take a `share` of a step; a whole one clears the gradients: no other optimiser steps."""
        for kernel, momentum in self.momenta.items():
            if kernel.grad is None:
                continue
            momentum.mul_(MOMENTUM).add_(kernel.grad)
            direction = orthogonal((kernel.grad + MOMENTUM * momentum).flatten(-3))
            size = share * self.rate * max(direction.shape[-2:]) ** 0.5
            kernel.sub_(direction.view(kernel.shape), alpha=size)
            if share == 1:
                kernel.grad = None


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about the nearest (semi-)orthogonal matrix, by five Newton-Schulz steps.

    Each matrix of a stack (..., rows, columns) by itself. The polynomial is the published one; it
    brings all singular values near 1 (0.7 to 1.2), not to it.

    Examples
    --------
    >>> values = torch.linalg.svdvals(orthogonal(torch.diag(torch.tensor([10.0, 2.0, 1.0]))))
    >>> bool((0.6 < values).all() and (values < 1.3).all())
    True
    """
    if matrix.shape[-2] > matrix.shape[-1]:
        return orthogonal(matrix.mT).mT
    x: Tensor = matrix / (matrix.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x
