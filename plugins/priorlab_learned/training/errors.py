"""How far an estimate is from the clean crops, as trainings count it."""

from __future__ import annotations

from torch import Tensor

TINY = 1e-8
"""Added to a mean square error, whose root has a gradient so."""


def root_error(estimate: Tensor, clean: Tensor) -> Tensor:
    """Return the root mean square error of each crop of (B, C, H, W): shape (B,)."""
    return (estimate - clean).square().mean((1, 2, 3)).add(TINY).sqrt()


def weighted_error(estimate: Tensor, clean: Tensor, sigma: Tensor) -> Tensor:
    """Return the mean over crops of the root mean square error, in which all levels (B,) count.

    The error to expect at a level s (0-255) is about ``s / (1 + 0.07 s)``. Divided by it, low
    levels would decide everything, as it is they would not count: the root is between.
    """
    level = 255 * sigma
    expected = (level / (1 + 0.07 * level)).clamp(min=0.2) / 9
    return (root_error(estimate, clean) / expected.sqrt()).mean()
