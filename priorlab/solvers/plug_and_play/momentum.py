"""Nesterov's momentum, as `fista` and `red` use it."""

from __future__ import annotations

from torch import Tensor


class Momentum:
    """Extrapolates from the last two iterates, the further the more there were.

    A. Beck, M. Teboulle: A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems, SIAM Journal on Imaging Sciences 2(1), 2009.

    Examples
    --------
    >>> import torch
    >>> momentum = Momentum()
    >>> [round(float(momentum.ahead(torch.tensor(x))), 2) for x in (0.0, 1.0, 2.0)]
    [0.0, 1.0, 2.28]
    """

    def __init__(self) -> None:
        self._time = 1.0
        self._last: Tensor | None = None

    def ahead(self, x: Tensor) -> Tensor:
        """Return the point from which the step after the iterate `x` starts."""
        last, time = self._last, self._time
        self._last = x
        if last is None:
            return x
        self._time = (1 + (1 + 4 * time**2) ** 0.5) / 2
        return x + (time - 1) / self._time * (x - last)
