"""Impulses in a picture: they carry no information about the values that they replaced."""

from __future__ import annotations

from scipy.special import bdtrc
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

CHANCE = 1e-5
"""A value that was hit is kept with this probability at most, because its window looks black."""

WIDEST = 7
"""The most that a window reaches; with more noise, all black and white values count as impulses."""


def reliable_pixels(y: Tensor, amount: float) -> Tensor:
    """Return where `y` (B, C, H, W) seems not to have been hit by salt and pepper.

    A value between 0 and 1 was not. Any other was, unless it is 0 or 1 and more than half of a
    window around it is the same: there the picture itself is black or white. The window is the
    smallest that impulses, `amount` of all values, fill so far with a probability of at most
    `CHANCE`.

    Examples
    --------
    >>> import torch
    >>> y = torch.full((1, 1, 16, 16), 0.5)
    >>> y[0, 0, 3, 4], y[0, 0, 9, 1] = 0, 1
    >>> (~reliable_pixels(y, amount=0.01)).nonzero()[:, 2:].tolist()
    [[3, 4], [9, 1]]
    """
    kept = (y > 0) & (y < 1)
    reach = next((r for r in range(1, WIDEST + 1) if _chance(r, amount) <= CHANCE), None)
    if reach is None or 2 * reach >= min(y.shape[-2:]):
        return kept
    for extreme in (0.0, 1.0):
        same = (y == extreme).to(y.dtype)
        # Complete windows only; near the border the nearest one counts.
        window = pad(avg_pool2d(same, 2 * reach + 1, 1), (reach,) * 4, mode="replicate")
        kept |= (same > 0) & (window > 0.5)
    return kept


def _chance(reach: int, amount: float) -> float:
    """Return how likely it is that half of the others in a window were hit like the one in it."""
    others = (2 * reach + 1) ** 2 - 1
    return float(bdtrc(others // 2 - 1, others, amount / 2))
