"""What every prior must do, whatever its form."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import threading
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorlab import metrics, restoration
from priorlab.conformance.checks import Check, Failed, Skipped
from priorlab.conformance.component_checks import parameters
from priorlab.conformance.memory_check import memory
from priorlab.conformance.scenes import (
    FEW_STEPS,
    batch_of,
    channels_of,
    first_supported,
    measured,
    quick,
    scene,
    supported,
)
from priorlab.forward.measurement import Measurement
from priorlab.ground import process_tree
from priorlab.priors import Prior
from priorlab.trace import SILENT
from priorlab.trials.surroundings import settings_kept

ROUNDING = 2e-3
"""Greatest difference of values in [0, 1] that another order of summation may make."""

OF_FITS = 0.05
"""The same for the root mean square of a fit of a network, whose steps enlarge it."""

REMEMBERED = 0.2
"""Share of the usual time in which only a remembered result comes back."""

LEAST_TIMED = 0.03
"""Seconds from which on times are compared."""


def _restored(prior: Prior, measurement: Measurement, seed: int = 0) -> Tensor:
    return restoration.run(quick(prior), measurement, seed=seed)


def _by_itself(prior: Prior, measurement: Measurement) -> Tensor:
    """Return what the prior restores without the core, which clips it and puts settings back."""
    settled = quick(prior).settled(measurement)
    settled.prepare(measurement.y.device, measurement.shape[1])
    return settled.restore(measurement, SILENT, 0)  # as the core calls it


def tasks(prior: Prior) -> None:
    """It restores every task for which `unsupported` returns None, and gives reasons else."""
    for _, measurement in supported(prior, scene(channels_of(prior))):
        _restored(prior, measurement)


def channels(prior: Prior) -> None:
    """It takes gray and coloured pictures, or says in `unsupported` that it does not."""
    for count in (1, 3):
        with contextlib.suppress(Skipped):
            _restored(prior, first_supported(prior, scene(count))[1])


def sizes(prior: Prior) -> None:
    """It takes pictures whose sides are odd, and as small as 16 pixels."""
    count = channels_of(prior)
    for height, width in ((17, 31), (35, 16), (16, 16)):
        try:
            _restored(prior, first_supported(prior, scene(count, height, width))[1])
        except Exception as error:
            raise Failed(f"{height} x {width} pixels: {restoration.reason(error)}") from error


def value_range(prior: Prior) -> None:
    """What it returns is finite, and near [0, 1], for which it is clipped."""
    image = _by_itself(prior, measured(prior))
    low, high = float(image.min()), float(image.max())
    if not (low >= -0.5 and high <= 1.5):
        raise Failed(
            f"restore returned values from {low:.3g} to {high:.3g}; white is 1 and black is 0,"
            " in the data and in the image"
        )


def determinism(prior: Prior) -> None:
    """Equal seeds give equal images, whatever was restored before."""
    clean = scene(channels_of(prior))
    task, measurement = first_supported(prior, clean)
    first = _restored(prior, measurement)
    # The same picture with other noise: what was seen of a picture would help with it next time.
    _restored(prior, task.measure(clean, seed=1), seed=1)
    again = _restored(prior, measurement)
    if not torch.equal(first, again):
        raise Failed(
            f"the same measurement and seed gave images that differ by {_gap(first, again):.2g};"
            " draw from torch's or numpy's global generators, which are seeded for each call, or"
            " from one made with `seed`, and keep nothing between calls"
        )


def unchanged_input(prior: Prior) -> None:
    """It does not change the measurement."""
    measurement = measured(prior)
    before = measurement.y.clone()
    with settings_kept():
        _by_itself(prior, measurement)  # the core would give it a copy
    if not torch.equal(measurement.y, before):
        raise Failed(
            f"restore changed the data by {_gap(measurement.y, before):.2g}; work on a copy"
            " (v.clone()), without in-place functions such as v.mul_() or v[...] = ..."
        )


def batch(prior: Prior) -> None:
    """Each image of a batch is restored as it is alone."""
    measurement = batch_of(measured(prior), (1.0, 0.9, 0.8))
    together = _restored(prior, measurement)
    if not prior.optimises and not torch.equal(together, _restored(prior, measurement, seed=1)):
        raise Skipped("it draws random numbers, others for an image beside others than alone")
    alone = torch.cat([_restored(prior, measurement.image(index)) for index in range(3)])
    _compare(
        prior,
        together,
        alone,
        "an image in a batch of three and alone differ by {gap:.2g}; treat each image by itself:"
        " statistics over dimensions 1 to 3, none over dimension 0",
    )


def threads(prior: Prior) -> None:
    """One thread and two give the same image."""
    before = torch.get_num_threads()
    measurement = measured(prior)
    try:
        images = []
        for count in (1, 2):
            torch.set_num_threads(count)
            images.append(_restored(prior, measurement))
    finally:
        torch.set_num_threads(before)
    _compare(
        prior,
        images[0],
        images[1],
        "one thread and two gave images that differ by {gap:.2g}; let no result depend on"
        " torch.get_num_threads() or on which thread is first",
    )


def surroundings(prior: Prior) -> None:
    """Settings of torch and the working folder are afterwards what they were before."""
    before = _settings()
    with settings_kept():
        _by_itself(prior, measured(prior))
        changed = {key: value for key, value in _settings().items() if value != before[key]}
    if changed:
        told = ", ".join(f"{key} from {before[key]} to {now}" for key, now in changed.items())
        raise Failed(f"it changed {told}; put back what you change, in a `finally`")


def scale(prior: Prior) -> None:
    """Data and noise times c give the image times c."""
    task, measurement = first_supported(prior, scene(channels_of(prior)))
    if quick(prior) is not prior and not prior.knows_exposure:
        # Ours differ after 20 steps by up to 0.4, by less and less the longer they are fitted.
        raise Skipped(
            f"a fit nears the scale of its data over more steps than the {FEW_STEPS} of a check;"
            " see that a whole fit of a picture at a quarter of its brightness is a quarter"
        )
    if not measurement.noise.is_gaussian:
        raise Skipped(f"the noise of {task.spec()} does not scale with the data")
    factor = 0.25
    dark = dataclasses.replace(
        measurement, y=factor * measurement.y, noise=measurement.noise.scaled(factor)
    )
    bright = _restored(prior, measurement)
    change = _rms(bright, measurement.initial_guess())
    gap = _rms((_restored(prior, dark) / factor).clamp(0, 1), bright)
    if gap > max(0.1 * change, OF_FITS if prior.optimises else ROUNDING):
        raise Failed(
            f"data and noise times {factor} gave another image, by {gap:.2g} (root mean square):"
            " let every length and threshold follow from sigma in proportion, or write"
            " `knows_exposure: ClassVar[bool] = True`, and the core shows it pictures whose"
            " white is near 1"
        )


def gain(prior: Prior) -> None:
    """It is better than the degraded picture, on the first task that it takes."""
    clean = scene(channels_of(prior), 64, 64)
    task, measurement = first_supported(prior, clean)
    restored = restoration.run(prior, measurement)
    truth = task.truth(clean)
    degraded = measurement.operator.frame(measurement.initial_guess())
    before, after = (
        metrics.evaluate(image, truth, task.protocol, metrics.BUILTIN_METRICS[:1])["psnr"]
        for image in (degraded, restored)
    )
    if not after > before:
        raise Failed(
            f"{task.spec()}: PSNR {after:.2f} dB, of the degraded picture {before:.2f} dB;"
            " is white 1, and sigma a standard deviation on that scale?"
        )


def place(prior: Prior) -> None:
    """Colours and pixels stay where they are."""
    count = channels_of(prior)
    with contextlib.suppress(Exception):  # whether it has to take colour, `channels` says
        task, measurement = first_supported(prior, scene(3))
        restored, count = _restored(prior, measurement), 3
    if count != 3:
        task, measurement = first_supported(prior, scene(count))
        restored = _restored(prior, measurement)
    truth = task.truth(scene(count))
    others = {
        f"moved by a pixel {where}": truth.roll(step, dim)
        for where, step, dim in (("down", 1, 2), ("up", -1, 2), ("right", 1, 3), ("left", -1, 3))
    }
    if count == 3:
        others["with red and blue exchanged"] = truth.flip(1)
        others["without its colours"] = truth.mean(1, keepdim=True).expand_as(truth)
    own = _likeness(restored, truth)
    for which, other in others.items():
        if _likeness(restored, other) > own:
            raise Failed(f"{task.spec()}: restored is rather the picture {which}; channels are RGB")


def timing(prior: Prior) -> None:
    """All work is done while `restore` runs: nothing is remembered, and nothing goes on after."""
    measurement = measured(prior)
    _restored(prior, measurement)  # weights are loaded, loops compiled
    own, before = os.getpid(), threading.active_count()
    processes = set(process_tree.children(own))
    usual, again = _times(prior, measurement, (1, 2, 3))
    if _suspicious(usual, again):  # a busy machine can be the reason, once
        usual, again = _times(prior, measurement, (4, 5, 6))
    if threading.active_count() > before:
        raise Failed("a thread that it started goes on after restore returned; join it there")
    if set(process_tree.children(own)) - processes:
        raise Failed("a process that it started goes on after restore returned; end it there")
    if _suspicious(usual, again):
        raise Failed(
            f"the same picture again took {again:.3f} s instead of {usual:.3f} s; keep nothing"
            " between calls, such as results by the digest of the data"
        )


def device(prior: Prior) -> None:
    """A GPU gives the image that the CPU gives."""
    if not torch.cuda.is_available():
        raise Skipped("there is no GPU here")
    measurement = measured(prior)
    on_cpu, on_gpu = _restored(prior, measurement), _restored(prior, measurement.to("cuda"))
    if on_gpu.device.type != "cuda":
        raise Failed(f"data on the GPU gave an image on {on_gpu.device}; return it where v is")
    gap = _rms(on_cpu, on_gpu.cpu())
    if gap > (OF_FITS if prior.optimises else ROUNDING):
        raise Failed(f"the GPU's image differs from the CPU's by {gap:.2g} (root mean square)")


CHECKS = (
    Check("parameters", parameters, 20.0),
    Check("tasks", tasks, 300.0),
    Check("channels", channels, 120.0),
    Check("sizes", sizes, 120.0),
    Check("range", value_range, 60.0),
    Check("determinism", determinism, 120.0),
    Check("input", unchanged_input, 60.0),
    Check("batch", batch, 120.0),
    Check("threads", threads, 120.0),
    Check("surroundings", surroundings, 60.0),
    Check("scale", scale, 120.0),
    Check("gain", gain, 300.0),
    Check("place", place, 120.0),
    Check("timing", timing, 180.0),
    Check("memory", memory, 300.0),
    Check("device", device, 180.0),
)
"""In the order in which they are made."""


def _settings() -> dict[str, Any]:
    return {
        "torch.get_num_threads()": torch.get_num_threads(),
        "torch.is_grad_enabled()": torch.is_grad_enabled(),
        "torch.get_default_dtype()": torch.get_default_dtype(),
        "torch.get_deterministic_debug_mode()": torch.get_deterministic_debug_mode(),
        "torch.get_float32_matmul_precision()": torch.get_float32_matmul_precision(),
        "os.getcwd()": os.getcwd(),
        "sys.getrecursionlimit()": sys.getrecursionlimit(),
        "numpy.geterr()": np.geterr(),
    }


def _times(prior: Prior, measurement: Measurement, numbers: tuple[int, ...]) -> tuple[float, float]:
    """Return how long pictures take, each with a number of its own, and the same ones again."""
    others = [
        dataclasses.replace(measurement, y=measurement.y * (1 - 1e-3 * number))
        for number in numbers
    ]
    times = [(_seconds(prior, other), _seconds(prior, other)) for other in others]
    usual, again = map(min, zip(*times, strict=True))  # the least: other work only adds to them
    return usual, again


def _suspicious(usual: float, again: float) -> bool:
    return usual > LEAST_TIMED and again < REMEMBERED * usual


def _seconds(prior: Prior, measurement: Measurement) -> float:
    """Return how long a restoration takes."""
    start = time.perf_counter()
    _restored(prior, measurement)
    return time.perf_counter() - start


def _compare(prior: Prior, a: Tensor, b: Tensor, says: str) -> None:
    fitted = prior.optimises
    gap = _rms(a, b) if fitted else _gap(a, b)
    if gap > (OF_FITS if fitted else ROUNDING):
        raise Failed(says.format(gap=gap))


def _likeness(a: Tensor, b: Tensor) -> float:
    """Return the correlation of two images, to which neither brightness nor contrast matter."""
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-12))


def _gap(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max())


def _rms(a: Tensor, b: Tensor) -> float:
    return float((a - b).square().mean().sqrt())
