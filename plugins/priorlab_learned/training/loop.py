"""The loop of all trainings of networks: optimiser, learning rate, averaged weights, checkpoints.

A run is a pure function of the data, the settings and the seed on one kind of machine: every step
draws what it needs from a generator seeded with (seed, step), so an interrupted run continues
exactly where it stopped, and nothing depends on how often it was interrupted.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from priorlab.training import Progress, Report
from priorlab.training.checkpoints import Checkpoint
from priorlab.training.devices import Devices
from priorlab.training.memory import freed_memory_kept

Loss = Callable[[nn.Module, int, np.random.Generator, torch.device], Tensor]
"""Returns the loss of a step: of the network, the number of the step, its generator, the device."""

Validate = Callable[[nn.Module], float]
"""Returns the PSNR in dB of a network on a few images that the training does not see."""

WARM_UP = 0.05
"""Fraction of the steps over which the learning rate rises to its maximum."""
AVERAGED = 0.999
"""Each step keeps this share of the averaged weights, unless the schedule says otherwise."""
MOST_GRADIENT = 0.1
"""Norm to which a larger gradient is shortened."""
REPORT_EVERY = 50
CHECKPOINT_EVERY = 500
"""A multiple of `REPORT_EVERY`; the network is validated as often."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast a network learns.

    Attributes
    ----------
    steps : int
        Steps of the optimiser.
    seed : int
        The only source of randomness.
    learning_rate : float
        The greatest; it rises linearly over the first 5 % of the steps, then falls as a cosine.
    averaged : float
        The share of the averaged weights that each step keeps.
    """

    steps: int
    seed: int
    learning_rate: float
    averaged: float = AVERAGED

    def rate(self, step: int) -> float:
        """Return the learning rate of a step.

        Examples
        --------
        >>> [round(Schedule(100, 0, 1.0).rate(step), 2) for step in (0, 4, 52, 99)]
        [0.2, 1.0, 0.51, 0.0]
        """
        rise = max(1.0, WARM_UP * self.steps)
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        done = (step - rise) / max(1.0, self.steps - rise)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


@dataclasses.dataclass(frozen=True)
class Learned:
    """What a training ends with.

    Attributes
    ----------
    network : Module
        The network with the averaged weights.
    curve : list of (int, float, float)
        Step, mean loss and validation PSNR in dB, every 500 steps and at the end.
    cpu_seconds : float
        CPU time of all parts of an interrupted run.
    """

    network: nn.Module
    curve: list[tuple[int, float, float]]
    cpu_seconds: float


def optimise(
    network: nn.Module,
    loss: Loss,
    validate: Validate,
    schedule: Schedule,
    devices: Devices,
    checkpoint: Checkpoint,
    report: Report,
    keep: Callable[[Learned], None] = lambda learned: None,
) -> Learned:
    """Train a network, from the checkpoint if there is one.

    AdamW with decoupled weight decay 1e-4. What is returned are the weights' exponential moving
    average.

    Parameters
    ----------
    network : Module
        With its first weights.
    loss : callable
        See `Loss`.
    validate : callable
        See `Validate`.
    schedule : Schedule
        Steps, seed and learning rate.
    devices : Devices
        Where it computes. Each process draws batches of its own, and their gradients are averaged.
    checkpoint : Checkpoint
        Saved every 500 steps.
    report : callable
        Told how far it is every 50 steps, and at the end.
    keep : callable
        Given what is learned so far after each checkpoint.

    Returns
    -------
    Learned
        The network and how it got there.
    """
    network.to(devices.device)
    optimiser = torch.optim.AdamW(
        network.parameters(), schedule.learning_rate, weight_decay=1e-4, fused=True
    )
    averaged = copy.deepcopy(network).eval()
    done, spent, curve = _resume(checkpoint, network, optimiser, averaged)
    shared, optimiser = devices.setup(network, optimiser)
    first = devices.global_rank == 0
    started, total, count = time.process_time(), 0.0, 0
    with _one_thread(devices.device), freed_memory_kept():
        for step in range(done, schedule.steps):
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate(step)
            draw = step * devices.world_size + devices.global_rank
            with devices.autocast():
                rng = np.random.default_rng([schedule.seed, draw])
                value = loss(shared, step, rng, devices.device)
            optimiser.zero_grad(set_to_none=True)
            devices.backward(value)
            torch.nn.utils.clip_grad_norm_(network.parameters(), MOST_GRADIENT)
            optimiser.step()
            _average(averaged, network, step, schedule.averaged)
            total, count = total + value.item(), count + 1
            last = step + 1 == schedule.steps
            if not first or ((step + 1) % REPORT_EVERY and not last):
                continue
            mean, total, count = total / count, 0.0, 0
            if (step + 1) % CHECKPOINT_EVERY == 0 or last:
                curve.append((step + 1, mean, validate(averaged)))
            report(Progress(step + 1, schedule.steps, mean, curve[-1][2] if curve else None))
            if (step + 1) % CHECKPOINT_EVERY == 0:
                seconds = spent + time.process_time() - started
                _save(checkpoint, step + 1, network, optimiser, averaged, curve, seconds)
                keep(Learned(averaged, curve, seconds))
    return Learned(averaged, curve, spent + time.process_time() - started)


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, step: int, most: float) -> None:
    """Move the averaged weights towards the network's; the first steps count less."""
    share = min(most, (step + 1) / (step + 10))
    torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), 1 - share)


def _save(
    checkpoint: Checkpoint,
    step: int,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    averaged: nn.Module,
    curve: list[tuple[int, float, float]],
    cpu_seconds: float,
) -> None:
    checkpoint.save(
        {
            "step": step,
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "averaged": averaged.state_dict(),
            "curve": [list(point) for point in curve],
            "cpu_seconds": cpu_seconds,
        }
    )


def _resume(
    checkpoint: Checkpoint,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    averaged: nn.Module,
) -> tuple[int, float, list[tuple[int, float, float]]]:
    """Load the checkpoint if there is one; return steps done, CPU seconds spent, the curve."""
    state: dict[str, Any] | None = checkpoint.load()
    if state is None:
        return 0, 0.0, []
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    averaged.load_state_dict(state["averaged"])
    return state["step"], state["cpu_seconds"], [tuple(point) for point in state["curve"]]


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    """Compute on one thread: beside another process a second one costs more than it gains."""
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
