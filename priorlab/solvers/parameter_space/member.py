"""One network of a fit: its code, its random state, its running mean, its stopping rule."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from priorlab.forward.measurement import Measurement
from priorlab.forward.operators import Shape
from priorlab.ground import precision
from priorlab.randomness import seed_torch
from priorlab.solvers.exact_data import agreeing
from priorlab.solvers.parameter_space.settings import (
    LEAST_PERTURBED,
    MEMORY,
    MEMORY_OF_EXACT,
    NOTICEABLE,
    FitSettings,
)
from priorlab.solvers.parameter_space.stopping import rule_for
from priorlab.solvers.running_moments import RunningMoments

MakeNetwork = Callable[[Shape], nn.Module]
MakeCode = Callable[[Measurement], Tensor]


def noisy(measurement: Measurement) -> bool:
    """Return whether there is noise that must not be fitted.

    Examples
    --------
    >>> from priorlab.forward.noise import Gaussian, NoNoise
    >>> from priorlab.forward.operators import Identity
    >>> y = torch.zeros(1, 1, 16, 16)
    >>> [noisy(Measurement(y, Identity(), noise, y.shape)) for noise in (Gaussian(0.1), NoNoise())]
    [True, False]
    """
    return measurement.noise.level > NOTICEABLE


def unit_perturbation(measurement: Measurement) -> float:
    """Return the standard deviation of the noise that `perturbation=1` adds to a code.

    The noisier the data, and the fewer for each pixel, the less detail should the network be able
    to tell apart.

    Examples
    --------
    >>> from priorlab.forward.noise import Gaussian
    >>> from priorlab.forward.operators import Identity
    >>> y = torch.zeros(1, 3, 16, 16)
    >>> unit_perturbation(Measurement(y, Identity(), Gaussian(0.1), y.shape))
    0.1
    """
    level: float = measurement.noise.level * (3 / measurement.shape[1]) ** 0.5
    return max(level, LEAST_PERTURBED)


class Member:
    """One network, fitted to the measurement of one image, with all that belongs to it alone.

    It draws from a random state of its own, whatever others draw in between: first that of
    torch's global generator after `seed`, from which network, rule and code are made, then `random`
    for the code and `layers` for what the network draws itself, as dropout does.
    """

    def __init__(
        self,
        make_network: MakeNetwork,
        make_code: MakeCode,
        settings: FitSettings,
        measurement: Measurement,
        seed: int,
    ) -> None:
        device = measurement.y.device
        seed_torch(seed, device)
        self.settings, self.measurement = settings, measurement
        self.network = make_network(measurement.shape).to(device).train()
        self.rule = rule_for(settings.stop if noisy(measurement) else "never", measurement)
        self.code = Code(make_code(self.rule.seen()), measurement, settings.perturbation)
        self.layers = torch.get_rng_state()
        self.random = torch.Generator()
        self.random.set_state(self.layers)
        on_host = device.type == "cpu"
        self.shaking = self.random if on_host else torch.Generator(device).manual_seed(seed)
        self.mean = torch.zeros(measurement.shape, device=device)
        self.samples = RunningMoments(self.mean) if settings.langevin else None
        self.estimate = self.shown = self.mean
        self.ended = False

    def draw(self) -> Tensor:
        """Return the code of the next step."""
        return self.code.draw(self.random)

    @contextlib.contextmanager
    def own_randomness(self) -> Iterator[None]:
        """Let the network's layers draw from the state of this member, which goes on."""
        torch.set_rng_state(self.layers)
        yield
        self.layers = torch.get_rng_state()

    def follow(self, step: int, output: Tensor) -> None:
        """Take in the output of a step."""
        settings, last = self.settings, self.settings.iterations
        # At first the mean forgets faster.
        memory = MEMORY if noisy(self.measurement) else MEMORY_OF_EXACT
        decay = min(settings.averaging, step / (step + memory))
        self.mean.lerp_(output, 1 - decay if step > 1 else 1)
        if self.samples and step > last // 2:
            self.estimate = self.samples.add(output)
        self.look(step, output)

    def look(self, step: int, output: Tensor) -> None:
        """Ask the stopping rule."""
        last = step == self.settings.iterations
        # Once only, as operators without a closed form take long; such fits run to the end.
        self.shown = self._agreeing(self.estimate) if last else self.estimate
        self.ended = self.rule.finished(step, self.shown, output, last)

    @torch.no_grad()
    def _agreeing(self, image: Tensor) -> Tensor:
        """Return the image, moved to agree with the data if they are exact."""
        noise = self.measurement.noise
        if noisy(self.measurement) or not noise.is_gaussian:
            return image
        return agreeing(image, self.measurement)


class Code:
    """The fixed code, with new noise added each time it is drawn."""

    def __init__(self, code: Tensor, measurement: Measurement, perturbation: float) -> None:
        device = measurement.y.device
        dtype = torch.bfloat16 if precision.bf16_is_fast(device) else torch.float32

        def placed(values: Tensor) -> Tensor:
            values = values.to(device, dtype)
            return values.contiguous(memory_format=precision.training_layout(device))

        self.code, self.noise = placed(code), None
        level = perturbation * unit_perturbation(measurement)
        if level:
            self.noise = placed(level * torch.randn(code.shape))

    def draw(self, random: torch.Generator) -> Tensor:
        """Return the code with the noise, shifted at random: a tenth of the cost of new noise."""
        if self.noise is None:
            return self.code
        shifts = torch.randint(0, min(self.code.shape[2:]), (2,), generator=random).tolist()
        return self.code + self.noise.roll(shifts, (2, 3))
