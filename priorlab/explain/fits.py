"""Fits of one network to four targets: a picture, it with noise, its shuffled pixels, noise.

The experiment is that of D. Ulyanov, A. Vedaldi, V. Lempitsky: Deep Image Prior, CVPR 2018,
figure 2. Nothing stops the fits. A fifth one shows where the prior's own rule stops.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab import restoration
from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity
from priorlab.ground import devices
from priorlab.priors import Generator
from priorlab.trace import Trace

SIDE = 128
"""Most rows and columns of the picture that is fitted: five fits then take about a minute."""
SIGMA = 25 / 255
PICTURE, NOISY, SHUFFLED, NOISE = "picture", "picture + noise", "shuffled pixels", "noise"
CAP = 100.0
"""In dB: what is fitted exactly counts as this."""

Progress = Callable[[str, int, int], object]


@dataclasses.dataclass(frozen=True)
class Fits:
    """What the fits showed.

    Attributes
    ----------
    prior : Generator
        The prior as it is, and the number of steps.
    curves : DataFrame
        A row per target and step: `fit`, the PSNR in dB of the network's output to its target;
        `truth` and `mean_truth`, that of the output and of what the prior makes of the outputs
        so far, clipped to [0, 1], to the clean picture.
    flat : dict of str to float
        For each target the PSNR of the best flat picture: all start from about there.
    noisy : float
        PSNR of the picture with noise.
    stop : int or None
        The step whose image the prior returned when its own rule stopped it.
    returned : float
        The PSNR of that image.
    """

    prior: Generator
    curves: pd.DataFrame
    flat: dict[str, float]
    noisy: float
    stop: int | None
    returned: float

    def of(self, target: str) -> pd.DataFrame:
        """Return the curves of one target by step."""
        return self.curves[self.curves["target"] == target].set_index("step")


def prepare(picture: NDArray[np.float32]) -> tuple[Tensor, str]:
    """Return the picture (1, C, H, W) in a size that is soon fitted, and what was done to it.

    Examples
    --------
    >>> picture, note = prepare(np.zeros((3, 600, 400), np.float32))
    >>> note
    'the picture is cropped and shrunk to 128x128 pixels, to be fitted soon'
    """
    image = torch.from_numpy(picture)[None]
    height, width = image.shape[2:]
    scale = SIDE / min(height, width)
    if scale < 1:
        size = (max(SIDE, round(scale * height)), max(SIDE, round(scale * width)))
        image = torch.nn.functional.interpolate(image, size, mode="bilinear", antialias=True)
    top, left = (max(0, side - SIDE) // 2 for side in image.shape[2:])
    image = image[:, :, top : top + SIDE, left : left + SIDE].clamp(0, 1).contiguous()
    if image.shape[2:] == (height, width):
        return image, ""
    shrunk = " and shrunk" if scale < 1 else ""
    size_text = f"{image.shape[3]}x{image.shape[2]}"
    return image, f"the picture is cropped{shrunk} to {size_text} pixels, to be fitted soon"


def run(
    prior: Generator,
    clean: Tensor,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = lambda target, step, steps: None,
) -> Fits:
    """Fit a generator to a picture, to it with noise, to its shuffled pixels and to noise.

    Parameters
    ----------
    prior : Generator
        Its number of iterations is that of each fit.
    clean : Tensor
        The picture (1, C, H, W) in [0, 1].
    seed : int
        Of the noise, of the order of the pixels, and of the network.
    device : str
        Torch device.
    progress : callable
        Called with the target, the step and the number of steps.

    Raises
    ------
    UsageError
        If the prior fails.
    """
    where = devices.find(device)
    # One trajectory, which several runs are not.
    prior = dataclasses.replace(prior, runs=1)
    targets = _targets(clean, seed)
    endless = _endless(prior)
    tables = []
    for target, image in targets.items():
        recorder = _Recorder(image.to(where), clean.to(where), target, progress)
        _fit(endless, image.to(where), recorder, seed)
        tables.append(recorder.table())
    clean, image = clean.to(where), targets[NOISY].to(where)
    recorder = _Recorder(image, clean, "with its own stop", progress)
    restored = _fit(prior, image, recorder, seed)
    flat = {
        target: float(_psnr(image, image.mean((2, 3), keepdim=True)))
        for target, image in targets.items()
    }
    return Fits(
        prior,
        pd.concat(tables, ignore_index=True),
        flat,
        float(_psnr(targets[NOISY].clamp(0, 1), clean.cpu())),
        recorder.stop,
        float(_psnr(restored.to(where), clean)),
    )


class _Recorder(Trace):
    """Follows a fit: how close it is to its target and to the truth."""

    def __init__(self, target: Tensor, truth: Tensor, name: str, progress: Progress) -> None:
        self.stop: int | None = None
        self._target, self._truth, self._name, self._progress = target, truth, name, progress
        self._rows: list[tuple[int, Tensor]] = []

    def report(
        self,
        iteration: int,
        total: int,
        image: Tensor,
        *,
        output: Tensor | None = None,
        **values: float,
    ) -> None:
        """See `Trace.report`."""
        latest = image if output is None else output
        compared = [
            _psnr(latest, self._target),
            _psnr(latest.clamp(0, 1), self._truth),
            _psnr(image.clamp(0, 1), self._truth),
        ]
        self._rows.append((iteration, torch.stack(compared)))
        self._progress(self._name, iteration, total)

    def returned(self, iteration: int) -> None:
        """See `Trace.returned`."""
        self.stop = iteration

    def table(self) -> pd.DataFrame:
        """Return a row per step."""
        if not self._rows:
            raise UsageError("the prior reports no step of its fit, so there is no curve")
        values = torch.stack([row for _, row in self._rows]).cpu().double().numpy()
        table = pd.DataFrame(values, columns=["fit", "truth", "mean_truth"])
        table.insert(0, "step", [step for step, _ in self._rows])
        table.insert(0, "target", self._name)
        if self._name not in (PICTURE, NOISY):  # the other targets hide no picture
            table[["truth", "mean_truth"]] = np.nan
        return table


def _targets(clean: Tensor, seed: int) -> dict[str, Tensor]:
    """Return the four targets, equal in mean and spread, so that only their order differs."""
    random = torch.Generator().manual_seed(seed)
    pixels = clean.flatten(2)
    order = torch.randperm(pixels.shape[2], generator=random)
    spread = clean.std((2, 3), correction=0, keepdim=True)
    uniform = (torch.rand(clean.shape, generator=random) - 0.5) * 12**0.5
    return {
        PICTURE: clean,
        NOISY: clean + SIGMA * torch.randn(clean.shape, generator=random),
        SHUFFLED: pixels[:, :, order].view_as(clean),
        NOISE: (clean.mean((2, 3), keepdim=True) + spread * uniform).clamp(0, 1),
    }


def _endless(prior: Generator) -> Generator:
    """Return the prior without what ends a fit early, and with a single run."""
    return dataclasses.replace(prior, stop="never", runs=1, langevin=0.0)


def _fit(prior: Generator, target: Tensor, trace: Trace, seed: int) -> Tensor:
    # All targets are said to have the same noise: a prior adapts to its level.
    shape = (1, target.shape[1], target.shape[2], target.shape[3])
    measurement = Measurement(target, Identity(), Gaussian(SIGMA), shape)
    return restoration.attempt(prior, measurement, seed=seed, trace=trace)


def _psnr(image: Tensor, other: Tensor) -> Tensor:
    error = (image - other).square().mean()
    return (-10 * error.log10()).clamp(max=CAP)
