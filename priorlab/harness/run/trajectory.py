"""The trajectory of an iterative prior: how close its intermediate images are to the truth.

The best of them is the oracle: what a prior could have returned had it known the truth. The
prior itself never sees any of this.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorlab.harness.report.statistics import PSNR_CAP
from priorlab.pictures import arrays
from priorlab.tasks.base import Protocol

TIE = 1e-3
"""Decibels by which an image must be better than the returned one to count as the oracle: the
returned one is rounded before it is scored."""
MOST_POINTS = 256
"""Of a longer curve every second point is left out, again and again."""


class Trajectory:
    """Measures the PSNR of images as the metric `psnr` does.

    Parameters
    ----------
    truth : Tensor
        The clean image (1, C, H, W) in [0, 1], on the device on which the prior works.
    protocol : Protocol
        What is compared of the images.
    """

    def __init__(self, truth: Tensor, protocol: Protocol) -> None:
        self._truth = truth
        height, width = truth.shape[2:]
        border = protocol.border(height, width)
        self._rows, self._columns = slice(border, height - border), slice(border, width - border)
        self._weights: Tensor | None = None
        if protocol.channels == "luma" and truth.shape[1] == 3:
            self._weights = _luma_weights().to(truth.device)
        self._least = math.inf
        self._best: int | None = None
        self._seen = 0
        self._step = 1
        self._curve: list[tuple[int, float, float]] = []

    def see(self, iteration: int, seconds: float, image: Tensor) -> None:
        """Measure the image of an iteration; anything but an image of that shape is ignored.

        `seconds` is how long the prior had worked by then.
        """
        if image.shape != self._truth.shape:
            return
        with torch.no_grad():
            error = (image.clamp(0, 1) - self._truth)[..., self._rows, self._columns]
            if self._weights is not None:
                error = torch.tensordot(error, self._weights, ([1], [0]))
            mean = float(error.square().mean())
        if mean < self._least:  # never where it is NaN
            self._best, self._least = iteration, mean
        if not self._seen % self._step and math.isfinite(mean):
            psnr = min(_psnr(mean), PSNR_CAP)
            self._curve.append((iteration, round(seconds, 4), round(psnr, 3)))
        self._seen += 1
        if len(self._curve) > MOST_POINTS:
            self._curve = self._curve[::2]
            self._step *= 2

    def facts(
        self, psnr: float, last: int | None, stop: int | None, before: int | None = None
    ) -> dict[str, Any]:
        """Return `stop`, `oracle_step`, `oracle_psnr` and `curve`, as far as they are known.

        Of several fits all count from the first iteration of the last one: what came before is 0
        or less.

        Parameters
        ----------
        psnr : float
            Of the image that was returned: the oracle is at least as good.
        last, stop : int or None
            The last iteration that was reported, and the one whose image was returned.
        before : int, optional
            How many iterations came before the last fit.
        """
        if before is None or stop is None or before >= stop:
            before = 0
        facts: dict[str, Any] = {"stop": None if stop is None else stop - before}
        if self._best is None or last is None:
            return facts
        step = self._best
        oracle_psnr = _psnr(self._least)
        if psnr > oracle_psnr - TIE:
            step, oracle_psnr = last if stop is None else stop, psnr
        points = [(iteration - before, *point) for iteration, *point in self._curve]
        curve = json.dumps(points, separators=(",", ":"))
        return facts | {"oracle_step": step - before, "oracle_psnr": oracle_psnr, "curve": curve}


def _psnr(error: float) -> float:
    """Return the PSNR that belongs to a mean squared error."""
    return -10 * math.log10(error) if error else math.inf


def _luma_weights() -> Tensor:
    """Return what the luma of each channel counts; its offset cancels in differences."""
    colours = np.eye(3, dtype=np.float32)[:, :, None]
    return torch.from_numpy((arrays.luma(colours) - arrays.luma(0 * colours))[0, :, 0])
