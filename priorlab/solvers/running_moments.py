"""Mean and standard deviation, pixel by pixel, of a sequence of images that is not kept."""

from __future__ import annotations

import torch
from torch import Tensor


class RunningMoments:
    """Welford's running sums.

    Examples
    --------
    >>> moments = RunningMoments(torch.zeros(1))
    >>> for value in (1.0, 2.0, 3.0):
    ...     _ = moments.add(torch.tensor([value]))
    >>> moments.mean, moments.deviation()
    (tensor([2.]), tensor([1.]))
    """

    def __init__(self, like: Tensor) -> None:
        self.count, self.mean, self.sum = 0, torch.zeros_like(like), torch.zeros_like(like)

    def add(self, image: Tensor) -> Tensor:
        """Take in an image; return the mean so far."""
        self.count += 1
        change = image - self.mean
        # Not in place: who was given a mean may keep it.
        self.mean = self.mean + change / self.count
        self.sum += change * (image - self.mean)
        return self.mean

    def deviation(self) -> Tensor:
        """Return the standard deviation of each value; 0 of a single image."""
        return (self.sum / max(1, self.count - 1)).sqrt()
