"""Early stopping without the truth: a few measured pixels are kept from the fit.

Noise that is independent from pixel to pixel cannot be foretold from the other pixels. So
while a fit learns structure, it comes closer to the pixels that it does not see, and from
when it learns the others' noise, it departs from them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from priorlab.measurement import Measurement

INTERVAL = 10
"""Steps between two looks at the held-out pixels."""


class HeldOut:
    """A random `fraction` of the measured pixels, and the best image they have seen.

    Parameters
    ----------
    measurement : Measurement
        Of a single image.
    fraction : float
        Share of the pixels of `y` to hold out, in all channels; 0 judges nothing, and then
        the latest image counts as the best.
    image : Tensor
        The image that a fit updates in place.
    """

    def __init__(self, measurement: Measurement, fraction: float, image: Tensor) -> None:
        self.measurement, self.image = measurement, image
        self.active = fraction > 0
        self.best = image.clone() if self.active else image
        self.least = float("inf")
        self.best_step = 0
        height, width = measurement.y.shape[-2:]
        self.kept = (torch.rand(1, 1, height, width) >= fraction).to(image.device)

    def hide(self, u: Tensor) -> Tensor:
        """Return the data `u` with the held-out pixels made perfect: no loss, no gradient."""
        return torch.where(self.kept, u, self.measurement.y) if self.active else u

    def finished(self, step: int, last: bool = False) -> bool:
        """Look at the image, if it is time or the `last`, and tell whether to stop: no better one
        has come for long."""
        if not self.active or (step % INTERVAL and not last):
            return False
        y = self.measurement.y
        unseen = torch.where(self.kept, y, self.measurement.operator.forward(self.image))
        error = float(self.measurement.noise.nll(unseen, y))
        if error < self.least:
            self.least, self.best_step = error, step
            self.best.copy_(self.image)
        # Progress slows down with time: the later the best image, the longer the patience.
        return step > 1.5 * self.best_step + 50
