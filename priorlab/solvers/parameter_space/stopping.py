"""When to stop a fit without knowing the truth: rules, each as one class.

A fit first comes closer to the truth and then, fitting the noise, departs from it. Each rule
looks at the fit after every step and keeps the image that it considers the best so far.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from typing_extensions import override

from priorlab.errors import Unsupported
from priorlab.forward.interpolation import fill_missing
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise

INTERVAL = 10
"""Steps between two looks that need the image on the host."""


class StoppingRule(ABC):
    """Follows one fit.

    Attributes
    ----------
    best : Tensor
        The image that the rule considers the best so far, shape (1, C, H, W).
    best_step : int
        The step that made it.
    """

    PATIENCE: ClassVar[int] = 20
    GROWTH: ClassVar[float] = 0.1
    """A fit ends `PATIENCE` steps after the best image, and `GROWTH` times as many as led to it:
    progress slows down with time. results/tuning-dip.md has what else was tried."""

    def __init__(self, measurement: Measurement) -> None:
        """Prepare for a fit to the `measurement` of a single image."""
        self.measurement = measurement
        self.best = torch.zeros(measurement.shape, device=measurement.y.device)
        self.best_step = 0

    def hide(self, u: Tensor) -> Tensor:
        """Return the data `u` that the fit made, without what it must not learn from."""
        return u

    def seen(self) -> Measurement:
        """Return the measurement, without what the fit must not learn from."""
        return self.measurement

    def keep(self, step: int, image: Tensor) -> None:
        """Keep the image of this step as the best."""
        self.best.copy_(image)
        self.best_step = step

    def waited(self, step: int) -> bool:
        """Return whether no better image has come for long."""
        return step >= (1 + self.GROWTH) * self.best_step + self.PATIENCE

    @abstractmethod
    def finished(self, step: int, image: Tensor, output: Tensor, last: bool) -> bool:
        """Look at the running mean `image` and the latest `output`; return whether to stop.

        `last` says that the fit ends with this step in any case.
        """


class Never(StoppingRule):
    """Runs all steps and returns the last image."""

    @override
    def finished(self, step: int, image: Tensor, output: Tensor, last: bool) -> bool:
        if last:
            self.keep(step, image)
        return False


class HeldOut(StoppingRule):
    """Keeps a few measured pixels from the fit, and the image that came closest to them.

    Noise that is independent from pixel to pixel cannot be predicted from the other pixels. So
    while a fit learns structure, it comes closer to the pixels that it does not see, and from
    when it learns the others' noise, it departs from them.
    """

    FRACTION: ClassVar[float] = 0.06
    """Share of the pixels of a gray `y` that are held out; of a colour one a third of it, which
    makes as many values."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        shape = measurement.y.shape
        # Of a picture all channels of a pixel are held out together.
        channels, size = (shape[1], (1, *shape[2:])) if len(shape) > 3 else (1, tuple(shape[1:]))
        kept = torch.rand(1, *size) >= self.FRACTION / channels
        self.kept = kept.to(measurement.y.device)
        self.least = float("inf")

    def hide(self, u: Tensor) -> Tensor:
        """Return `u` with the held-out pixels made perfect: no loss, no gradient."""
        return torch.where(self.kept, u, self.measurement.y)

    @override
    def seen(self) -> Measurement:
        """Return the measurement with held-out pixels interpolated from those around them.

        Data that are no picture stay as they are.
        """
        y, known = self.measurement.y, self.measurement.operator.known_pixels
        if y.ndim != 4 or y.is_complex():
            return self.measurement
        there = self.kept if known is None else self.kept * known
        y = torch.where(self.kept, y, fill_missing(y, there))
        return dataclasses.replace(self.measurement, y=y)

    def finished(self, step: int, image: Tensor, output: Tensor, last: bool) -> bool:
        """Return whether no better image has come for long."""
        if step % INTERVAL and not last:
            return False
        y = self.measurement.y
        unseen = torch.where(self.kept, y, self.measurement.operator.forward(image))
        error = float(self.measurement.noise.fit_loss(unseen, y))
        if error < self.least:
            self.least = error
            self.keep(step, image)
        return self.waited(step)


