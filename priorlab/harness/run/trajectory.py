"""The trajectory of an iterative prior: how close its intermediate images are to the truth.

The best of them is the oracle: what a prior could have returned had it known the truth. The
prior itself never sees any of this.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorlab.pictures import arrays
from priorlab.tasks.base import Protocol

SHARE = 0.1
"""Measuring takes at most about this share of the time that restoring takes: where steps are
too short for that, only some are measured, and the oracle is a lower bound."""

TIE = 1e-3
"""Decibels by which an image must be better than the returned one to count as the oracle: the
returned one is rounded before it is scored."""


class Trajectory:
    """Measures the PSNR of images as the metric `psnr` does, without waiting for a GPU.

    Parameters
    ----------
    truth : Tensor
        The clean image (1, C, H, W) in [0, 1], on the device on which the prior works.
    protocol : Protocol
        What is compared of the images.

    Attributes
    ----------
    spent : float
        Seconds that measuring took so far.
    """

    def __init__(self, truth: Tensor, protocol: Protocol) -> None:
        self.spent = 0.0
        self._truth = truth
        height, width = truth.shape[2:]
        border = protocol.border(height, width)
        self._rows, self._columns = slice(border, height - border), slice(border, width - border)
        self._weights: Tensor | None = None
        if protocol.channels == "luma" and truth.shape[1] == 3:
            self._weights = _luma_weights().to(truth.device)
        self._least = torch.full((), torch.inf, device=truth.device)
        self._best = torch.full((), -1, device=truth.device)
        self._last: int | None = None
        self._stop: int | None = None
        self._began: float | None = None

    def see(self, iteration: int, image: Tensor) -> None:
        """Measure an image if it is time to; anything but an image of that shape is ignored."""
        start = time.perf_counter()
        number = whole_number(iteration)
        if number is None:
            return
        self._last = number
        self._began = start if self._began is None else self._began
        if self.spent > SHARE * (start - self._began - self.spent):
            return
        try:
            with torch.no_grad():
                self._measure(number, image)
        except Exception:  # a plugin may report anything; that must not cost its result
            return
        finally:
            self.spent += time.perf_counter() - start

    def returned(self, iteration: int) -> None:
        """Note that the image of `iteration` is the one that is returned."""
        number = whole_number(iteration)
        self._stop = self._stop if number is None else number

    def facts(self, psnr: float) -> dict[str, Any]:
        """Return `stop`, `oracle_step` and `oracle_psnr`, as far as they are known.

        Parameters
        ----------
        psnr : float
            Of the image that was returned: the oracle is at least as good.
        """
        facts: dict[str, Any] = {"stop": self._stop}
        step, error = int(self._best), float(self._least)
        if step < 0 or self._last is None:
            return facts
        oracle_psnr = -10 * math.log10(error) if error else math.inf
        if psnr > oracle_psnr - TIE:
            step, oracle_psnr = self._last if self._stop is None else self._stop, psnr
        return facts | {"oracle_step": step, "oracle_psnr": oracle_psnr}

    def _measure(self, iteration: int, image: Tensor) -> None:
        if image.shape != self._truth.shape:
            return
        error = (image.clamp(0, 1) - self._truth)[..., self._rows, self._columns]
        if self._weights is not None:
            error = torch.tensordot(error, self._weights, ([1], [0]))
        mean = error.square().mean()
        better = mean < self._least  # never where it is NaN
        self._best = torch.where(better, iteration, self._best)
        self._least = torch.where(better, mean, self._least)


def whole_number(value: Any) -> int | None:
    """Return what a plugin reports as a number of steps, or None if it cannot be stored as one.

    Examples
    --------
    >>> whole_number(torch.tensor(12)), whole_number(float("nan"))
    (12, None)
    """
    try:
        number = int(value)
    except Exception:  # a plugin may report anything
        return None
    return number if 0 <= number < 2**63 else None


def _luma_weights() -> Tensor:
    """Return what the luma of each channel counts; its offset cancels in differences."""
    colours = np.eye(3, dtype=np.float32)[:, :, None]
    return torch.from_numpy((arrays.luma(colours) - arrays.luma(0 * colours))[0, :, 0])
