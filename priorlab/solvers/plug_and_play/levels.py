"""The noise levels that a denoiser is told, step by step."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import avg_pool2d

from priorlab.forward.noise import Noise

REACH = 2
"""How far off the pixels lie, in rows and columns, that count as those around a known one."""

POWER = 0.5
"""The last level grows with that power of how many pixels there are for each that is known."""


def falling_levels(
    noise: Noise, steps: int, first: float, last: float, share: float = 1.0
) -> list[float]:
    """Return noise levels that fall geometrically to that of the least noisy pixels.

    Parameters
    ----------
    noise : Noise
        That of the data: the first level is not below that of the noisiest pixels.
    steps : int
        How many levels.
    first, last : float
        The first and the last level.
    share : float
        No level is below this share of that of the least noisy pixels.

    Examples
    --------
    >>> from priorlab.forward.noise import Gaussian
    >>> levels = falling_levels(Gaussian(2 / 255), steps=3, first=50 / 255, last=1 / 255)
    >>> [round(255 * level) for level in levels]
    [50, 10, 2]
    """
    least, greatest = noise.spread
    last = max(share * least, last)
    first = max(greatest, first, last)
    return [first * (last / first) ** (step / max(1, steps - 1)) for step in range(steps)]


def where_sparse(noise: Noise, known: Tensor | None) -> float:
    """Return the last level for noisy data of some pixels: higher the fewer of them are known.

    A denoiser that is told the level of the noise expects every pixel to have been measured. Where
    few are, an image that agrees with them is less certain, and the level higher. What counts is
    the share around known pixels: the middle of a large hole is no reason to smooth what is outside
    it. From a sweep in results/tuning-plug-and-play.md.

    Parameters
    ----------
    noise : Noise
        That of the known pixels.
    known : Tensor or None
        Shape (1, 1 or C, H, W): 1 where a pixel is known, 0 where it is missing. None: all are.

    Examples
    --------
    >>> import torch
    >>> from priorlab.forward.noise import Gaussian
    >>> hole = torch.ones(1, 1, 64, 64)
    >>> hole[..., 16:48, 16:48] = 0
    >>> grid = torch.zeros(1, 1, 64, 64)
    >>> grid[..., ::2, ::2] = 1
    >>> [round(where_sparse(Gaussian(0.1), mask), 2) for mask in (None, hole, grid)]
    [0.1, 0.1, 0.17]
    """
    if known is None or not bool(known.any()):
        return noise.spread[0]
    shown = known.float()
    around = avg_pool2d(shown, 2 * REACH + 1, 1, REACH, count_include_pad=False)
    share = float(around[shown > 0].double().mean())
    return noise.spread[0] / math.pow(share, POWER)