class MovingVariance(StoppingRule):
    """ES-WMV: stops where the outputs change least, measured by their variance in a window.

    While the network fits the picture its outputs change; near the best they hardly do; then
    they begin to follow the noise. The variance comes from running sums, at the same cost for
    any window, of outputs at half the size.

    Source: H. Wang et al., "Early stopping for deep image prior", TMLR 2023. Different from
    theirs: a variance is smaller only if it falls faster than a power of the step, since on the
    plateau near the best it wanders up and down, and the least one may come long after; and a
    smaller one is awaited for far less than their 1000 steps.
    """

    WINDOW: ClassVar[int] = 95
    FALL: ClassVar[float] = 0.2
    """Power of the step by which the variance is multiplied before it is compared."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        self.window: Tensor | None = None
        self.best_step = self.WINDOW
        self.found = torch.tensor(self.best_step, device=self.best.device)
        """The step of the least variance: `best_step`, always known, on the device."""
        self.least = torch.tensor(float("inf"), dtype=torch.float64, device=self.best.device)
        self.sum = self.squares = torch.zeros(())
        self.lengths = torch.zeros(self.WINDOW, dtype=torch.float64, device=self.best.device)

    def variance(self, step: int, output: Tensor) -> Tensor | None:
        """Take in an output; return the variance of the window that it completes, if it does."""
        small = avg_pool2d(output, 2, ceil_mode=True).double()
        if self.window is None:
            # Relative to the first output, so that no digits cancel in the difference below.
            self.origin = small
            self.window = torch.zeros(self.WINDOW, *small.shape[1:], device=small.device)
            self.sum = torch.zeros_like(small)
            self.squares = torch.zeros((), dtype=torch.float64, device=small.device)
        # Rounded once, so that exactly what was added is taken away again.
        entering = (small - self.origin).float()[0]
        place = (step - 1) % self.WINDOW
        self.sum += entering.double() - self.window[place].double()
        length = entering.double().square().mean()
        self.squares += length - self.lengths[place]
        self.window[place], self.lengths[place] = entering, length
        if step < self.WINDOW:
            return None
        return self.squares / self.WINDOW - (self.sum / self.WINDOW).square().mean()

    def finished(self, step: int, image: Tensor, output: Tensor, last: bool) -> bool:
        """Return whether the variance has not become smaller for long."""
        variance = self.variance(step, output)
        if variance is not None:
            weighted = variance * step**self.FALL
            less = weighted < self.least
            self.least = torch.where(less, weighted, self.least)
            self.found = torch.where(less, step, self.found)
        self.best.copy_(torch.where(self.found == step, image, self.best))
        # Asking the device costs time, so only where the answer may end the fit.
        if last or self.waited(step):
            self.best_step = int(self.found)
            if step < self.best_step:
                self.keep(step, image)
        return self.waited(step)


class Discrepancy(StoppingRule):
    """Stops when the residual has become as small as the noise (Morozov's principle).

    A smaller one would be fitting noise. For Gaussian and Poisson noise, of a level that is known
    to a few per cent: at 10 % more or less it stops far too early or too late.
    """

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        if problem := unsupported("discrepancy", measurement.noise):
            raise Unsupported(problem)
        known = measurement.operator.known_pixels
        self.known = torch.ones(()) if known is None else known
        """Which of the data are measured: the others have no residual."""

    def finished(self, step: int, image: Tensor, output: Tensor, last: bool) -> bool:
        """Return whether the mean squared residual of `image` is that of noise."""
        if step % INTERVAL and not last:
            return False
        self.keep(step, image)
        u, y = self.measurement.operator.forward(image), self.measurement.y
        expected = float((self.known.to(image.device) * self.measurement.noise.variance(u)).mean())
        residual = float((u - y).abs().square().mean())
        return residual <= expected


class Median(StoppingRule):
    """Asks the three other rules, and takes the middle one of the steps that they choose.

    Each errs in its own way: held-out pixels stop too early in texture, the moving variance too
    late in small or smooth pictures, the discrepancy anywhere if the noise is not of the level
    that it is said to have.
    """

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        self.held_out = HeldOut(measurement)
        self.rules = [self.held_out, MovingVariance(measurement), Discrepancy(measurement)]
        self.following = list(self.rules)

    @override
    def hide(self, u: Tensor) -> Tensor:
        return self.held_out.hide(u)

    @override
    def seen(self) -> Measurement:
        return self.held_out.seen()

    def finished(self, step: int, image: Tensor, output: Tensor, last: bool) -> bool:
        """Return whether it is clear which step is in the middle."""
        self.following = [
            rule for rule in self.following if not rule.finished(step, image, output, last)
        ]
        decided = [rule.best_step for rule in self.rules if rule not in self.following]
        # The best step of a rule only ever becomes a later one.
        clear = len(decided) >= 2 and all(rule.best_step >= max(decided) for rule in self.following)
        if clear or last:
            middle = sorted(self.rules, key=lambda rule: rule.best_step)[1]
            self.best, self.best_step = middle.best, middle.best_step
        return clear


RULES: dict[str, type[StoppingRule]] = {
    "median": Median,
    "discrepancy": Discrepancy,
    "es-wmv": MovingVariance,
    "held-out": HeldOut,
    "never": Never,
}
"""The rules by the name that `stop` of a generator takes."""


def has_known_level(noise: Noise) -> bool:
    """Return whether the size of the residual, and held-out data, depend on the noise alone.

    Examples
    --------
    >>> from priorlab.forward.noise import Gaussian, SaltAndPepper
    >>> has_known_level(Gaussian(0.1)), has_known_level(SaltAndPepper(0.2))
    (True, False)
    """
    return noise.is_zero_mean and noise.is_independent


def unsupported(name: str, noise: Noise) -> str | None:
    """Return in one line why the rule `name` cannot follow a fit to noisy data, or None.

    Examples
    --------
    >>> from priorlab.forward.noise import SaltAndPepper
    >>> unsupported("discrepancy", SaltAndPepper(0.2))
    'stop=discrepancy needs Gaussian or Poisson noise'
    """
    if name in ("discrepancy", "median") and not has_known_level(noise):
        return f"stop={name} needs Gaussian or Poisson noise"
    return None


def rule_for(name: str, measurement: Measurement) -> StoppingRule:
    """Return the rule `name` for a fit to the measurement of a single image.

    "auto" is the median where the noise has a level and is independent from pixel to pixel, as
    its rules need.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Denoise
    >>> type(rule_for("auto", Denoise().measure(torch.zeros(1, 1, 16, 16), seed=0))).__name__
    'Median'
    """
    if name == "auto":
        name = "median" if has_known_level(measurement.noise) else "es-wmv"
    return RULES[name](measurement)
