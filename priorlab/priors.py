"""A prior is an idea of what a natural image looks like; this file says what one is.

A prior has one of three forms, and a plugin writes only that form:

- `Regularizer`: how unnatural an image is, ``energy(x)`` and, where known, ``prox(v, step)``;
- `Denoiser`: how to clean an image, ``denoise(v, sigma)``;
- `Generator`: a network whose outputs look natural, ``make_network(shape)`` and its input,
  ``make_code(shape)``.

The core turns each form into a method for every task: `priorlab.solvers`.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from priorlab.errors import Unsupported, UsageError
from priorlab.forward import impulses
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, Poisson
from priorlab.forward.operators import Shape
from priorlab.specs import Component, parameter
from priorlab.trace import SILENT, Trace


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prior(Component, ABC):
    """Abstract base of all priors: recover an image from a measurement.

    A subclass is a frozen dataclass whose fields are its parameters; it keeps no state
    between calls, does not change its input, and treats each image of a batch by itself.

    Attributes
    ----------
    by_default : bool
        Whether a comparison in which no prior is named includes it: those that are slow, or
        there for a lesson only, wait until they are asked for.
    """

    by_default: ClassVar[bool] = True

    def prepare(self, device: torch.device, channels: int) -> None:
        """Load what is loaded once, such as weights; the harness does not time this."""

    def unsupported(self, measurement: Measurement) -> str | None:
        """Return in one line why this prior cannot treat the measurement, or None."""
        return None

    def require(self, measurement: Measurement) -> None:
        """Raise `Unsupported` if this prior cannot treat the measurement."""
        if reason := self.unsupported(measurement):
            raise Unsupported(f"{self.name}: {reason}")

    @abstractmethod
    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Return the restored image.

        Parameters
        ----------
        measurement : Measurement
            The data, the operator and the noise model.
        trace : Trace
            Is told of intermediate images.
        seed : int
            The only source of randomness: equal seeds give equal images.

        Returns
        -------
        Tensor
            Float image of shape ``measurement.shape``, on the device of ``measurement.y``.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Regularizer(Prior):
    """An explicit prior: ``R(x) = energy(x) / s``, where s is the noise level.

    The core minimises ``nll(A x; y) + energy(x) / s``. With Gaussian noise that is
    ``1/2 |A x - y|^2 + s energy(x)``: the energy is dimensionless in the noise level, so that
    one default weight serves all of them.
    """

    @abstractmethod
    def energy(self, x: Tensor) -> Tensor:
        """Return how unnatural each image is: shape (B,), differentiable almost everywhere."""

    def prox(self, v: Tensor, step: float) -> Tensor:
        """Return argmin over x of ``energy(x) + |x - v|^2 / (2 step)``.

        Optional: without it the core minimises the energy, which must then be smooth, by its
        gradient.
        """
        raise Unsupported(f"{self.name} has no prox")

    def warm_prox(self, trace: Trace = SILENT) -> Callable[[Tensor, float], Tensor]:
        """Return the `prox` for the calls of one minimisation.

        Optional: an iterative prox may begin each call where the one before ended, and report
        its progress to `trace`. What it remembers lives and dies with what is returned here.
        """

        def prox(v: Tensor, step: float) -> Tensor:
            x = self.prox(v, step)
            trace.report(1, 1, x)
            return x

        return prox

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Optimise over the image; see `priorlab.solvers.image_space`."""
        from priorlab.solvers import image_space

        return image_space.minimise(self, measurement, trace)

    @property
    def has_prox(self) -> bool:
        """Whether the subclass wrote `prox`."""
        return type(self).prox is not Regularizer.prox


@dataclasses.dataclass(frozen=True, kw_only=True)
class Denoiser(Prior):
    """An implicit prior: a method that removes Gaussian noise of a known level."""

    @abstractmethod
    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v`, float (B, C, H, W) in about [0, 1], without its noise of level `sigma`.

        `sigma` is a standard deviation on the [0, 1] scale.
        """

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Plug the denoiser into a splitting; see `priorlab.solvers.plug_and_play`."""
        from priorlab.solvers import plug_and_play

        return plug_and_play.restore(self, measurement, trace)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generator(Prior):
    """A parametric prior: images that a network ``x = g_theta(z)`` makes for a fixed code z.

    The core optimises over theta from a random start and stops early: structure is fitted
    before noise (Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, CVPR 2018). What was measured
    without noise, such as known pixels, is returned as it is.
    """

    iterations: int = parameter(450, "most steps of the optimiser", low=1)
    learning_rate: float = parameter(0.08, "step size of Adam", low=0)
    warm_up: int = parameter(
        60,
        "steps in which Muon optimises the kernels, before Adam gradually does; all steps without"
        " noise, with a quarter of Adam's step size for the rest",
        low=0,
    )
    perturbation: float = parameter(
        0.25,
        "noise added to the code in each step, relative to the measurement's level, which counts"
        " as 14 (0-255) at least, and 1.7 times in gray pictures",
        low=0,
    )
    averaging: float = parameter(
        0.99, "decay of the running mean of the outputs; 0 returns the last one", low=0, high=1
    )
    stop: str = parameter(
        "auto",
        "what ends a fit to noisy data early: a residual as small as the noise (discrepancy), the"
        " moving variance of the outputs (es-wmv), a few pixels kept from the fit (held-out), the"
        " median of these three, or nothing; auto is the median where the noise is Gaussian or"
        " Poisson, else es-wmv",
        choices=("auto", "median", "discrepancy", "es-wmv", "held-out", "never"),
    )
    runs: int = parameter(1, "independent fits, whose mean is the result", low=1)
    batch: int = parameter(
        1,
        "networks fitted together, of several images or runs: as one on a GPU, on a CPU in a"
        " thread each",
        low=1,
    )
    langevin: float = parameter(
        0.0,
        "noise added to the kernels in each step, in units of the learning rate; the mean of the"
        " second half of the outputs is the result, with its uncertainty; with stop=never",
        low=0,
    )
    weight_tv: float = parameter(0.0, "weight of the total variation of the image", low=0)
    red: str = parameter("", "an installed denoiser, such as bm3d, as a second prior")
    weight_red: float = parameter(0.5, "weight of that denoiser", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.langevin and self.stop != "never":
            raise UsageError(f"{self.name}: langevin= samples to the end; it needs stop=never")
        if self.red:
            from priorlab.solvers import companions

            companions.denoiser(self.red)
        elif self.weight_red != type(self).weight_red:
            raise UsageError(f"{self.name}: weight_red= needs red=")

    def unsupported(self, measurement: Measurement) -> str | None:
        """Return that the stopping rule does not know the noise; see `Prior.unsupported`."""
        known = isinstance(measurement.noise, Gaussian | Poisson)
        needs = self.stop in ("discrepancy", "median")
        if needs and not (known or impulses.detectable(measurement)):
            return f"stop={self.stop} needs Gaussian or Poisson noise"
        return None

    @abstractmethod
    def make_network(self, shape: Shape) -> nn.Module:
        """Return a fresh network that maps `make_code(shape)` to an image of `shape`.

        Its weights are drawn from torch's global generator, which the core seeds.
        """

    @abstractmethod
    def make_code(self, shape: Shape) -> Tensor:
        """Return the fixed input z of the network, drawn from torch's global generator."""

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Optimise over the parameters; see `priorlab.solvers.parameter_space`."""
        from priorlab.solvers import parameter_space

        return parameter_space.fit(self, measurement, trace, seed)
