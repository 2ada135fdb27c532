"""Optimisation over the parameters of a generator: ``min over theta of E(A g_theta(z); y)``.

There is no R(x): the network is the prior. Its structure makes it fit natural images before
noise, so the path is followed with its running mean and left early.
"""

from __future__ import annotations

import torch
from torch import Tensor

from priorlab.measurement import Measurement
from priorlab.priors import Generator, Trace


def fit(generator: Generator, measurement: Measurement, trace: Trace, seed: int) -> Tensor:
    """Return the image that a generator makes when fitted to a measurement.

    Every image of a batch gets a network and a code of its own, drawn from the same seed, so
    that it is restored as it would be alone. The caller's random state is left as it was.
    """
    y = measurement.y
    shape = (1, *measurement.shape[1:])
    images = []
    for index in range(measurement.shape[0]):
        devices = [y.device] if y.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.enable_grad():
            torch.manual_seed(seed)
            one = Measurement(
                y[index : index + 1], measurement.operator, measurement.noise, shape
            )
            images.append(_fit_one(generator, one, trace))
    return torch.cat(images)


def _fit_one(generator: Generator, measurement: Measurement, trace: Trace) -> Tensor:
    y, operator, noise = measurement.y, measurement.operator, measurement.noise
    layout = torch.channels_last
    network = generator.network(measurement.shape).to(y.device, memory_format=layout).train()
    code = generator.code(measurement.shape).to(y.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=generator.learning_rate)
    # Squared error per pixel for Gaussian noise: independent of size and noise level.
    scale = 2 * noise.level**2 / y.numel()
    fast = torch.autocast(y.device.type, torch.bfloat16, enabled=bf16_is_fast(y.device))
    mean = torch.zeros(measurement.shape, device=y.device)
    for step in range(1, generator.iterations + 1):
        # Noise is drawn in contiguous storage, where that is ten times as fast.
        z = code + generator.perturbation * torch.randn_like(code)
        with fast:
            image = network(z.to(memory_format=layout))
        loss = scale * noise.nll(operator.forward(image), y).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay = min(generator.averaging, 1 - 1 / step)
        mean.lerp_(image.detach(), 1 - decay)
        trace.report(step, generator.iterations, mean, loss=float(loss))
    return mean.to(y.dtype)


def bf16_is_fast(device: torch.device) -> bool:
    """Return whether `device` multiplies bfloat16 in hardware; others emulate it, slowly."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return device.type == "cpu" and any(
        getattr(torch.cpu, check, lambda: False)() for check in checks
    )
