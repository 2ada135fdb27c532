"""Fit networks to a measurement: all steps, of all images and runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import torch

from priorlab.forward.measurement import Measurement
from priorlab.ground import torch_settings
from priorlab.randomness import seeded
from priorlab.solvers.parameter_space.member import MakeCode, MakeNetwork, Member
from priorlab.solvers.parameter_space.penalties import RED
from priorlab.solvers.parameter_space.report import Report
from priorlab.solvers.parameter_space.settings import FitSettings
from priorlab.solvers.parameter_space.stack import Stack
from priorlab.solvers.parameter_space.stacked import stacking_is_fast
from priorlab.solvers.posterior import Result
from priorlab.trace import Trace


def fit(
    make_network: MakeNetwork,
    make_code: MakeCode,
    measurement: Measurement,
    settings: FitSettings,
    trace: Trace,
    seed: int,
    red: RED | None = None,
) -> Result:
    """Return the image that a network makes when fitted to a measurement.

    Every image of a batch, and every run, gets a network and a code of its own. Run r draws
    them from ``seed + r``, so an image is restored as it would be alone, and several runs are
    the mean of what their seeds give. The caller's random state is left as it was. Outliers that
    can be detected, such as impulses, count as missing pixels.

    Data without noise say more than the network comes to fit: the image is then the nearest to
    its own that agrees with them. Known pixels, for instance, are returned as they are.

    At most `settings.batch` networks are fitted together: stacked into one on a GPU, on a CPU
    in a thread each, where they share the threads that PyTorch has. That changes only how sums
    are rounded; networks whose layers draw random numbers, as dropout does, take their steps one
    after the other on a CPU, and draw other numbers stacked than alone on a GPU.

    Convolutions run in bfloat16 where the hardware multiplies it, so results depend on the
    machine; on one machine they depend on the seed only.

    Parameters
    ----------
    make_network, make_code : callable
        Return a fresh network for images of a shape, and its input for a measurement of one image.
        Both draw from torch's global generator, which is seeded before.
    measurement : Measurement
        The data, the operator and the noise model.
    settings : FitSettings
        How to fit, and when to stop.
    trace : Trace
        Receives the images of each step.
    seed : int
        The only source of randomness.
    red : RED, optional
        A denoiser as a second prior.

    Returns
    -------
    Result
        The image and, with ``langevin=``, the standard deviation of the outputs whose mean it is,
        of all runs together. The trace gets that as the picture "uncertainty", too.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Denoise
    >>> from priorlab.trace import SILENT
    >>> def make_network(shape):
    ...     return torch.nn.Sequential(torch.nn.Conv2d(2, shape[1], 3, padding=1))
    >>> def make_code(measurement):
    ...     return torch.rand(1, 2, *measurement.shape[2:])
    >>> measurement = Denoise().measure(torch.full((1, 3, 16, 20), 0.5), seed=0)
    >>> settings = FitSettings(iterations=3)
    >>> result = fit(make_network, make_code, measurement, settings, SILENT, seed=0)
    >>> result.image.shape
    torch.Size([1, 3, 16, 20])
    """
    outliers, runs = measurement.has_outliers, settings.runs
    fits = [(index, run) for index in range(measurement.shape[0]) for run in range(runs)]
    device = measurement.y.device
    stacked = stacking_is_fast(device)
    # The pixels that impulses hit make an operator for each image, and a stack has but one.
    batch = 1 if stacked and outliers else min(settings.batch, len(fits))
    images = torch.zeros(len(fits), *measurement.shape[1:], device=device)
    variances = torch.zeros_like(images)
    taken: list[int] = []
    with seeded(seed, device), torch_settings.usual(device):
        for first in range(0, len(fits), batch):
            members = [
                Member(
                    make_network,
                    make_code,
                    settings,
                    measurement.image(index).without_outliers(),
                    seed + run,
                )
                for index, run in fits[first : first + batch]
            ]
            groups = [members] if stacked else [[member] for member in members]
            stacks = [Stack(settings, group, red) for group in groups]
            report = Report(settings, trace, images, first, batch, taken)
            taken.append(_take_all_steps(stacks, report))
            images[first : first + batch] = torch.cat([member.rule.best for member in members])
            for index, member in enumerate(members):
                if member.samples:
                    variances[first + index] = member.samples.deviation()[0].square()
    by_run = images.view(-1, runs, *images.shape[1:])
    image = by_run.mean(1).to(measurement.y.real.dtype)
    if not settings.langevin:
        return Result(image)
    within = variances.view_as(by_run).mean(1)
    deviation = (within + by_run.var(1, correction=0)).sqrt().to(image.dtype)
    trace.picture("uncertainty", deviation)
    return Result(image, deviation)


def _take_all_steps(stacks: list[Stack], report: Report) -> int:
    """Fit stacks side by side, until all fits have ended; return how many steps that took."""
    members = [member for stack in stacks for member in stack.members]
    draws = False
    with _side_by_side(len(stacks)) as apply:
        for step in range(1, stacks[0].settings.iterations + 1):
            if step == 1 or draws:
                # One after the other: threads would draw from one generator in any order.
                drew = [stack.advance_alone(step) for stack in stacks]
                draws = any(drew)
            else:
                list(apply(Stack.advance, stacks, repeat(step)))
            report.step(step, members, stacks[0].outputs)
            if all(member.ended for member in members):
                break
    report.end(members)
    return step


@contextlib.contextmanager
def _side_by_side(count: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """Yield a `map` of which at most `count` calls run at once and share PyTorch's threads."""
    threads = torch.get_num_threads()
    if min(count, threads) == 1:
        yield map
        return
    share = max(1, threads // count)
    try:
        # Threads are a property of the thread that asks for them, and of those begun later.
        with ThreadPoolExecutor(
            min(count, threads), initializer=torch.set_num_threads, initargs=(share,)
        ) as pool:
            yield pool.map
    finally:
        torch.set_num_threads(threads)
