"""Optimisation over the parameters of a generator: ``min over theta of E(A g_theta(z); y)``.

There is no R(x): the network is the prior. Its structure makes it fit natural images before
noise, so the running mean of its outputs first comes closer to the truth and then departs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from priorlab.measurement import Measurement
from priorlab.precision import bf16_is_fast
from priorlab.priors import Generator, Trace
from priorlab.solvers.held_out import HeldOut
from priorlab.solvers.muon import Muon

NOTICEABLE = 1 / 255
"""Noise of a lower level does no harm when it is fitted: nothing is held out then, and Muon,
which fits everything faster, is used to the end."""

LEAST_PERTURBED = 14 / 255
"""The code is perturbed as for this noise level at least: exact data gain from it too."""


def fit(generator: Generator, measurement: Measurement, trace: Trace, seed: int) -> Tensor:
    """Return the image that a generator makes when fitted to a measurement.

    Every image of a batch gets a network and a code of its own, drawn from the same seed, so
    that it is restored as it would be alone. The caller's random state is left as it was.

    Convolutions run in bfloat16 where the hardware multiplies it, so results depend on the
    machine; on one machine they depend on the seed only.
    """
    y, shape = measurement.y, measurement.shape
    devices = [y.device] if y.device.type == "cuda" else []
    images = []
    for index in range(shape[0]):
        one = Measurement(
            y[index : index + 1], measurement.operator, measurement.noise, (1, *shape[1:])
        )
        with torch.random.fork_rng(devices), torch.enable_grad():
            torch.manual_seed(seed)
            images.append(_fit_one(generator, one, trace))
    return torch.cat(images)


def _fit_one(generator: Generator, measurement: Measurement, trace: Trace) -> Tensor:
    y, noise = measurement.y, measurement.noise
    network = generator.make_network(measurement.shape).to(y.device).train()
    for kernel in (parameter for parameter in network.parameters() if parameter.ndim == 4):
        kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
    fast = bf16_is_fast(y.device)
    code = _Code(generator, measurement, torch.bfloat16 if fast else torch.float32)
    muon = Muon(_kernels(network) if generator.warm_up else [])
    adam = torch.optim.Adam(network.parameters(), lr=generator.learning_rate, fused=True)
    bf16 = torch.autocast(y.device.type, torch.bfloat16, enabled=fast)
    # Mean squared error for Gaussian noise, whatever the image's size and the noise level.
    scale = 2 * noise.level**2 / y.numel()
    mean = torch.zeros(measurement.shape, device=y.device)
    noisy = noise.level > NOTICEABLE
    held_out = HeldOut(measurement, generator.held_out if noisy else 0.0, mean)
    for step in range(1, generator.iterations + 1):
        with bf16:
            image = network(code.draw()).float().contiguous()
        loss = scale * noise.nll(held_out.hide(measurement.operator.forward(image)), y).sum()
        adam.zero_grad()
        torch.autograd.backward(loss)
        if generator.warm_up and (step <= generator.warm_up or not noisy):
            muon.step()
        adam.step()
        # At first the mean forgets faster: its memory is a ninth of the steps so far.
        decay = min(generator.averaging, step / (step + 9))
        mean.lerp_(image.detach(), 1 - decay if step > 1 else 1)
        trace.report(step, generator.iterations, mean)
        if held_out.finished(step, last=step == generator.iterations):
            break
    return held_out.best.to(y.dtype)


class _Code:
    """The fixed code, with new noise added each time it is drawn."""

    def __init__(self, generator: Generator, measurement: Measurement, dtype: torch.dtype) -> None:
        def placed(values: Tensor) -> Tensor:
            values = values.to(measurement.y.device, dtype)
            return values.contiguous(memory_format=torch.channels_last)

        code = generator.make_code(measurement.shape)
        self.code, self.noise = placed(code), None
        # The noisier the data, the less detail should the network be able to tell apart.
        level = generator.perturbation * max(measurement.noise.level, LEAST_PERTURBED)
        if level:
            self.noise = placed(level * torch.randn(code.shape))

    def draw(self) -> Tensor:
        """Return the code with the noise, shifted at random: a tenth of the cost of new noise."""
        if self.noise is None:
            return self.code
        shifts = torch.randint(0, min(self.code.shape[2:]), (2,)).tolist()
        return self.code + self.noise.roll(shifts, (2, 3))


def _kernels(network: nn.Module) -> list[Tensor]:
    """Return what Muon can optimise: the kernels, without those of a few inputs or outputs."""
    return [
        kernel for kernel in network.parameters() if kernel.ndim == 4 and min(kernel.shape[:2]) > 4
    ]
