"""The noise levels that a denoiser is told, step by step."""

from __future__ import annotations

from priorlab.forward.noise import Noise


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
