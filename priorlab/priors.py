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
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn
from typing_extensions import override

from priorlab import tuned_parameters
from priorlab.components import Component, parameter
from priorlab.errors import Unsupported, UsageError
from priorlab.forward.degradation import kind_of, serving
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity, Shape
from priorlab.solvers import answers, image_space, stabilised
from priorlab.solvers.image_space import ImageSpaceSettings
from priorlab.solvers.parameter_space import stopping
from priorlab.solvers.parameter_space.fit import fit
from priorlab.solvers.parameter_space.penalties import RED
from priorlab.solvers.parameter_space.settings import FitSettings
from priorlab.solvers.plug_and_play import restoring
from priorlab.solvers.plug_and_play.settings import SolverSettings, check_settings
from priorlab.solvers.posterior import Posterior, Result
from priorlab.solvers.tiles import Locality, in_tiles
from priorlab.trace import SILENT, Trace


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prior(Component, ABC):
    """Abstract base of all priors: recover an image from a measurement.

    A subclass is a frozen dataclass whose fields are its parameters; it keeps no state
    between calls, does not change its input, and treats each image of a batch by itself.

    Attributes
    ----------
    by_default : bool
        Whether a comparison in which no prior is named includes it. False for priors that are
        slow, or that are there for a lesson only.
    defers_to_exact_data : bool
        Whether data without noise replace what the prior returns there. Only plain
        interpolations say False: tables show them as they were published.
    knows_exposure : bool
        Whether the prior assumes that white is near 1, and some contrast. If so, the core scales
        every picture to that; see `priorlab.solvers.exposure`. If not, data and noise times c must
        give the image times c. True for every denoiser, since the levels of its solver are those of
        photographs.
    weighs_photons : bool
        Whether `restore` fits photons that were counted behind an operator by their likelihood. If
        not, as for the core's solvers, the core tells it white Gaussian noise as strong as theirs
        is on average; see `Measurement.with_white_noise`.
    kept_within_noise : bool
        Whether the core takes back what was removed beyond the noise, white or of photons, from
        pixels that were measured; see `priorlab.solvers.noise_limit.within_noise`. For priors that
        leave an image with weak noise worse than it is; a `Denoiser` says `limited_to_noise`.
    optimises : bool
        Whether `restore` uses an optimiser of torch. The first optimiser of a process makes torch
        import a thousand modules; the harness has that done before its clock starts. It is set for
        every regulariser: True if it has no `prox` of its own.
    """

    tuned: bool = parameter(
        True,
        "where all parameters have their defaults, take those tuned for the kind of degradation",
    )
    by_default: ClassVar[bool] = True
    defers_to_exact_data: ClassVar[bool] = True
    knows_exposure: ClassVar[bool] = False
    weighs_photons: ClassVar[bool] = True
    optimises: ClassVar[bool] = False

    @property
    def kept_within_noise(self) -> bool:
        """See the attributes of the class."""
        return False

    def tuned_values(self) -> tuned_parameters.Values:
        """Return what is tuned in place of the defaults, by kind of degradation.

        Empty if a parameter is not at its default: what was tuned holds only together.
        """
        return {} if self != type(self)() else tuned_parameters.values(type(self))

    def settled(self, measurement: Measurement) -> Self:
        """Return the prior with the parameters tuned for data of this kind, if there are any.

        Kinds are in `priorlab.forward.degradation`; some are tuned apart for gray pictures.
        """
        kinds, channels = serving(kind_of(measurement)), measurement.shape[1]
        found = tuned_parameters.fitting(self.tuned_values(), kinds, channels)
        return cast(Self, tuned_parameters.parsed(type(self), found)) if found else self

    def variants(self) -> set[Self]:
        """Return this prior and what `settled` may return instead, to prepare them all."""
        tuned = self.tuned_values().values()
        return {self, *(cast(Self, tuned_parameters.parsed(type(self), given)) for given in tuned)}

    @override
    def fingerprint(self) -> dict[str, Any]:
        values = self.tuned_values()
        return super().fingerprint() | ({"tuned": values} if values else {})

    @property
    def batched(self) -> bool:
        """Whether restoring several images at once may take less time than one after the other.

        The images must be those that each gives alone, up to rounding. Where this is true, a
        comparison with ``--batch N`` measures how many images per second that makes. A prior of
        which it always holds says ``batched: ClassVar[bool] = True``.
        """
        return False

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
            Receives intermediate images.
        seed : int
            The only source of randomness: equal seeds give equal images.

        Returns
        -------
        Tensor
            Float image of shape ``measurement.shape``, on the device of ``measurement.y``.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Regularizer(Prior, ImageSpaceSettings):
    """An explicit prior: ``R(x) = energy(x) / s``, where s is the noise level.

    The core minimises ``nll(A x; y) + energy(x) / s``. With Gaussian noise that is
    ``1/2 |A x - y|^2 + s energy(x)``: the energy is dimensionless in the noise level, so that
    one default weight serves all levels of strong noise. With ``growth=`` less of the energy counts
    where noise is weak.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Dark(Regularizer):
    ...     name = "dark"
    ...     weight: float = parameter(0.1, "weight of the squared values", low=0)
    ...     def energy(self, x):
    ...         return self.weight * x.square().flatten(1).sum(1)
    >>> Dark().energy(torch.ones(2, 1, 4, 5))
    tensor([2., 2.])
    """

    weighs_photons: ClassVar[bool] = False
    share_of_grain: ClassVar[float] = 0.4
    """Of the level of coarse-grained noise, how much is removed from the brightness of a picture in
    colour. An energy that smooths at all scales takes the picture's own detail with the slow part
    of the noise."""
    share_of_gray_grain: ClassVar[float] = 1.0
    """The same of a gray picture, whose noise is finer: no mosaic was filled in."""

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if "optimises" not in vars(cls):
            cls.optimises = cls.prox is Regularizer.prox

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

        checked = answers.checked_image(f"{self.name}: prox", self.prox)

        def prox(v: Tensor, step: float) -> Tensor:
            x = checked(v, step)
            trace.report(1, 1, x)
            return x

        return prox

    def splitting_prox(self) -> Callable[[Tensor, float], Tensor]:
        """Return the `prox` for the calls of a splitting.

        Optional: the arguments of a splitting converge, so that its first calls need not be exact.
        """
        return self.warm_prox()

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Optimise over the image; see `priorlab.solvers.image_space`."""
        if measurement.operator.is_identity and measurement.noise.stabiliser():
            return self._stabilised(measurement, trace)
        energy = answers.checked_energy(self.name, self.energy)
        make_prox = self._checked_prox if self.has_prox else None
        return image_space.minimise(measurement, energy, make_prox, self, trace)

    def _checked_prox(self, trace: Trace | None) -> Callable[[Tensor, float], Tensor]:
        prox = self.splitting_prox() if trace is None else self.warm_prox(trace)
        return answers.checked_image(f"{self.name}: prox", prox)

    def _stabilised(self, measurement: Measurement, trace: Trace) -> Tensor:
        """Make noise white and remove it: with `nll`, one weight smooths dark parts to black."""
        noise, told = measurement.noise, _Convergence(trace)
        share = self.share_of_gray_grain if measurement.shape[1] == 1 else self.share_of_grain
        # Coarse noise of which a share is removed does not need less of the energy besides.
        whole = (
            self if share == 1 or noise.is_independent else dataclasses.replace(self, growth=0.0)
        )

        def white(v: Tensor, sigma: float) -> Tensor:
            return whole._without_white(v, sigma, told)

        return stabilised.denoise(white, measurement.y, noise, scales=1, share=share)

    def _without_white(self, v: Tensor, sigma: float, trace: Trace) -> Tensor:
        """Return an image (B, C, H, W) without its white noise of level `sigma`."""
        noisy = Measurement(v, Identity(), Gaussian(sigma), (v.shape[0], *v.shape[1:]))
        return self.restore(noisy, trace, 0)

    @property
    def has_prox(self) -> bool:
        """Whether the subclass wrote `prox`."""
        return type(self).prox is not Regularizer.prox


class _Convergence(Trace):
    """Passes on whether an iteration converged, and no image: what it shows is transformed."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    @override
    def converged(self, reached: bool, residual: float) -> None:
        self.trace.converged(reached, residual)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Denoiser(Prior, SolverSettings):
    """An implicit prior: a method that removes Gaussian noise of a known level.

    Plug-and-play makes of it a method for every task; `solver` says how, and the other settings are
    of that solver. `posterior` has the mean and the uncertainty that ``solver="ula"`` samples.

    Examples
    --------
    >>> class Mean(Denoiser):
    ...     name = "mean"
    ...     def denoise(self, v, sigma):
    ...         return v.mean((2, 3), keepdim=True).expand_as(v)
    >>> Mean(steps=8).spec()
    'mean:steps=8'
    """

    knows_exposure: ClassVar[bool] = True
    weighs_photons: ClassVar[bool] = False

    @property
    def limited_to_noise(self) -> bool:
        """Whether an image with noise alone keeps what `denoise` removed beyond the noise.

        For priors that take what is unlike the pictures they know for noise, however much that is;
        see `priorlab.solvers.noise_limit`. A prior of which it always holds says
        ``limited_to_noise: ClassVar[bool] = True``.
        """
        return False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_settings(self.name, self)

    @abstractmethod
    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return `v`, float (B, C, H, W) in about [0, 1], without its noise of level `sigma`.

        `sigma` is a standard deviation on the [0, 1] scale.
        """

    def denoise_in_step(self, v: Tensor, sigma: float, step: int) -> Tensor:
        """Return the image without its noise, as well as one step of plug-and-play needs it.

        Optional: later steps correct what an earlier one left. So a prior may do less work than in
        `denoise`, and another part of it in each `step`, which counts from 0. Solvers that draw
        samples call `denoise` instead.
        """
        return self.denoise(v, sigma)

    def locality(self, channels: int, sigma: float) -> Locality | None:
        """Return how far `denoise` looks; None, the default, if a pixel may depend on all others.

        Optional: with it, large images are denoised in tiles, within bounded memory.
        """
        return None

    def denoise_in_tiles(self, v: Tensor, sigma: float) -> Tensor:
        """Return what `denoise` returns, tile by tile if `v` is large and the prior is local."""
        denoise = answers.checked_image(f"{self.name}: denoise", self.denoise)
        return self._in_tiles(lambda part: denoise(part, sigma), v, sigma)

    def _in_tiles(self, work: Callable[[Tensor], Tensor], v: Tensor, sigma: float) -> Tensor:
        return in_tiles(work, v, self.locality(v.shape[1], sigma))

    def _in_steps(self) -> Callable[[Tensor, float], Tensor]:
        """Return the denoiser for the steps of one restoration, which it counts."""
        steps = itertools.count()
        in_step = type(self).denoise_in_step is not Denoiser.denoise_in_step
        written = "denoise_in_step" if in_step else "denoise"

        def next_step(v: Tensor, sigma: float) -> Tensor:
            step = next(steps)
            denoise = answers.checked_image(
                f"{self.name}: {written}",
                lambda part, sigma: self.denoise_in_step(part, sigma, step),
            )
            return self._in_tiles(lambda part: denoise(part, sigma), v, sigma)

        return next_step

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Solve by plug-and-play; see `priorlab.solvers.plug_and_play`."""
        return self._solved(measurement, trace, seed).image

    def posterior(
        self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0
    ) -> Posterior:
        """Return the mean and the standard deviation of the images that may lie behind the data.

        Parameters
        ----------
        measurement : Measurement
            The data, the operator and the noise model.
        trace : Trace
            Receives intermediate images.
        seed : int
            The only source of randomness: equal seeds give equal results.

        Raises
        ------
        UsageError
            If the solver draws no samples; ``solver=ula`` does.

        Examples
        --------
        >>> class Mean(Denoiser):
        ...     name = "mean"
        ...     def denoise(self, v, sigma):
        ...         return v.mean((2, 3), keepdim=True).expand_as(v)
        >>> y = torch.zeros(1, 1, 8, 8)
        >>> measurement = Measurement(y, Identity(), Gaussian(0.1), (1, 1, 8, 8))
        >>> posterior = Mean(solver="ula", steps=50).posterior(measurement)
        >>> posterior.mean.shape, bool((posterior.deviation > 0).all())
        (torch.Size([1, 1, 8, 8]), True)
        """
        return Posterior.of(
            self._solved(measurement, trace, seed),
            f"{self.name}: solver={self.text('solver')} returns one image and no posterior;"
            " solver=ula samples it",
        )

    def _solved(self, measurement: Measurement, trace: Trace, seed: int) -> Result:
        return restoring.restore(
            self.denoise_in_tiles,
            measurement,
            self,
            trace,
            seed,
            self._in_steps,
            to_noise=self.limited_to_noise,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generator(Prior, FitSettings):
    """A parametric prior: images that a network ``x = g_theta(z)`` makes for a fixed code z.

    The core optimises over theta from a random start and stops early: structure is fitted
    before noise (Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, CVPR 2018). What was measured
    without noise, such as known pixels, is returned as it is.

    Examples
    --------
    >>> class Pixels(Generator):
    ...     name = "pixels"
    ...     def make_network(self, shape):
    ...         return nn.Sequential(nn.Conv2d(8, shape[1], 1), nn.Sigmoid())
    ...     def make_code(self, shape):
    ...         return torch.rand(1, 8, *shape[2:])
    >>> prior, shape = Pixels(iterations=100), (1, 3, 16, 20)
    >>> prior.make_network(shape)(prior.make_code(shape)).shape
    torch.Size([1, 3, 16, 20])
    """

    weighs_photons: ClassVar[bool] = False
    optimises: ClassVar[bool] = True
    red: Denoiser | None = parameter(
        None, "an installed denoiser, such as bm3d, as a second prior", component="priors"
    )
    weight_red: float = parameter(0.5, "weight of that denoiser", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.langevin and self.stop != "never":
            raise UsageError(f"{self.name}: langevin= samples to the end; it needs stop=never")
        if self.red is None and self.weight_red != type(self).weight_red:
            raise UsageError(f"{self.name}: weight_red= needs red=")

    @property
    @override
    def batched(self) -> bool:
        return self.batch > 1

    @property
    @override
    def kept_within_noise(self) -> bool:
        return not self.langevin

    def prepare(self, device: torch.device, channels: int) -> None:
        """Prepare the denoiser, if there is one; see `Prior.prepare`."""
        if self.red:
            self.red.prepare(device, channels)

    def unsupported(self, measurement: Measurement) -> str | None:
        """Return what the stopping rule or the denoiser needs; see `Prior.unsupported`."""
        if self.red and (reason := self.red.unsupported(_as_noisy_image(measurement))):
            return f"red={self.red.name}: {reason}"
        if measurement.has_outliers:  # they become missing pixels of exact data
            return None
        return stopping.unsupported(self.stop, measurement.noise)

    @abstractmethod
    def make_network(self, shape: Shape) -> nn.Module:
        """Return a fresh network that maps `make_code(shape)` to an image of `shape`.

        Its weights are drawn from torch's global generator, which the core seeds.
        """

    @abstractmethod
    def make_code(self, shape: Shape) -> Tensor:
        """Return the fixed input z of the network, drawn from torch's global generator.

        Its shape is (1, channels, height, width), of any height and width.
        """

    def code_for(self, measurement: Measurement) -> Tensor:
        """Return the input of the network for one image: by default `make_code` of its shape.

        In `measurement`, data that a stopping rule keeps from the fit are interpolated from those
        around them.
        """
        return self.make_code(measurement.shape)

    def restore(self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0) -> Tensor:
        """Optimise over the parameters; see `priorlab.solvers.parameter_space`."""
        return self._fitted(measurement, trace, seed).image

    def posterior(
        self, measurement: Measurement, trace: Trace = SILENT, seed: int = 0
    ) -> Posterior:
        """Return the mean and the standard deviation of the images that ``langevin=`` samples.

        They are those of the second half of the outputs, of all runs together. Parameters and
        errors are those of `Denoiser.posterior`: without ``langevin=`` nothing is sampled.

        Examples
        --------
        >>> class Pixels(Generator):
        ...     name = "pixels"
        ...     def make_network(self, shape):
        ...         return nn.Sequential(nn.Conv2d(8, shape[1], 1), nn.Sigmoid())
        ...     def make_code(self, shape):
        ...         return torch.rand(1, 8, *shape[2:])
        >>> y = torch.zeros(1, 1, 8, 8)
        >>> measurement = Measurement(y, Identity(), Gaussian(0.1), (1, 1, 8, 8))
        >>> sampled = Pixels(iterations=9, langevin=1.0, stop="never").posterior(measurement)
        >>> sampled.mean.shape, bool((sampled.deviation > 0).all())
        (torch.Size([1, 1, 8, 8]), True)
        """
        return Posterior.of(
            self._fitted(measurement, trace, seed),
            f"{self.name}: langevin=0 returns one image and no posterior; langevin=1,stop=never"
            " samples it",
        )

    def _fitted(self, measurement: Measurement, trace: Trace, seed: int) -> Result:
        def make_network(shape: Shape) -> nn.Module:
            return answers.checked_network(self.name, self.make_network(shape), shape)

        def make_code(measurement: Measurement) -> Tensor:
            return answers.checked_code(self.name, self.code_for(measurement))

        red = None
        if self.red:
            denoise = answers.checked_image(f"{self.red.name}: denoise", self.red.denoise)
            red = RED(denoise, self.weight_red)
        result = fit(make_network, make_code, measurement, self, trace, seed, red)
        return result._replace(image=stabilised.with_counted_light(result.image, measurement))


def _as_noisy_image(measurement: Measurement) -> Measurement:
    """Return what a denoiser is given during a fit: an image with Gaussian noise."""
    y = torch.zeros(measurement.shape, device=measurement.y.device)
    return Measurement(y, Identity(), Gaussian(measurement.noise.level), measurement.shape)
